"""The process tree: restarts, orderly ends, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tieout.core.clock import SystemClock
from tieout.runtime.processes import Child, Program, Supervisor, describe_exit, stop_signals

STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"
POLITE = "import time\nprint('up', flush=True)\ntime.sleep(60)"
PARENT = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(child.pid, flush=True)\ntime.sleep(60)"
)


def program(tmp_path: Path, name: str, code: str, stage: int = 1) -> Program:
    return Program(name=name, argv=[sys.executable, "-c", code], log=tmp_path / f"{name}.log", stage=stage)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def said(child: Child) -> Callable[[], bool]:
    return lambda: bool(child.log_tail())


@pytest.fixture
def events() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def tree(events: list[tuple[str, str, str]]) -> Iterator[Supervisor]:
    supervisor = Supervisor(SystemClock(), lambda kind, child, text: events.append((kind, child.name, text)))
    yield supervisor
    supervisor.stop(grace=0.2, last_grace=0.2)


def test_a_crashed_child_is_started_again_and_its_log_kept(
    tree: Supervisor, tmp_path: Path, events: list[tuple[str, str, str]]
) -> None:
    child = tree.start(program(tmp_path, "crasher", "print('line'); raise SystemExit(3)"))
    assert tree.run(lambda: child.log_tail().count("line") >= 2, timeout=20)
    assert ("crashed", "crasher", "exit 3") in events
    assert ("restarted", "crasher", "") in events


def test_restarts_come_ever_more_slowly(tree: Supervisor, tmp_path: Path) -> None:
    child = tree.start(program(tmp_path, "crasher", "raise SystemExit(1)"))
    assert tree.run(lambda: child.crashes == 2, timeout=20)
    assert child.retry_at - SystemClock().monotonic() > 0.5


def test_the_stubborn_are_killed_and_the_polite_end_by_themselves(
    tree: Supervisor, tmp_path: Path, events: list[tuple[str, str, str]]
) -> None:
    stubborn = tree.start(program(tmp_path, "stubborn", STUBBORN))
    polite = tree.start(program(tmp_path, "polite", POLITE))
    assert tree.run(lambda: said(stubborn)() and said(polite)(), timeout=20)
    pids = [stubborn.pid, polite.pid]
    began = time.monotonic()
    tree.stop(grace=0.5)
    assert time.monotonic() - began < 5
    assert events == [("killed", "stubborn", "")]
    assert not any(alive(pid) for pid in pids if pid)


def test_the_queue_server_outlives_the_workers(tree: Supervisor, tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    code = (
        "import signal, sys, time, pathlib\n"
        "def end(*_):\n"
        "    with open({ends!r}, 'a') as out: out.write({name!r} + '\\n')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nprint('up', flush=True)\ntime.sleep(60)"
    )
    base = tree.start(program(tmp_path, "base", code.format(ends=str(ends), name="base"), stage=0))
    worker = tree.start(program(tmp_path, "worker", code.format(ends=str(ends), name="worker"), stage=1))
    assert tree.run(lambda: said(base)() and said(worker)(), timeout=20)
    tree.stop()
    assert ends.read_text().split() == ["worker", "base"]


def test_grandchildren_do_not_stay(tree: Supervisor, tmp_path: Path) -> None:
    child = tree.start(program(tmp_path, "parent", PARENT))
    assert tree.run(said(child), timeout=20)
    grandchild = int(child.log_tail())
    assert alive(grandchild)
    tree.stop()
    deadline = time.monotonic() + 3
    while alive(grandchild) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(grandchild)


SUPERVISOR = """
import pathlib, signal, sys
from tieout.core.clock import SystemClock
from tieout.runtime.processes import Program, Supervisor, stop_signals
tree = Supervisor(SystemClock())
with stop_signals(tree):
    for name in ("one", "two"):
        tree.start(Program(name, [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"],
                           pathlib.Path(sys.argv[1]) / name))
    tree.run(lambda: all(child.log_tail() for child in tree.children), timeout=20)
    print(*[child.pid for child in tree.children], flush=True)
    tree.run(lambda: False)
    tree.stop()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the parent-death signal is Linux only")
def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path)], stdout=subprocess.PIPE, text=True) as boss:
        assert boss.stdout is not None
        pids = [int(word) for word in boss.stdout.readline().split()]
        assert len(pids) == 2
        boss.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 3
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(alive(pid) for pid in pids)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_group_ends_the_tree(tmp_path: Path, number: signal.Signals) -> None:
    """As a terminal's Ctrl-C does, and also where the shell started us with SIGINT ignored."""
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    ) as boss:
        assert boss.stdout is not None
        pids = [int(word) for word in boss.stdout.readline().split()]
        os.killpg(boss.pid, number)
        assert boss.wait(timeout=6) == 0
    assert not any(alive(pid) for pid in pids)


def test_a_second_signal_is_impatient(tree: Supervisor, tmp_path: Path) -> None:
    child = tree.start(program(tmp_path, "stubborn", STUBBORN))
    assert tree.run(said(child), timeout=20)
    with stop_signals(tree):
        os.kill(os.getpid(), signal.SIGINT)
        assert not tree.run(lambda: False)
        os.kill(os.getpid(), signal.SIGINT)
        began = time.monotonic()
        tree.stop(grace=10)
    assert time.monotonic() - began < 2


def test_a_program_that_cannot_start_is_one_line(tree: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="cannot start ghost"):
        tree.start(Program("ghost", [str(tmp_path / "none")], tmp_path / "ghost.log"))


def test_exits_have_names() -> None:
    assert [describe_exit(code) for code in (0, 3, -9, -15)] == ["exit 0", "exit 3", "SIGKILL", "SIGTERM"]
