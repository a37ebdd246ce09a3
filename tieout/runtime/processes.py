"""A small process tree: children in groups of their own, restarted when they crash, gone when we go.

Each child leads its own process group, so a Ctrl-C on the terminal reaches only the supervisor, which then ends the
children in order. On Linux the kernel kills a child whose supervisor died (PR_SET_PDEATHSIG): everything Tieout runs
is built to survive SIGKILL, so nothing is lost by that.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tieout.core.clock import Clock
from tieout.core.errors import TieoutError

TICK = 0.1
BACKOFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_AFTER = 60.0  # a child that lived this long starts its backoff anew
LOG_KEEP_BYTES = 10 * 1024 * 1024
_PR_SET_PDEATHSIG = 1

EventKind = Literal["crashed", "restarted", "killed"]
Listener = Callable[[EventKind, "Child", str], None]


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: stages are stopped from the highest to the lowest, one after the other."""

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    stage: int = 1


class Child:
    """A program that is meant to run, and the process that runs it now (None while it waits to be restarted)."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.crashes = 0
        self.started = 0.0
        self.retry_at = 0.0

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def log_tail(self, lines: int = 12) -> str:
        """The last lines of the program's log."""
        try:
            with self.program.log.open("rb") as log:
                log.seek(max(0, self.program.log.stat().st_size - 8192))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


class Supervisor:
    """Starts, watches and ends children; must be used from the main thread (the kernel ties children to it)."""

    def __init__(self, clock: Clock, listener: Listener | None = None) -> None:
        self._clock = clock
        self._listen = listener or (lambda kind, child, text: None)
        self._children: list[Child] = []
        self.stopping = False
        self._impatient = False

    @property
    def children(self) -> Sequence[Child]:
        return tuple(self._children)

    def start(self, program: Program) -> Child:
        """Start a program; from now on it is restarted when it ends."""
        child = Child(program)
        self._spawn(child)
        self._children.append(child)
        return child

    def tick(self) -> None:
        """Notice what ended and restart what is due."""
        for child in self._children:
            if child.process is not None and _has_ended(child.process):
                code = self._bury(child)
                lived = self._clock.monotonic() - child.started
                child.crashes = 1 if lived >= STEADY_AFTER else child.crashes + 1
                delay = BACKOFF[min(child.crashes, len(BACKOFF)) - 1]
                child.retry_at = self._clock.monotonic() + delay
                self._listen("crashed", child, describe_exit(code))
            elif child.process is None and self._clock.monotonic() >= child.retry_at:
                self._spawn(child)
                self._listen("restarted", child, "")

    def run(self, until: Callable[[], bool], timeout: float | None = None) -> bool:
        """Watch the children until the condition holds; False when the time ran out or a stop was asked for first."""
        end = None if timeout is None else self._clock.monotonic() + timeout
        while not self.stopping:
            self.tick()
            if until():
                return True
            if end is not None and self._clock.monotonic() >= end:
                return False
            self._clock.sleep(TICK)
        return False

    def ask_stop(self) -> None:
        """Called by signal handlers: the first time stop in order, the second time at once."""
        self._impatient = self.stopping
        self.stopping = True

    def stop(self, grace: float = 5.0, last_grace: float = 2.0) -> None:
        """End every child: SIGTERM stage by stage, SIGKILL to what has not ended after its grace (seconds).

        The highest stage has `grace`, each lower one `last_grace`: with two stages seven seconds at most, on a machine
        too busy to let them end. Nobody is waited for once all of a stage have ended.
        """
        self.stopping = True
        stages = sorted({child.program.stage for child in self._children}, reverse=True)
        for stage in stages:
            living = [c for c in self._children if c.program.stage == stage and c.process is not None]
            for child in living:
                assert child.process is not None
                _signal_group(child.process.pid, signal.SIGTERM)
            end = self._clock.monotonic() + (grace if stage == stages[0] else last_grace)
            while living and self._clock.monotonic() < end and not self._impatient:
                living = [c for c in living if not self._bury_if_ended(c)]
                if living:
                    self._clock.sleep(0.02)
            for child in living:
                assert child.process is not None
                _signal_group(child.process.pid, signal.SIGKILL)
                self._listen("killed", child, "")
                self._bury(child)
        self._children.clear()

    def _bury_if_ended(self, child: Child) -> bool:
        if child.process is None or not _has_ended(child.process):
            return child.process is None
        self._bury(child)
        return True

    def _bury(self, child: Child) -> int:
        """Reap an ended child; what it left in its group is killed first, while the group id is still its own."""
        assert child.process is not None
        if not _has_ended(child.process):
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT)
        _signal_group(child.process.pid, signal.SIGKILL)
        code = child.process.wait()
        child.process = None
        return code

    def _spawn(self, child: Child) -> None:
        program = child.program
        _turn_log(program.log)
        with program.log.open("ab") as log:
            try:
                child.process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                    list(program.argv),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **program.env},
                    pass_fds=program.pass_fds,
                    process_group=0,
                    preexec_fn=_tie_to_parent(os.getpid()),
                )
            except OSError as error:
                raise TieoutError(f"cannot start {program.name}: {error.strerror}.", code="process") from None
        child.started = self._clock.monotonic()


@contextlib.contextmanager
def stop_signals(supervisor: Supervisor) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal ask the supervisor to stop.

    The handlers are set even where the caller ignored the signal (a background job of a shell starts with SIGINT
    ignored): whoever sends one means us.
    """

    def handle(number: int, frame: object) -> None:
        supervisor.ask_stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def describe_exit(code: int) -> str:
    """`exit 3`, or the name of the signal that ended a process."""
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """True when the process ended; it is left unreaped, so that its group id cannot be reused yet."""
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _tie_to_parent(parent: int) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def _turn_log(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.stat().st_size > LOG_KEEP_BYTES:
            path.replace(path.with_suffix(path.suffix + ".1"))
