"""A Zoho sandbox on an ephemeral loopback port, and a witness program run against it in its own process and folder."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from tieout.core.clock import SystemClock
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.http import AsgiApp, Handler
from tieout.sandbox.state import SandboxStore
from tieout.sandbox.zoho import ZohoServer

HERE = Path(__file__).parent


@contextmanager
def listening(server: Handler) -> Iterator[str]:
    """Serve with uvicorn in a thread; gives the base URL."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    config = uvicorn.Config(AsgiApp(server), log_level="error", ws="none", timeout_graceful_shutdown=1)
    runner = uvicorn.Server(config)
    thread = threading.Thread(target=runner.run, kwargs={"sockets": [sock]})
    thread.start()
    clock = SystemClock()
    try:
        give_up = clock.monotonic() + 20
        while not runner.started:
            assert thread.is_alive()
            assert clock.monotonic() < give_up, "the sandbox does not listen"
            clock.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        runner.should_exit = True
        thread.join(10)
        sock.close()


def new_server() -> ZohoServer:
    clock = SandboxClock()
    return ZohoServer(SandboxStore(None), clock, FaultRegistry())


def run_witness(program: str, base_url: str, server: ZohoServer, folder: Path) -> dict[str, Any]:
    """Run a witness with the sandbox's address and credentials; its stdout is one JSON object."""
    settings = server.settings
    arguments = [base_url, settings.client_id, settings.client_secret, settings.refresh_token]
    environment = {**os.environ, "NO_PROXY": "*", "no_proxy": "*"}
    done = subprocess.run(
        [sys.executable, str(HERE / program), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))
