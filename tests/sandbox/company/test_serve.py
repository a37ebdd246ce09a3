"""The runner: one process, sandbox.json, state that persists, the same ports, a quick stop, one clear error line."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tieout.sandbox.ports import listen

ROOT = Path(__file__).parents[3]


class Runner:
    """Starts and stops sandboxes; whatever a test leaves running is ended."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._running: list[subprocess.Popen[str]] = []

    def command(self, *more: str) -> list[str]:
        small = ["--seed", "4", "--customers", "12", "--invoices", "40"]
        return [sys.executable, "-m", "tieout.sandbox.serve", "--home", str(self.home), *small, *more]

    def start(self, *more: str) -> dict[str, Any]:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        child = subprocess.Popen(self.command(*more), cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
        self._running.append(child)
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line.startswith("sandbox: "), line
        return json.loads((self.home / "sandbox.json").read_text())

    def stop(self, number: int = signal.SIGTERM) -> float:
        child = self._running.pop()
        began = time.monotonic()
        child.send_signal(number)
        assert child.wait(10) == 0
        assert child.stdout is not None
        child.stdout.close()
        return time.monotonic() - began

    def end_all(self) -> None:
        for child in self._running:
            child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    made = Runner(tmp_path / "home")
    yield made
    made.end_all()


def _ports(described: dict[str, Any]) -> list[str]:
    return [described[part]["base_url"] for part in ("zoho", "kingdee", "control")]


def test_state_and_ports_persist(runner: Runner) -> None:
    first = runner.start()
    control = first["control"]["base_url"] + "/_control"
    change = {
        "vendor": "kingdee",
        "operation": "update",
        "form": "AR_receivable",
        "id": "AR00000001",
        "fields": {"FAR_Remark": "kept"},
    }
    assert httpx.post(f"{control}/change", json=change).status_code == 200
    account = next(iter(httpx.get(f"{control}/truth").json()["accounts"]))
    change = {
        "vendor": "zoho",
        "operation": "update",
        "module": "Accounts",
        "id": account,
        "fields": {"Phone": "+86 000 12345678"},
    }
    assert httpx.post(f"{control}/change", json=change).status_code == 200
    assert (runner.home / "sandbox.json").stat().st_mode & 0o777 == 0o600
    assert runner.stop() < 2.0

    second = runner.start()
    assert _ports(second) == _ports(first)
    state = f"{second['control']['base_url']}/_control/state"
    assert httpx.get(f"{state}/kingdee/AR_receivable/100001").json()["FAR_Remark"] == "kept"
    assert httpx.get(f"{state}/zoho/Accounts/{account}").json()["Phone"] == "+86 000 12345678"
    effects = httpx.get(f"{second['control']['base_url']}/_control/effects").json()["effects"]
    assert [effect["vendor"] for effect in effects] == ["kingdee", "zoho"]
    assert runner.stop(signal.SIGINT) < 2.0


def test_description_says_the_limits(runner: Runner) -> None:
    told = runner.start()
    limits = told["limits"]
    assert limits["zoho_credits_per_day"] > limits["zoho_credits_per_day_documented"] == 60_000
    assert {"base_url", "client_id", "client_secret", "refresh_token"} <= told["zoho"].keys()
    assert set(told["kingdee"]) == {"base_url", "acct_id", "user", "app_id", "app_secret"}
    assert told["company"]["counts"]["bills"] == 40


def test_stops_within_two_seconds_while_a_request_hangs(runner: Runner) -> None:
    told = runner.start()
    rule = {"vendor": "kingdee", "match": "kdsvc", "action": "slow", "seconds": 30}
    httpx.post(told["control"]["base_url"] + "/_control/faults", json=rule)
    host, port = told["kingdee"]["base_url"].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(b"POST /k3cloud/X.common.kdsvc HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        time.sleep(0.3)
        assert runner.stop() < 2.0


def test_a_port_in_use_gives_the_next_one(runner: Runner) -> None:
    with listen(0) as taken:
        base = taken.getsockname()[1]
        told = runner.start("--port-base", str(base))
        ports = [int(url.rpartition(":")[2]) for url in _ports(told)]
    assert base not in ports
    assert all(base < port <= base + 52 for port in ports)
    assert len(set(ports)) == 3


def test_a_second_sandbox_on_one_home_is_refused(runner: Runner) -> None:
    runner.start()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    other = subprocess.run(runner.command(), cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert other.returncode == 1
    assert other.stderr.strip().count("\n") == 0
    assert "already runs" in other.stderr


def test_unusable_state_is_one_clear_line(runner: Runner) -> None:
    runner.home.mkdir()
    (runner.home / "sandbox.sqlite").write_bytes(b"not a database at all, not even close" * 40)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    got = subprocess.run(runner.command(), cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert got.returncode == 1
    assert "sandbox.sqlite cannot be used" in got.stderr
    assert "Traceback" not in got.stderr
