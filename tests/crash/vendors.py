"""Both vendors behind real loopback sockets, in a process that outlives every product process of a test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import threading
import traceback
import warnings
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvicorn

from tests.crash.clock import SharedTime, VendorClock
from tieout.core.clock import SystemClock
from tieout.sandbox.http import AsgiApp, Handler, Request, Response
from tieout.sandbox.world import SandboxWorld

CUSTOMERS, INVOICES, SEED = 30, 120, 7
SHOWN = ("Accounts", "Deals", "Invoices", "Tasks", "Notes")


def fork(child: Callable[[], None]) -> int:
    """A forked process that runs `child` and ends there; answers its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of the test runner's own threads
        pid = os.fork()
    if pid:
        return pid
    try:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        child()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - whatever it was, a child never goes on with the test
        traceback.print_exc()
        os._exit(1)


class Vendors:
    """The handle of the test: puts the vendors into a stored state, acts as their users, reads the oracle."""

    def __init__(self, folder: Path, time: SharedTime) -> None:
        self._folder = folder
        self._time = time
        self._sockets = [_listener(), _listener()]
        self.zoho_url, self.kingdee_url = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in self._sockets)
        self._pipe, other = Pipe()
        mine = self._pipe

        def serve() -> None:
            mine.close()  # or the end of the test would never be seen
            _Server(folder, time, self._sockets).run(other)

        self._pid = fork(serve)
        other.close()
        for one in self._sockets:
            one.close()
        self.load(None)
        self.connections: dict[str, dict[str, Any]] = self._call("connections", (self.zoho_url, self.kingdee_url))

    def close(self) -> None:
        self._pipe.close()
        os.waitpid(self._pid, 0)

    def _call(self, name: str, argument: Any) -> Any:
        self._pipe.send((name, argument))
        assert self._pipe.poll(60), f"the vendors' process does not answer to {name}"
        ok, answer = self._pipe.recv()
        assert ok, answer
        return answer

    def load(self, path: Path | None) -> None:
        """Go on from a stored state; None: a freshly seeded company."""
        self._call("load", path)

    def save(self, path: Path) -> None:
        """Store the present state."""
        self._call("save", path)

    def change(self, vendor: str, *change: Any) -> Any:
        """Act as a user: operation, module or form, record id, fields, stamp."""
        return self._call("change", (vendor, change))

    def effects(self) -> list[dict[str, Any]]:
        """Every write so far."""
        found: list[dict[str, Any]] = self._call("effects", None)
        return found

    def records(self) -> dict[str, list[dict[str, Any]]]:
        """What Zoho holds, by module."""
        found: dict[str, list[dict[str, Any]]] = self._call("records", None)
        return found

    def channels(self) -> list[dict[str, Any]]:
        """Zoho's live notification channels."""
        found: list[dict[str, Any]] = self._call("channels", None)
        return found

    def callbacks(self) -> list[tuple[str, bytes]]:
        """Address and body of every notification sent since the state was loaded."""
        found: list[tuple[str, bytes]] = self._call("callbacks", None)
        return found

    def trap(self, writes_only: bool, number: int, when: str) -> None:
        """Kill the product's process at its n-th request (or write), `before` or `after` it was carried out."""
        self._call("trap", (writes_only, number, when))

    def requests(self) -> tuple[int, int]:
        """Requests and writes since the trap was set."""
        found: tuple[int, int] = self._call("requests", None)
        return found


class _Trap:
    """Kills the process that is talking to the vendors at one of its requests."""

    def __init__(self, time: SharedTime) -> None:
        self._time = time
        self._lock = threading.Lock()
        self.set(False, 0, "")

    def set(self, writes_only: bool, number: int, when: str) -> None:
        self.asked = self.written = 0
        self._writes_only, self._number, self._when = writes_only, number, when

    def around(self, req: Request, target: Handler) -> Response:
        is_write = req.path.startswith("/crm/") and req.method in ("POST", "PUT", "PATCH")
        with self._lock:
            self.asked += 1
            self.written += is_write
            here = self.written if self._writes_only else self.asked
            springs = here == self._number and (is_write or not self._writes_only)
        if springs and self._when == "before":
            os.kill(self._time.victim, signal.SIGKILL)
        answer = target.handle(req)
        if springs and self._when == "after":
            os.kill(self._time.victim, signal.SIGKILL)
        return answer


