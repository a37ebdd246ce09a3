"""The processes that docker-compose.yml starts, started by hand: its commands, order, variables and health checks.

No container engine is needed: what a container would run is read from the file, and only addresses are put in. A
service that is killed is started again at once, as `restart: unless-stopped` does.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.product import CLOCK
from tieout.runtime import valkey

FILE = Path(__file__).resolve().parents[2] / "docker-compose.yml"
QUEUE, API = "queue", "api"
SECRET = "a test key and nothing else"


def read_file() -> dict[str, Any]:
    """The compose file with its anchors and merges resolved."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


class Composed:
    """One installation: a queue server, the API, two workers and the scheduler."""

    def __init__(self, config: Path, database_url: str) -> None:
        self.folder = config.parent
        self.services: Mapping[str, Any] = read_file()["services"]
        self.port, self.queue_port = _free_port(), _free_port()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        given = {
            "TIEOUT_DATABASE_URL": database_url,
            "TIEOUT_REDIS_URL": f"redis://127.0.0.1:{self.queue_port}/0",
            "TIEOUT_SECRET_KEY": SECRET,
        }
        for name, service in self.services.items():
            wanted = set(service.get("environment", {})) if service.get("image") == "tieout" else set(given)
            assert wanted == set(given), f"{name} is given {sorted(wanted)}"
        self.environment = {**os.environ, "TIEOUT_CONFIG": str(config), **given}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Start everything in the order that `depends_on` asks for, each when what it waits for is healthy."""
        waiting = [name for name in self.services if name != "db"]  # the database is there already
        healthy = {"db"}
        while waiting:
            ready = [name for name in waiting if set(self.services[name].get("depends_on", ())) <= healthy]
            assert ready, f"nothing of {waiting} can start"
            for name in ready:
                self.start(name)
                if "healthcheck" in self.services[name]:
                    wait(lambda one=name: self.is_healthy(one), 60, f"{name} does not become healthy")
                    healthy.add(name)
                waiting.remove(name)

    def start(self, name: str) -> None:
        """Start a service as its container would."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self._argv(name), env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """SIGKILL a service with whatever it started, and start it again."""
        process = self.running.pop(name)
        assert process.poll() is None, f"{name} had ended by itself:\n{self.words(name)}"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.start(name)

    def down(self) -> None:
        """SIGTERM all but the queue, then the queue; each must go within half a minute."""
        for name in sorted(self.running, key=lambda one: one == QUEUE):
            process = self.running[name]
            process.terminate()
            code = process.wait(30)
            assert code in (0, -signal.SIGTERM), f"{name} ended with {code}:\n{self.words(name)}"
        self.running.clear()

    def destroy(self) -> None:
        """Whatever is left after a failure."""
        for process in self.running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def is_healthy(self, name: str) -> bool:
        """The service's own health check, with the addresses of this installation."""
        process = self.running[name]
        assert process.poll() is None, f"{name} ended by itself:\n{self.words(name)}"
        if name == QUEUE:
            return valkey.answers(self.environment["TIEOUT_REDIS_URL"])
        kind, *argv = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD", kind
        argv = [part.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}") for part in argv]
        assert argv[0] == "python", argv
        argv[0] = sys.executable
        return subprocess.run(argv, env=self.environment, capture_output=True, timeout=30).returncode == 0

    def words(self, name: str) -> str:
        """The end of what a service logged."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def _argv(self, name: str) -> Sequence[str]:
        command = self.services[name]["command"]
        argv = shlex.split(command) if isinstance(command, str) else [str(part) for part in command]
        if name == QUEUE:
            assert argv[0] == "valkey-server", argv
            data = self.folder / "queue"
            data.mkdir(exist_ok=True)
            return [str(valkey.binary()), *argv[1:], "--port", str(self.queue_port), "--dir", str(data)]
        if name == API:
            assert argv == ["serve", "--host", "0.0.0.0"], argv
            argv = ["serve", "--host", "127.0.0.1", "--port", str(self.port)]
        return [sys.executable, "-m", "tieout.cli", *argv]


@contextmanager
def composed(config: Path, database_url: str) -> Iterator[Composed]:
    """The installation while the block runs; it must end in order."""
    made = Composed(config, database_url)
    try:
        made.up()
        yield made
        made.down()
    finally:
        made.destroy()


def wait(until: Callable[[], bool], seconds: float, what: str, every: float = 0.2) -> None:
    """Until it holds; AssertionError after so many seconds."""
    give_up = CLOCK.monotonic() + seconds
    while not until():
        assert CLOCK.monotonic() < give_up, f"after {seconds:.0f} s: {what}"
        CLOCK.sleep(every)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
