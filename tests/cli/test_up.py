"""`tieout up`: what a person sees, what is started, and that Ctrl-C leaves nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).with_name("stand_in.py")
PARTS = {"sandbox", "valkey", "api", "worker-fast", "worker-bulk", "scheduler"}


class Running:
    """A started `tieout up` and what it said so far."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait_for(self, words: str, seconds: float = 60) -> str:
        end = time.monotonic() + seconds
        while words not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            time.sleep(0.05)
        return self.said

    def children(self) -> list[int]:
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(word) for word in found.stdout.split()]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(*words: str, **environ: str) -> Running:
        log = tmp_path / f"log-{len(started)}"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("TIEOUT_", "LC_", "LANG"))}
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, str(STAND_IN), "up", *words],
                cwd=tmp_path,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,  # as `setsid make run &` in a script: SIGINT is ignored from the start
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
                env={**clean, "PYTHONPATH": str(ROOT), **environ},
            )
        started.append(Running(process, log))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            os.killpg(running.process.pid, signal.SIGTERM)
            running.process.wait(10)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


def test_the_whole_tree_comes_up_and_goes(start: Callable[..., Running], tmp_path: Path) -> None:
    running = start("--sandbox", "--port", "0")
    said = running.wait_for("Three things to try")
    lines = said.splitlines()
    url = re.search(r"http://127\.0\.0\.1:\d+", lines[0])
    assert url, "the address comes first"
    assert lines[1] == f"Log in once with {url.group()}/login?token=one-time"
    assert "raised daily limit (1,000,000 credits, documented: 60,000)" in said
    assert "secret.key" in said
    assert "zoho deals pull 200 done" in said
    assert not (tmp_path / "var" / "asked").exists(), "the first sync needs no asking"
    assert said.count(f"See what is owed and overdue: {url.group()}") == 1
    with urllib.request.urlopen(f"{url.group()}/healthz", timeout=5) as answer:
        assert answer.status == 200
    home = tmp_path / "var"
    assert {path.stem for path in (home / "logs").glob("*.log")} == PARTS
    assert (home / "prepared").exists()
    assert "The sync is done." in said
    assert (home / "tieout.toml").stat().st_mode & 0o777 == 0o600
    children = running.children()
    assert len(children) == len(PARTS)
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.process.wait(20) == 0
    assert "Nothing was left running" in running.said
    assert "did not stop in time" not in running.said
    assert not [pid for pid in children if alive(pid)]


def test_a_second_run_goes_on_with_the_same_home(start: Callable[..., Running], tmp_path: Path) -> None:
    first = start("--sandbox", "--port", "0")
    first.wait_for("Three things to try")
    key = (tmp_path / "var" / "secret.key").read_text()
    other = start("--sandbox", "--port", "0")
    assert other.process.wait(30) == 1
    assert f"is in use by another `tieout up` (process {first.process.pid})" in other.said
    assert len(other.said.splitlines()) == 1
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(10) == 0
    second = start("--sandbox", "--port", "0")
    second.wait_for("Three things to try")
    assert "A secret key was made" not in second.said
    assert "Going on where the last run stopped." in second.said
    assert (tmp_path / "var" / "asked").read_text() == "zoho up\n"
    assert "zoho deals pull 200 done" in second.said, "this run's rows, not those of both"
    assert "pull 400" not in second.said
    assert (tmp_path / "var" / "secret.key").read_text() == key


def test_a_taken_port_is_told_after_the_address(start: Callable[..., Running]) -> None:
    with taken_port() as port:
        said = start("--sandbox", "--port", str(port)).wait_for("Ctrl-C stops everything")
    assert f"Port {port} is taken" in said
    assert f":{port} " not in said.splitlines()[0] + " "
    assert said.index("Tieout is running at") < said.index(f"Port {port} is taken")


def test_a_crashed_part_is_started_again_and_said(start: Callable[..., Running]) -> None:
    running = start("--sandbox", "--port", "0")
    running.wait_for("Three things to try")
    victims = subprocess.run(
        ["pgrep", "-P", str(running.process.pid), "-f", "stand_in.py worker fast"], capture_output=True, text=True
    )
    os.kill(int(victims.stdout), signal.SIGKILL)
    said = running.wait_for("worker-fast runs again.")
    assert "worker-fast ended (SIGKILL) and is started again" in said


def test_a_killed_up_takes_everything_with_it_and_the_next_one_starts(start: Callable[..., Running]) -> None:
    running = start("--sandbox", "--port", "0")
    running.wait_for("Three things to try")
    children = running.children()
    running.process.kill()
    running.process.wait(5)
    end = time.monotonic() + 5
    while [pid for pid in children if alive(pid)] and time.monotonic() < end:
        time.sleep(0.05)
    assert not [pid for pid in children if alive(pid)]
    start("--sandbox", "--port", "0").wait_for("Three things to try")


def test_a_part_that_will_not_come_up_is_one_line_and_leaves_nothing(start: Callable[..., Running]) -> None:
    running = start("--sandbox", "--port", "0", BROKEN_PART="1")
    assert running.process.wait(60) == 1
    lines = running.said.splitlines()
    assert lines == ["Error: api keeps ending: the database is of another planet. Its log: var/logs/api.log"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("tieout.toml", "[tieout]\nhoem = 'x'", 'unknown key "hoem" in [tieout] (line 2). Did you mean "home"?'),
        ("tieout.toml", "[tieout", "is not valid TOML"),
        ("var/home.json", '{"home_version": 9}', "has version 9; this Tieout"),
        ("var/home.json", "{", "cannot be read"),
        ("tieout.toml", "", "is not a sandbox configuration"),
    ],
)
def test_what_stops_a_start_is_one_clear_line(
    start: Callable[..., Running], tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / name).write_text(text)
    running = start("--sandbox", "--port", "0")
    assert running.process.wait(60) == 1
    assert message in running.said
    assert len(running.said.splitlines()) == 1


def test_refused_changes_are_not_called_done(start: Callable[..., Running]) -> None:
    said = start("--sandbox", "--port", "0", REFUSED="7").wait_for("Three things to try")
    assert "7 changes were refused by the vendors" in said
    assert "The sync ended with errors" in said
    assert "The sync is done." not in said


def test_machines_get_one_json_line(start: Callable[..., Running]) -> None:
    running = start("--sandbox", "--port", "0", "--json")
    said = json.loads(running.wait_for("\n").splitlines()[0])
    assert said["url"].startswith("http://127.0.0.1:")
    assert said["pid"] == running.process.pid
