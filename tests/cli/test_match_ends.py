"""How `tieout match` ends when it is broken off: no half file, no traceback, no waiting; and what it says meanwhile."""

from __future__ import annotations

import errno
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest
from typer.testing import CliRunner

from mapping.identity import matching
from tieout.cli import match_results, match_workers
from tieout.cli.app import app
from tieout.cli.match_progress import Steps
from tieout.cli.output import Out

OLD = "source,source_id,cluster_id,decision\nold,1,old/1,separate\n"
STRUCK = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
from mapping.identity import matching
def struck(*args):
    os.killpg(os.getpgrp(), signal.SIGINT)
    time.sleep(60)
matching._score = struck
from tieout.cli.app import main
main()
"""


@pytest.fixture(autouse=True)
def _collections() -> Iterator[None]:
    yield
    gc.enable()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (made := tmp_path / "in").mkdir()
    (made / "t.csv").write_text("source_id,name\nA1,晨鸟科技\nA2,孤鹜食品\n", encoding="utf-8")
    (tmp_path / "out.csv").write_text(OLD, encoding="utf-8")
    return made


def untouched(place: Path) -> bool:
    return sorted(one.name for one in place.iterdir()) == ["in", "out.csv"] and (place / "out.csv").read_text() == OLD


@pytest.mark.parametrize("processes", [1, 2])
def test_ctrl_c_in_the_middle_leaves_what_was(folder: Path, tmp_path: Path, processes: int) -> None:
    """As at a terminal: the whole group hears it, the workers too."""
    args = ["match", str(folder), "--out", str(tmp_path / "out.csv"), "--processes", str(processes)]
    env = {**os.environ, "LC_ALL": "C.UTF-8"}
    call = [sys.executable, "-c", STRUCK, *args]
    made = subprocess.run(call, capture_output=True, text=True, start_new_session=True, timeout=50, env=env)
    *before, last = made.stderr.splitlines()
    assert (made.returncode, made.stdout, last) == (130, "", "Stopped; nothing was written.")
    assert all(line.startswith("  ") and "File" not in line for line in before), before  # a slow machine's progress
    assert untouched(tmp_path)


@pytest.mark.parametrize("struck", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_broken_off_while_writing_leaves_what_was(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, struck: BaseException
) -> None:
    def half(file: TextIO, **_: Any) -> None:
        file.write("half")
        file.flush()
        raise struck

    monkeypatch.setattr(match_results, "questions_into", half)  # the clusters are written by then
    args = ["match", folder, "--out", tmp_path / "out.csv", "--review", tmp_path / "review.csv", "--processes", 1]
    made = CliRunner().invoke(app, [str(arg) for arg in args])
    assert made.exit_code == (130 if isinstance(struck, KeyboardInterrupt) else 1)
    assert ("nothing was written" if made.exit_code == 130 else "disk is full") in made.stderr
    assert untouched(tmp_path)


def test_a_process_that_is_killed_ends_the_run(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when memory runs out: its part never comes, and nobody waits for it."""
    own = os.getpid()

    def killed(*_: Any) -> None:
        assert os.getpid() != own
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(matching, "_score", killed)
    monkeypatch.setattr(match_workers, "LOOK", 0.05)
    args = ["match", folder, "--out", tmp_path / "out.csv", "--processes", 2]
    made = CliRunner().invoke(app, [str(arg) for arg in args])
    assert made.exit_code == 1, made.output
    assert "--processes 1" in made.stderr
    assert untouched(tmp_path)


class Stopwatch:
    """A clock that a test moves."""

    at = 0.0

    def monotonic(self) -> float:
        return self.at


def test_a_long_run_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Stopwatch()
    with Steps(Out(as_json=True), clock) as steps:  # type: ignore[arg-type]  # a clock with what Steps asks of one
        counted = steps.counted(map, ("read", "compare"), size=10, total=25)

        def slow(number: int) -> int:
            clock.at += 2.5
            return number * 2

        assert list(counted(slow, iter([1, 2, 3]))) == [2, 4, 6]
        assert list(counted(slow, [4, 5])) == [8, 10]
    said = capsys.readouterr()
    assert said.out == ""
    lines = [line.strip() for line in said.err.splitlines()]
    assert lines[:3] == ["reading records 10 of 25", "reading records 20 of 25", "reading records 25 of 25"]
    assert "comparing 2 of 2" in lines


def test_a_short_run_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Steps(Out(as_json=True), Stopwatch()) as steps:  # type: ignore[arg-type]  # as above
        assert list(steps.counted(map, ("read",))(str, [1, 2])) == ["1", "2"]
        steps.tell("write")
    assert capsys.readouterr().err == ""
