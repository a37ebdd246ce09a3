"""A home on a small disk that fills up: nothing is half written, it is said, and with room the end is the same."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.service import open_service
from tests.crash import endstate
from tests.crash.endstate import State, difference
from tests.crash.writeconfig import write_config
from tests.processes.boxes import users_work, without_writes
from tests.processes.control import Sandbox
from tests.processes.fleet import CLOCK, Fleet
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load

MEGABYTES = 64


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own in memory. Mounting one takes root, or a user namespace: `unshare -rm make crash`."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _installed(home: Path, sandbox: Sandbox) -> Path:
    return write_config(
        home / "tieout.toml",
        database_url=f"sqlite:///{home / 'tieout.db'}",
        redis_url=f"unix://{home}/valkey.sock",
        connections=sandbox.connections,
        timeout_seconds=5,
    )


def _state(config: Path, sandbox: Sandbox) -> State:
    with open_service(load(config, vendor_settings=vendor_settings)) as service:
        assert endstate.waiting(service) == {}
        return endstate.state(service, sandbox)


def _run(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tieout.cli", *arguments]
    environment = {**os.environ, "TIEOUT_CONFIG": str(config)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def _fill(disk: Path) -> Path:
    """To the last byte; again, after a command has given some room back."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    assert shutil.disk_usage(disk).free == 0
    return ballast


def _counts(database: Path) -> dict[str, int]:
    """Rows by table, after SQLite's own check of the file."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: int(db.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0]) for name in names}
    db.close()
    return found


@pytest.mark.timeout(600)
def test_a_full_disk_refuses_whole_and_goes_on_when_there_is_room(tmp_path: Path, small_disk: Path) -> None:
    ends: list[State] = []
    for home in (tmp_path / "roomy", small_disk):
        home.mkdir(exist_ok=True)
        sandbox = Sandbox(tmp_path / f"sandbox-{home.name}")
        try:
            config = _installed(home, sandbox)
            fleet = Fleet(config)
            assert fleet.command("sync")["ok"]
            users_work(sandbox)
            CLOCK.sleep(1.1)  # the vendors' stamps have whole seconds
            if home == small_disk:
                _while_full(home, config, sandbox)
            assert fleet.command("sync")["ok"]
            ends.append(_state(config, sandbox))
        finally:
            sandbox.stop()
    assert difference(without_writes(ends[0]), ends[1]) == []


def _while_full(disk: Path, config: Path, sandbox: Sandbox) -> None:
    before, sent = _counts(disk / "tieout.db"), _api_writes(sandbox)
    ballast = _fill(disk)
    refused = _run(config, "sync")
    assert refused.returncode != 0
    assert "full" in (refused.stdout + refused.stderr), refused.stderr[-800:]
    assert "Traceback" not in refused.stderr
    _fill(disk)
    report = disk / "aging.xlsx"
    assert _run(config, "report", "aging", "--format", "xlsx", "--out", str(report)).returncode != 0
    assert not report.exists(), "half a report is worse than none"
    _fill(disk)
    copy = disk / "copy.backup"
    assert _run(config, "backup", str(copy)).returncode != 0
    assert not copy.exists()
    _fill(disk)
    sick = _run(config, "doctor", "--json")
    assert sick.returncode != 0, "a full disk is nothing that all is well with"
    assert _api_writes(sandbox) == sent, "sent without a place to note that it was"
    ballast.unlink()
    after = _counts(disk / "tieout.db")
    for table in ("entries", "postings", "commits", "decisions", "outbox"):
        assert after[table] == before[table], table


def _api_writes(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [one for one in sandbox.effects() if one["actor"] == "api"]
