"""Runs the sandbox on loopback: four uvicorn servers in one process, described by `<home>/sandbox.json`.

    python -m tieout.sandbox.serve --home DIR [--seed N --customers N --invoices N --port-base N]

Vendor state lives in `<home>/sandbox.sqlite`: a second start goes on where the first was, on the same ports if they are
free. SIGTERM and SIGINT stop it within two seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import fcntl
import gc
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
import uvicorn

from tieout.core import exact_json
from tieout.core.errors import BadPayload
from tieout.sandbox.fxiaoke import FxiaokeSettings
from tieout.sandbox.http import AsgiApp, Handler
from tieout.sandbox.ports import listen, url_of
from tieout.sandbox.world import SandboxWorld
from tieout.sandbox.zoho import ZohoSettings

DESCRIPTION, STATE, LOCK = "sandbox.json", "sandbox.sqlite", "sandbox.lock"
PARTS = ("zoho", "kingdee", "control", "fxiaoke")
# A demo polls every half minute all day long, so its tenant is bigger than the documented Enterprise default.
DEMO_CREDITS = 1_000_000
# An enterprise with a database of its own (独立库) has raised limits; with the documented ones a first push is slow.
DEMO_CALLS = 4_000


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to the process that runs several of them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve_sandbox(
    home: Path | str,
    port_zoho: int = 0,
    port_kingdee: int = 0,
    port_control: int = 0,
    port_fxiaoke: int = 0,
    seed: int = 7,
    customers: int = 300,
    invoices: int = 2000,
    is_documented: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT; port 0 means the one of the last run, else any free one.

    `is_documented` keeps the vendors' documented limits instead of raised ones.

    Raises BlockingIOError when another sandbox runs on the same home.
    """
    folder = Path(home)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_one(folder):
        last = _last_ports(folder / DESCRIPTION)
        wished = (port_zoho, port_kingdee, port_control, port_fxiaoke)
        sockets = [listen(port or last.get(part, 0)) for part, port in zip(PARTS, wished, strict=True)]
        world = SandboxWorld(
            str(folder / STATE),
            seed,
            customers,
            invoices,
            zoho_settings=None if is_documented else ZohoSettings(credits_per_day=DEMO_CREDITS),
            fxiaoke_settings=None
            if is_documented
            else FxiaokeSettings(calls_per_window=DEMO_CALLS, calls_per_day=DEMO_CREDITS),
        )
        try:
            world.start_callbacks()
            asyncio.run(_run(world, sockets, folder / DESCRIPTION))
        finally:
            world.close()
            for sock in sockets:
                sock.close()


async def _run(world: SandboxWorld, sockets: list[socket.socket], description: Path) -> None:
    handlers: list[Handler] = [world.zoho, world.kingdee, world.control, world.fxiaoke]
    servers = [
        _Server(
            uvicorn.Config(
                AsgiApp(handler),
                log_level="warning",
                access_log=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
        )
        for handler in handlers
    ]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    tasks = [asyncio.create_task(server.serve([sock])) for server, sock in zip(servers, sockets, strict=True)]
    while not all(server.started for server in servers):
        if any(task.done() for task in tasks) or any(server.should_exit for server in servers):
            stop()
            break
        await asyncio.sleep(0.02)
    else:
        text = describe(world, [url_of(sock) for sock in sockets])
        _write_private(description, text)
        print(f"sandbox: {', '.join(map(url_of, sockets))}; described in {description}", flush=True)
    await asyncio.gather(*tasks)


def describe(world: SandboxWorld, urls: list[str]) -> bytes:
    """The text of sandbox.json: connections ready for a configuration, the control plane, limits and company."""
    connections = world.connections(urls[0], urls[1], urls[3])
    zoho, kingdee, fxiaoke = world.zoho.settings, world.kingdee.settings, world.fxiaoke.settings
    # Our own budget keeps to half of the tenant's day, as it does by default.
    connections["zoho"]["credits_per_day"] = zoho.limit_credits() // 2
    connections["fxiaoke"]["calls_per_20_seconds"] = fxiaoke.calls_per_window * 4 // 5
    connections["fxiaoke"]["calls_per_day"] = fxiaoke.calls_per_day // 2
    about: dict[str, Any] = {
        **connections,
        "control": {"base_url": urls[2]},
        "limits": {
            "note": "Zoho credits per day and Fxiaoke calls are raised for a demo; documented ones are given.",
            "zoho_credits_per_day": zoho.limit_credits(),
            "zoho_credits_per_day_documented": ZohoSettings(edition=zoho.edition).limit_credits(),
            "zoho_concurrency": zoho.limit_concurrency(),
            "kingdee_rows_default": kingdee.limit_default,
            "kingdee_rows_max": kingdee.limit_max,
            "fxiaoke_calls_per_20_seconds": fxiaoke.calls_per_window,
            "fxiaoke_calls_per_20_seconds_documented": FxiaokeSettings().calls_per_window,
        },
        "company": {key: world.truth[key] for key in ("seed", "today", "counts", "stories") if key in world.truth},
    }
    return msgspec.json.format(exact_json.dumps(about), indent=2) + b"\n"


@contextmanager
def _only_one(folder: Path) -> Iterator[IO[str]]:
    with (folder / LOCK).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield handle


def _last_ports(description: Path) -> dict[str, int]:
    """Ports of the last run; an unreadable or foreign file counts as none."""
    try:
        found = exact_json.loads(description.read_bytes())
        return {part: int(str(found[part]["base_url"]).rpartition(":")[2]) for part in PARTS if part in found}
    except (OSError, BadPayload, KeyError, TypeError, ValueError):
        return {}


def _write_private(path: Path, text: bytes) -> None:
    part = path.with_name(path.name + ".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(text)
    part.replace(path)


def main(argv: list[str] | None = None) -> int:
    """The command line; one clear line when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m tieout.sandbox.serve", description="Local vendor servers.")
    parser.add_argument("--home", required=True, help="folder for sandbox.json and the vendors' state")
    parser.add_argument("--seed", type=int, default=7, help="which invented company")
    parser.add_argument("--customers", type=int, default=300, help="how many customers (0: none until loaded)")
    parser.add_argument("--invoices", type=int, default=2000, help="how many receivables")
    parser.add_argument("--port-base", type=int, default=0, help="wish for this port and the three after it")
    parser.add_argument("--documented-limits", action="store_true", help="not the raised limits of a demo")
    wish = parser.parse_args(argv)
    atexit.register(gc.freeze)  # the last collections over the whole company took longer than the rest of the end
    zoho, kingdee, control, fxiaoke = (wish.port_base + step if wish.port_base else 0 for step in range(4))
    sizes = (wish.seed, wish.customers, wish.invoices)
    try:
        serve_sandbox(wish.home, zoho, kingdee, control, fxiaoke, *sizes, is_documented=wish.documented_limits)
    except BlockingIOError:
        print(f"A sandbox already runs on {wish.home}: stop it first, or name another --home.", file=sys.stderr)
        return 1
    except sqlite3.Error as error:
        print(f"{Path(wish.home) / STATE} cannot be used ({error}): make room, or delete it.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The sandbox cannot start in {wish.home}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a worker thread may still sit in a slow fault: leave now, the store is closed
