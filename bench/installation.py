"""A whole installation for a run: local vendor servers, a queue server, and the product's processes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from bench.measure import ROOT, environment


def wait(until: Callable[[], bool], seconds: float, what: str, every: float = 0.05) -> None:
    """Until it holds; an error after so many seconds."""
    give_up = time.monotonic() + seconds
    while not until():
        if time.monotonic() > give_up:
            raise SystemExit(f"after {seconds:.0f} s: {what}")
        time.sleep(every)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


VENDORS = {"zoho": "zoho_crm", "fxiaoke": "fxiaoke"}


class Installation:
    """The books and one CRM, their queue, and the product's processes; everything ends with the block.

    `limits` are keys of the CRM's connection. `is_documented`: the vendors keep their documented limits, not the raised
    ones of a demo.
    """

    def __init__(
        self,
        folder: Path,
        database: str,
        *,
        customers: int,
        invoices: int,
        crm: str = "zoho",
        limits: Mapping[str, int] | None = None,
        is_documented: bool = False,
    ) -> None:
        from tieout.runtime.valkey import binary

        folder.mkdir(parents=True)
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        sizes = ("--customers", str(customers), "--invoices", str(invoices))
        home = ("--home", str(folder / "vendors"))
        documented = ["--documented-limits"] if is_documented else []
        vendors = [sys.executable, "-m", "tieout.cli", "sandbox", *home, *sizes, *documented]
        self.start(vendors, "vendors")
        described = folder / "vendors" / "sandbox.json"
        redis_port, self.port = free_port(), free_port()
        self.start([str(binary()), "--port", str(redis_port), "--save", "", "--dir", str(folder)], "queue")
        wait(described.exists, 60, "the vendor servers do not come up")
        self.connections: dict[str, dict[str, Any]] = json.loads(described.read_text(encoding="utf-8"))
        self.config = folder / "tieout.toml"
        self._write(database, f"redis://127.0.0.1:{redis_port}/0", crm, limits or {})

    def _write(self, database: str, redis_url: str, crm: str, limits: Mapping[str, int]) -> None:
        keys = {name: dict(self.connections[name]) for name in (crm, "kingdee")}
        keys[crm] |= limits
        if crm == "zoho":
            keys[crm]["auth_url"] = keys[crm]["base_url"]
        parts = {
            name: "\n".join(f"{key} = {json.dumps(value)}" for key, value in of.items()) for name, of in keys.items()
        }
        url = database if database.startswith("postgres") else f"sqlite:///{database}"
        self.config.write_text(
            f"""
[tieout]
home = "{self.folder}"
database_url = "{url}"
redis_url = "{redis_url}"
secret_key = "a key of the bench, nothing else"
language = "en"
public_url = "http://127.0.0.1:{self.port}"

[companies.cn]
name = "Example"
functional_currency = "CNY"
timezone = "Asia/Shanghai"
book_of_record = "kingdee"

[connections.{crm}]
vendor = "{VENDORS[crm]}"
sandbox = true
company = "cn"
{parts[crm]}
streams = ["customers", "deals", "invoices"]
push = ["payment_status", "credit"]
push_mode = "auto"

[connections.kingdee]
vendor = "kingdee"
sandbox = true
company = "cn"
{parts["kingdee"]}
streams = ["customers", "invoices", "payments", "refunds", "allocations"]
""",
            encoding="utf-8",
        )

    def start(self, argv: Sequence[str], name: str) -> subprocess.Popen[bytes]:
        """A process that stays; its words go to a log in the folder."""
        env = environment()
        if hasattr(self, "config"):
            env["TIEOUT_CONFIG"] = str(self.config)
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(list(argv), cwd=ROOT, env=env, stdout=log, stderr=log)
        self._running.append(process)
        return process

    def tieout(self, *arguments: str) -> subprocess.Popen[bytes]:
        return self.start([sys.executable, "-m", "tieout.cli", *arguments], "-".join(arguments[:2]))

    def command(self, *arguments: str) -> None:
        """A command to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "tieout.cli", *arguments],
            cwd=ROOT,
            env={**environment(), "TIEOUT_CONFIG": str(self.config)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(
                f"tieout {' '.join(arguments)}: {done.returncode}\n{done.stdout[-500:]}{done.stderr[-1500:]}"
            )

    def control(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the vendors' control plane."""
        url = f"{self.connections['control']['base_url']}/_control/{path}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def is_serving(self) -> bool:
        """Whether the service takes notifications."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def tell_state(self) -> None:
        """Where a change may have stopped: what the vendor told and was asked, the queue's jobs, what is due in SQL."""
        told = self.control("callbacks")["callbacks"][-5:]
        asked = [
            f"{row['method']} {row['path']} {row['status']}" for row in self.control("requests?vendor=zoho")["requests"]
        ]
        print(json.dumps({"told": told, "asked": asked[-15:]}, indent=1, ensure_ascii=False), file=sys.stderr)
        for arguments in (("doctor",),):
            command = [sys.executable, "-m", "tieout.cli", *arguments]
            env = {**environment(), "TIEOUT_CONFIG": str(self.config)}
            done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
            print(f"$ tieout {' '.join(arguments)}\n{done.stdout}{done.stderr}", file=sys.stderr)

    def end(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        process.wait(30)
        self._running.remove(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            if process.poll() is None:
                process.terminate()
        for process in reversed(self._running):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
