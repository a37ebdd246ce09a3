"""`tieout up --sandbox` with nothing stood in for: the first sync reaches the CRM, the second run writes nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MODULES = ("Accounts", "Deals", "Invoices")
LONGEST_STOP = 12.0  # seconds: seven by the supervisor's own limits, and what a busy machine adds


def start(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIEOUT_", "LC_", "LANG"))}
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "tieout.cli", "up", "--sandbox", "--port", "0"],
            cwd=folder,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**clean, "PYTHONPATH": str(ROOT)},
        )


def wait_for(words: str, log: Path, process: subprocess.Popen[bytes], seconds: float) -> str:
    end = time.monotonic() + seconds
    while words not in log.read_text(encoding="utf-8"):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < end, log.read_text(encoding="utf-8")
        time.sleep(0.1)
    return log.read_text(encoding="utf-8")


def effects(home: Path) -> list[dict[str, object]]:
    """The effective writes that the vendor servers themselves counted."""
    return list(asked(home, "effects")["effects"])


def states(home: Path) -> dict[str, int]:
    with sqlite3.connect(f"file:{home / 'tieout.db'}?mode=ro", uri=True) as conn:
        return dict(conn.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall())


def pulls(home: Path) -> Counter[str]:
    """Finished pulls by connection."""
    with sqlite3.connect(f"file:{home / 'tieout.db'}?mode=ro", uri=True) as conn:
        rows = conn.execute("SELECT connection, count(*) FROM runs WHERE kind = 'pull' AND state = 'done' GROUP BY 1")
        return Counter(dict(rows.fetchall()))


def landed(home: Path) -> int:
    """Versions landed so far; 0 while there is no database."""
    try:
        with sqlite3.connect(f"file:{home / 'tieout.db'}?mode=ro", uri=True) as conn:
            return int(conn.execute("SELECT count(*) FROM inputs WHERE kind = 'landed'").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def rows_read(home: Path) -> int:
    """Rows of Zoho invoices read in the life of the database."""
    with sqlite3.connect(f"file:{home / 'tieout.db'}?mode=ro", uri=True) as conn:
        query = "SELECT rows_read FROM watermarks WHERE connection = 'zoho' AND stream = 'invoices'"
        return int(conn.execute(query).fetchone()[0])


def landed_of_zoho(home: Path) -> int:
    """Rows of Zoho that the database has kept so far, each with the place where the read goes on."""
    with sqlite3.connect(f"file:{home / 'tieout.db'}?mode=ro", uri=True) as conn:
        return int(conn.execute("SELECT sum(rows_read) FROM watermarks WHERE connection = 'zoho'").fetchone()[0])


def asked(home: Path, what: str) -> dict[str, Any]:
    """What the control plane of the vendor servers tells."""
    control = json.loads((home / "sandbox.json").read_bytes())["control"]["base_url"]
    with urllib.request.urlopen(f"{control}/_control/{what}", timeout=10) as answer:
        return dict(json.loads(answer.read()))


def read_before_the_first_write(home: Path) -> int:
    """Rows of Zoho given away since the vendor servers were started, until we wrote to it: no echo is among them."""
    rows = 0
    for one in asked(home, "requests?vendor=zoho")["requests"]:
        if one["path"] in (f"/crm/v8/{module}" for module in MODULES):
            if one["method"] != "GET":
                return rows
            rows += one["rows"]
    raise AssertionError("nothing was written to Zoho")


def left_over(process: subprocess.Popen[bytes], folder: Path) -> list[str]:
    """Living processes of its session or with a working folder of the run, by command line."""
    out = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            is_here = Path(os.readlink(entry / "cwd")).is_relative_to(folder)
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if state != "Z" and (int(session) == process.pid or is_here):
            out.append(f"{entry.name} {line}")
    return out


def stop(process: subprocess.Popen[bytes], log: Path) -> None:
    """As Ctrl-C: every part ends by itself, none has to be killed, none stays; seven seconds are planned at most."""
    assert len(left_over(process, log.parent)) >= 2, "the look at the processes of a run sees none"
    begun = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 0
    took = time.monotonic() - begun
    assert "did not stop in time" not in log.read_text(encoding="utf-8")
    assert left_over(process, log.parent) == []
    assert took < LONGEST_STOP, f"{took:.1f} s"


@pytest.mark.timeout(480)
def test_the_first_sync_reaches_the_crm_and_the_second_run_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "var"
    processes = []
    try:
        process = start(tmp_path, tmp_path / "broken off")
        processes.append(process)
        wait_for("The first sync runs", tmp_path / "broken off", process, 120)
        end = time.monotonic() + 120
        while not landed(home) >= 200:
            assert time.monotonic() < end, "nothing is landed"
            time.sleep(0.05)
        stop(process, tmp_path / "broken off")  # Ctrl-C in the middle of the first sync
        assert "Three things to try" not in (tmp_path / "broken off").read_text(encoding="utf-8"), "came too late"
        begun, kept = landed(home), landed_of_zoho(home)
        assert kept >= 200

        process = start(tmp_path, tmp_path / "first")
        processes.append(process)
        said = wait_for("Three things to try", tmp_path / "first", process, 240)
        assert "The sync is done." in said
        assert " ended (" not in said, "a part crashed"
        assert "Going on where the last run stopped" in said
        assert landed(home) > begun
        held = asked(home, "state/zoho")["collections"]
        read = read_before_the_first_write(home)
        assert kept + read < sum(held[module] for module in MODULES) + 100, "what was read before is read again"
        assert set(states(home)) == {"done"}
        first = effects(home)
        written = Counter(one["entity"] for one in first if one["kind"] == "effective")
        assert {"Accounts", "Deals", "Invoices", "Tasks"} <= set(written)
        assert sum(written.values()) >= states(home)["done"] >= 1000
        stop(process, tmp_path / "first")
        before = pulls(home)
        assert before["zoho"]
        assert before["kingdee"]

        process = start(tmp_path, tmp_path / "second")
        processes.append(process)
        said = wait_for("Three things to try", tmp_path / "second", process, 120)
        assert "The sync is done." in said
        told = {int(rows) for rows in re.findall(r"zoho (?:customers|deals|invoices) pull (\d+) done", said)}
        assert told, said
        assert max(told) < rows_read(home), "the reads of this run alone, not of all runs"
        assert "A secret key was made" not in said
        assert set(states(home)) == {"done"}
        end = time.monotonic() + 90  # the sandbox is asked every 30 seconds
        while not all(pulls(home)[name] > before[name] for name in ("zoho", "kingdee")):
            assert time.monotonic() < end, f"no new pull: {pulls(home)}, before {before}"
            time.sleep(0.2)
        time.sleep(3)  # what a pull found is applied and pushed at once
        assert set(states(home)) == {"done"}
        assert effects(home) == first
        stop(process, tmp_path / "second")
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait(5)
