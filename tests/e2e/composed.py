"""The processes that docker-compose.yml starts, started by hand: its commands, order, variables and health checks.

No container engine is needed: what a container would run is read from the file, and only addresses are put in. A
service that is killed is started again at once, as `restart: unless-stopped` does.
"""

from __future__ import annotations

import os
import resource
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

from tests.e2e.dated import command
from tests.e2e.product import Product
from tieout.core.clock import SystemClock
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

    def __init__(self, product: Product, database_url: str) -> None:
        self.folder = product.config.parent
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
        self.environment = {**product.environment, **given}
        self._spent = _children()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def cpu(self) -> float:
        """Processor seconds of everything that was started here and has ended, commands beside it included."""
        return _children() - self._spent

    def up(self) -> None:
        """Start everything in the order that `depends_on` asks for, each when what it waits for is healthy.

        What nothing waits for is not waited for: `healthy` tells about it later.
        """
        waiting = [name for name in self.services if name != "db"]  # the database is there already
        awaited = {other for service in self.services.values() for other in service.get("depends_on", ())}
        healthy = {"db"}
        while waiting:
            ready = [name for name in waiting if set(self.services[name].get("depends_on", ())) <= healthy]
            assert ready, f"nothing of {waiting} can start"
            for name in ready:
                self.start(name)
                if name in awaited:
                    self.healthy(name)
                    healthy.add(name)
                waiting.remove(name)

    def healthy(self, *names: str) -> None:
        """Wait until the health checks of these services, or of all, are content."""
        for name in names or [one for one in self.running if "healthcheck" in self.services[one]]:
            wait(lambda one=name: self.is_healthy(one), 120, f"{name} does not become healthy")

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
        argv = command(argv[2:]) if argv[1] == "-m" else [sys.executable, *argv[1:]]
        return subprocess.run(argv, env=self.environment, capture_output=True, timeout=30).returncode == 0

    def words(self, name: str) -> str:
        """The end of what a service logged."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def _argv(self, name: str) -> Sequence[str]:
        asked = self.services[name]["command"]
        argv = shlex.split(asked) if isinstance(asked, str) else [str(part) for part in asked]
        if name == QUEUE:
            assert argv[0] == "valkey-server", argv
            data = self.folder / "queue"
            data.mkdir(exist_ok=True)
            return [str(valkey.binary()), *argv[1:], "--port", str(self.queue_port), "--dir", str(data)]
        if name == API:
            assert argv == ["serve", "--host", "0.0.0.0"], argv
            argv = ["serve", "--host", "127.0.0.1", "--port", str(self.port)]
        return command(["tieout.cli", *argv])


@contextmanager
def composed(product: Product, database_url: str) -> Iterator[Composed]:
    """The installation while the block runs; it must end in order."""
    made = Composed(product, database_url)
    try:
        made.up()
        yield made
        made.down()
    except BaseException:
        for name in made.running:
            print(f"--- {name}\n{made.words(name)}", file=sys.stderr)
        raise
    finally:
        made.destroy()


def wait(until: Callable[[], bool], seconds: float, what: str, every: float = 0.2) -> None:
    """Until it holds; AssertionError after so many seconds."""
    clock = SystemClock()
    give_up = clock.monotonic() + seconds
    while not until():
        assert clock.monotonic() < give_up, f"after {seconds:.0f} s: {what}"
        clock.sleep(every)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
