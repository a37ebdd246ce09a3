"""A run that is stopped leaves no process behind: by Ctrl-C, by TERM, and when it is killed outright."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.sim.run", "--no-corpus", "--worlds", "40", "--steps", "100"]
PATIENCE = 60.0  # seconds, on a busy machine


def _session(leader: int) -> list[int]:
    """Living processes of a session (Linux: field 6 of /proc/PID/stat; state Z is dead already)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def _until(what: str, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError(f"not within {PATIENCE:.0f} s: {what}")


_ON_LINUX = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="who is left running is read from /proc, which only Linux has"
)


@_ON_LINUX
@pytest.mark.parametrize("whom", ["it alone", "its group"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda one: one.name)
def test_a_stopped_run_leaves_no_process_behind(number: signal.Signals, whom: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SIM_ENGINE": "sqlite"}
    run = subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stdout=subprocess.PIPE, start_new_session=True)
    try:
        _until("both workers run", lambda: len(_session(run.pid)) >= 3)
        os.killpg(run.pid, number) if whom == "its group" else run.send_signal(number)
        said = run.communicate(timeout=PATIENCE)[0].decode()
        _until("nothing is left", lambda: not _session(run.pid))
    finally:
        for process in _session(run.pid):
            os.kill(process, signal.SIGKILL)
    if number is not signal.SIGKILL:
        assert run.returncode == 130
        assert "stopped" in said


@_ON_LINUX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_a_stopped_hunt_leaves_no_folder_behind(tmp_path: Path, number: signal.Signals) -> None:
    """Neither the copy of the tree that has the defect nor the databases of the search that runs in it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "SIM_SCRATCH": str(tmp_path)}
    hunt = subprocess.Popen(
        [sys.executable, "-m", "tests.sim.planted", "known_at_by_wall_clock", "--processes", "1"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _until("a search has its databases", lambda: bool(list(tmp_path.glob("tieout-sim-*/*.db"))))
        hunt.send_signal(number)
        said = hunt.communicate(timeout=PATIENCE)[0].decode()
        _until("nothing is left", lambda: not _session(hunt.pid))
    finally:
        for process in _session(hunt.pid):
            os.kill(process, signal.SIGKILL)
    assert hunt.returncode == 130
    assert "stopped" in said
    assert list(tmp_path.iterdir()) == []
