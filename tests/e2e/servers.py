"""The three vendors of one world on loopback ports, served from a thread, for products that run as processes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tieout.core.clock import SystemClock
from tieout.runtime.ports import listen
from tieout.sandbox.http import AsgiApp
from tieout.sandbox.world import SandboxWorld


class _Quiet(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:  # signals belong to the main thread
        yield


@contextmanager
def serving(world: SandboxWorld) -> Iterator[tuple[str, str, str]]:
    """Addresses of Zoho, Kingdee and Fxiaoke while the block runs."""
    sockets = [listen("127.0.0.1", 0, tries=1) for _ in range(3)]
    handlers = (world.zoho, world.kingdee, world.fxiaoke)
    servers = [
        _Quiet(uvicorn.Config(AsgiApp(one), log_level="warning", access_log=False, timeout_keep_alive=75))
        for one in handlers
    ]

    async def run() -> None:
        await asyncio.gather(*(server.serve([sock]) for server, sock in zip(servers, sockets, strict=True)))

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    clock = SystemClock()
    while not all(server.started for server in servers):
        clock.sleep(0.05)
    urls = [f"http://127.0.0.1:{sock.getsockname()[1]}" for sock in sockets]
    try:
        yield urls[0], urls[1], urls[2]
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(10)
