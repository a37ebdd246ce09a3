"""The product as its user runs it: `tieout …` in a process of its own, with what it cost."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tieout.core.clock import SystemClock
from tieout.sandbox.world import SandboxWorld

CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the wall and of the processor."""

    wall: float
    cpu: float


def write_config(folder: Path, world: SandboxWorld, urls: tuple[str, str, str], database_url: str) -> Path:
    """A configuration of all three vendors; pushes go out by themselves and without a limit of changes."""
    parts = world.connections(*urls)
    keys = {name: "\n".join(f'{key} = "{value}"' for key, value in part.items()) for name, part in parts.items()}
    path = folder / "tieout.toml"
    path.write_text(
        f"""
[tieout]
home = "{folder}"
database_url = "{database_url}"
secret_key = "a test key and nothing else"
language = "en"

[companies.us]
name = "Example Trading"
functional_currency = "USD"
timezone = "Asia/Shanghai"
book_of_record = "kingdee"

[connections.zoho]
vendor = "zoho_crm"
sandbox = true
company = "us"
auth_url = "{urls[0]}"
credits_per_day = 1000000
timeout_seconds = 10
{keys["zoho"]}
streams = ["customers", "deals", "invoices"]
push = ["payment_status", "credit"]
push_mode = "auto"

[connections.fxiaoke]
vendor = "fxiaoke"
sandbox = true
company = "us"
calls_per_20_seconds = 100000
calls_per_day = 10000000
timeout_seconds = 10
{keys["fxiaoke"]}
push = ["payment_status", "credit"]
push_mode = "auto"

[connections.kingdee]
vendor = "kingdee"
sandbox = true
company = "us"
{keys["kingdee"]}
streams = ["customers", "invoices", "payments", "refunds", "allocations"]
""",
        encoding="utf-8",
    )
    return path


def tieout(config: Path, *arguments: str, codes: tuple[int, ...] = (0,)) -> Any:
    """Run a command to its end; its JSON. Another exit code fails with what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "tieout.cli", *arguments, "--json"],
        env={**os.environ, "TIEOUT_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=3600,
    )
    said = f"tieout {' '.join(arguments)}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert done.returncode in codes, said
    return json.loads(done.stdout)


def sync(config: Path, *, kill_after: tuple[float, ...] = ()) -> Cost:
    """One `tieout sync`, killed without warning after so many seconds each time and started again."""
    started = CLOCK.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for seconds in kill_after:
        child = _start(config)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            CLOCK.sleep(61)  # as long as the dead process' lease may last
    child = _start(config)
    out, err = child.communicate(timeout=3600)
    assert child.returncode == 0, f"{child.returncode}\n{out.decode()[-3000:]}\n{err.decode()[-3000:]}"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(CLOCK.monotonic() - started, cpu)


def _start(config: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tieout.cli", "sync", "--json"],
        env={**os.environ, "TIEOUT_CONFIG": str(config)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
