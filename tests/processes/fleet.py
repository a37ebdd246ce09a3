"""The product as operators run it: `tieout serve`, `worker fast`, `worker bulk`, `scheduler`, and commands beside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tieout.core.clock import SystemClock

CLOCK = SystemClock()
MARK = "TIEOUT_TEST_FLEET"  # in the environment of every process, so that none can hide


def wait(until: Callable[[], bool], seconds: float, what: str, every: float = 0.2) -> None:
    """Until it holds; AssertionError after so many seconds."""
    give_up = CLOCK.monotonic() + seconds
    while not until():
        assert CLOCK.monotonic() < give_up, f"after {seconds:.0f} s: {what}"
        CLOCK.sleep(every)


class Fleet:
    """Processes of one installation, in groups of their own, with their logs."""

    def __init__(self, config: Path, **environment: str) -> None:
        self._folder = config.parent
        self._environment = {**os.environ, "TIEOUT_CONFIG": str(config), MARK: str(config.parent), **environment}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def command(self, *arguments: str) -> Any:
        """Run a command to its end; its JSON."""
        done = subprocess.run(
            [sys.executable, "-m", "tieout.cli", *arguments, "--json"],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"tieout {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def start(self, *arguments: str) -> None:
        """Start a process that stays, named by its arguments."""
        name = " ".join(arguments[:2]) if arguments[0] == "worker" else arguments[0]
        with (self._folder / f"{name.replace(' ', '-')}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "tieout.cli", *arguments],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL a process and whatever it started."""
        process = self.running.pop(name)
        assert process.poll() is None, f"{name} had ended by itself:\n{self.words(name)}"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def ended(self) -> list[str]:
        """Processes that ended by themselves."""
        return [name for name, process in self.running.items() if process.poll() is not None]

    def stop(self) -> dict[str, int]:
        """SIGTERM all; exit codes by name. A process that does not go within 15 seconds is a failure."""
        for process in self.running.values():
            process.terminate()
        codes = {name: process.wait(15) for name, process in self.running.items()}
        self.running.clear()
        return codes

    def destroy(self) -> None:
        """Whatever is left after a failure."""
        for process in self.running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def words(self, name: str) -> str:
        """What a process logged."""
        return (self._folder / f"{name.replace(' ', '-')}.log").read_text(errors="replace")

    def left_over(self) -> list[str]:
        """Processes of this fleet that still live, wherever they hang in the tree."""
        wanted = f"{MARK}={self._folder}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue  # gone, or somebody else's
        return found
