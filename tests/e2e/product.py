"""The product as its user runs it: `tieout …` in a process of its own at the fixed day, with what it cost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.dated import ZONE, DatedClock, command
from tieout.sandbox.world import SandboxWorld

LEASE = 61.0  # seconds: as long as the lease of a dead process may last, and a moment


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the wall and of the processor, and the most memory in megabytes."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Product:
    """One installation: where its configuration lies, and the clock it runs by."""

    config: Path
    clock: DatedClock

    @property
    def environment(self) -> dict[str, str]:
        return {**self.clock.environment(), "TIEOUT_CONFIG": str(self.config)}

    def argv(self, *arguments: str) -> list[str]:
        """The command line of `tieout …`."""
        return command(["tieout.cli", *arguments])

    def tieout(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> Any:
        """Run a command to its end; its JSON. Another exit code fails with what it said."""
        done = subprocess.run(
            self.argv(*arguments, "--json"), env=self.environment, capture_output=True, text=True, timeout=7200
        )
        said = f"tieout {' '.join(arguments)}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert done.returncode in codes, said
        return json.loads(done.stdout)

    def sync(self, *, kill_after: tuple[float, ...] = ()) -> Cost:
        """One `tieout sync`, killed without warning after so many seconds each time and started again.

        Its cost is that of all of them; a sync that ends before it can be killed fails.
        """
        began, cpu, peak = self.clock.monotonic(), 0.0, 0.0
        for seconds in (*kill_after, None):
            with (self.config.parent / "sync.log").open("wb+") as log:
                child = subprocess.Popen(
                    self.argv("sync", "--json"), env=self.environment, stdout=log, stderr=log, start_new_session=True
                )
                if seconds is not None:
                    self.clock.sleep(seconds)
                    os.killpg(child.pid, signal.SIGKILL)
                while not (done := os.wait4(child.pid, os.WNOHANG))[0]:
                    peak = max(peak, _megabytes(child.pid))
                    self.clock.sleep(0.2)
                _, status, used = done
                child.returncode = os.waitstatus_to_exitcode(status)
                log.seek(0)
                said = log.read()[-6000:].decode(errors="replace")
            cpu += used.ru_utime + used.ru_stime
            if seconds is not None:
                assert child.returncode == -signal.SIGKILL, f"the sync ended within {seconds:.0f} s:\n{said}"
                self.clock.sleep(LEASE)
        assert child.returncode == 0, f"tieout sync: {child.returncode}\n{said}"
        return Cost(self.clock.monotonic() - began, cpu, peak)


def _megabytes(pid: int) -> float:
    """The most memory a process has held; what `wait` tells of it begins with what its parent held."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it ends this moment
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def install(
    folder: Path, world: SandboxWorld, urls: tuple[str, str, str], database_url: str, clock: DatedClock
) -> Product:
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
timezone = "{ZONE}"
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
streams = ["customers", "invoices", "payments", "refunds", "allocations", "credit_limits"]
""",
        encoding="utf-8",
    )
    return Product(path, clock)