class _Switch:
    """A handler that stays while the world behind it is exchanged."""

    def __init__(self, trap: _Trap) -> None:
        self.target: Handler | None = None
        self._trap = trap

    def handle(self, req: Request) -> Response:
        assert self.target is not None
        return self._trap.around(req, self.target)


class _Server:
    def __init__(self, folder: Path, time: SharedTime, sockets: list[socket.socket]) -> None:
        self._folder, self._time, self._sockets = folder, time, sockets
        self._trap = _Trap(time)
        self._zoho, self._kingdee = _Switch(self._trap), _Switch(self._trap)
        self._world: SandboxWorld | None = None
        self._callbacks: list[tuple[str, bytes]] = []
        self._number = 0

    def run(self, pipe: Connection) -> None:
        servers = []
        for switch, sock in zip((self._zoho, self._kingdee), self._sockets, strict=True):
            config = uvicorn.Config(AsgiApp(switch), log_level="error", access_log=False, ws="none", lifespan="off")
            servers.append(uvicorn.Server(config))
            threading.Thread(target=servers[-1].run, kwargs={"sockets": [sock]}, daemon=True).start()
        clock = SystemClock()
        while not all(server.started for server in servers):
            clock.sleep(0.01)
        while True:
            try:
                name, argument = pipe.recv()
            except EOFError:
                return
            try:
                answer = getattr(self, f"do_{name}")(argument)
            except Exception as error:  # noqa: BLE001 - told to the test
                pipe.send((False, f"{type(error).__name__}: {error}"))
            else:
                pipe.send((True, answer))

    def do_load(self, path: Path | None) -> None:
        if self._world is not None:
            self._world.close()
        self._number += 1
        mine = self._folder / f"vendors-{self._number % 2}.sqlite"
        for suffix in ("", "-wal", "-shm"):
            Path(f"{mine}{suffix}").unlink(missing_ok=True)
        if path is not None:
            shutil.copy(path, mine)
        self._callbacks = []
        self._trap.set(False, 0, "")
        world = SandboxWorld(str(mine), SEED, CUSTOMERS, INVOICES, VendorClock(self._time), deliver=self._deliver)
        self._zoho.target, self._kingdee.target, self._world = world.zoho, world.kingdee, world

    def _deliver(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self._callbacks.append((url, body))
        return 200

    @property
    def world(self) -> SandboxWorld:
        assert self._world is not None, "no state was loaded"
        return self._world

    def do_save(self, path: Path) -> None:
        source = sqlite3.connect(self._folder / f"vendors-{self._number % 2}.sqlite")
        target = sqlite3.connect(path)
        with self.world.store.lock:
            source.backup(target)
        target.close()
        source.close()

    def do_change(self, argument: tuple[str, tuple[Any, ...]]) -> Any:
        vendor, change = argument
        return (self.world.zoho if vendor == "zoho" else self.world.kingdee).user_change(*change)

    def do_trap(self, argument: tuple[bool, int, str]) -> None:
        self._trap.set(*argument)

    def do_requests(self, _: None) -> tuple[int, int]:
        return self._trap.asked, self._trap.written

    def do_effects(self, _: None) -> list[dict[str, Any]]:
        return [effect.as_doc() for effect in self.world.store.effects.since(0)]

    def do_records(self, _: None) -> dict[str, list[dict[str, Any]]]:
        with self.world.zoho.lock:
            return {module: self.world.store.collection("zoho", module).values() for module in SHOWN}

    def do_channels(self, _: None) -> list[dict[str, Any]]:
        return self.world.zoho.channels.live()

    def do_callbacks(self, _: None) -> list[tuple[str, bytes]]:
        return list(self._callbacks)

    def do_connections(self, urls: tuple[str, str]) -> dict[str, dict[str, Any]]:
        return self.world.connections(*urls)


def _listener() -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)
    return sock
