"""Runs `tieout up` with stand-ins for its parts: `up …` drives the real tree, the other words are the parts.

The tree, the home, the queue server, ports and signals are the real ones; what the parts do inside is not.
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import sys
import time
import types
from pathlib import Path
from typing import Any


class Health(http.server.BaseHTTPRequestHandler):
    """Answers /healthz and nothing else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def serve(descriptor: int) -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), Health, bind_and_activate=False)
    server.socket = socket.socket(fileno=descriptor)
    server.serve_forever()


def sandbox(home: Path) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    about = {
        "zoho": {"base_url": url, "client_id": "i", "client_secret": "s", "refresh_token": "r"},
        "kingdee": {"base_url": url, "acct_id": "a", "user": "u", "app_id": "i", "app_secret": "s"},
        "control": {"base_url": url},
        "limits": {"zoho_credits_per_day": 1_000_000, "zoho_credits_per_day_documented": 60_000},
    }
    (home / "sandbox.part").write_text(json.dumps(about))
    (home / "sandbox.part").replace(home / "sandbox.json")
    time.sleep(600)


class Service:
    """Enough of the service for `up`: three polls, then the sync is done."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.polls = 0

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def migrate(self, only_empty: bool = False) -> None:
        (self.config.home / "migrated").touch()

    def check_key(self) -> None:
        assert (self.config.home / "migrated").exists()

    def prepare(self) -> None:
        assert (self.config.home / "migrated").exists()
        (self.config.home / "prepared").touch()

    def login_link(self) -> str:
        return "one-time"

    def start_sync(self, connection: str, actor: str) -> str:
        with (self.config.home / "asked").open("a") as asked:
            asked.write(f"{connection} {actor}\n")
        return "run_1"

    def progress(self, since: Any = None) -> list[dict[str, Any]]:
        """Lifetime counts, as of the real one; with `since` the read of this run ends at the second look."""
        life = self.config.home / "read"
        read = int(life.read_text()) if life.exists() else 0
        if since is not None:
            self.polls += 1
            read += 100
            life.write_text(str(read))
        state = "done" if self.polls >= 2 or (since is None and read) else "running"
        return [{"connection": "zoho", "stream": "deals", "step": "pull", "done": read, "state": state}]


def up(arguments: list[str]) -> None:
    module = types.ModuleType("sync.service")
    module.open_service = Service  # type: ignore[attr-defined]
    sys.modules["sync.service"] = module
    from tieout.cli import up as real
    from tieout.cli.app import app

    this = [sys.executable, __file__]
    part = os.environ.get("BROKEN_PART")
    real.refused_pushes = lambda config: int(os.environ.get("REFUSED", "0"))
    real._tieout = lambda: [*this, "broken"] if part else this
    executable = sys.executable

    class Sandboxed(real.Program):  # the vendor servers are a stand-in too
        def __init__(self, name: str, argv: list[str], *rest: Any, **more: Any) -> None:
            if argv[:3] == [executable, "-m", "tieout.sandbox.serve"]:
                argv = [*this, "sandbox", argv[-1]]
            super().__init__(name, argv, *rest, **more)

    real.Program = Sandboxed  # type: ignore[misc]
    app(["up", *arguments])


def main() -> None:
    words = sys.argv[1:]
    if words[0] == "up":
        up(words[1:])
    elif words[0] == "serve":
        serve(int(words[-1]))
    elif words[0] == "sandbox":
        sandbox(Path(words[1]))
    elif words[0] == "broken":
        print("the database is of another planet", flush=True)
        sys.exit(7)
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        time.sleep(600)


if __name__ == "__main__":
    main()
