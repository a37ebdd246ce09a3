"""Processes of the product in one thread: who runs, who is dead, and what dying takes away.

A crash is a BaseException that leaves the step. Whatever the product does on the way out (a `finally`, a rollback)
must have no effect, as a killed process does nothing more: a dead process' statements and requests raise again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sync.context import Context
from tests.sim.clock import ProcessClock
from tieout.core.ids import SeededIds

if TYPE_CHECKING:
    from tests.sim.world import World


class Crash(BaseException):
    """The process was killed here."""


class Process:
    """One process of an installation: a context of its own, living until it crashes."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.is_dead = False
        self.is_horse_alone = False  # of the last death
        self.clock = ProcessClock(world.time)
        self.ctx = self._born()

    def _born(self) -> Context:
        world = self.world
        world.births += 1
        return Context(
            config=world.config,
            engine=world.database.engine,
            clock=self.clock,
            ids=SeededIds(world.plan.seed * 1000 + world.births),
            sealer=world.sealer,
            transport=world.network.line(self),
            _profiles=world.profiles,
        )

    def start_anew(self) -> None:
        """Stopped and started by an operator."""
        self.ctx = self._born()

    def check(self) -> None:
        """Raise again in a dead process."""
        if self.is_dead:
            raise Crash(self.name)

    def die(self, *, is_horse_alone: bool = False) -> None:
        """Be killed now: worker and horse together, or the horse alone, which its worker notices at once."""
        self.is_dead, self.is_horse_alone = True, is_horse_alone
        raise Crash(self.name)

    def run(self, work: Callable[[Context], object]) -> bool:
        """Do some work here; False if it was killed meanwhile. A killed process is started again at once."""
        try:
            with running(self):
                try:
                    work(self.ctx)
                except Exception:  # what it said on its way out, nobody heard
                    self.check()
                    raise
                self.check()
        except Crash:
            self.is_dead = False
            self.ctx = self._born()
            self.world.note(f"{self.name} killed")
            return False
        return True


_stack: list[Process] = []


def current() -> Process | None:
    """The process that runs now; None between steps."""
    return _stack[-1] if _stack else None


@contextmanager
def running(process: Process) -> Iterator[None]:
    """The process runs inside this block."""
    _stack.append(process)
    try:
        yield
    finally:
        _stack.pop()


@contextmanager
def nobody() -> Iterator[None]:
    """The simulator itself looks at the database: no fault strikes."""
    held = _stack[:]
    _stack.clear()
    try:
        yield
    finally:
        _stack[:] = held
