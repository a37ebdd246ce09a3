"""The sandbox process of `tieout sandbox`, spoken to over its control plane."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tieout.core import exact_json
from tieout.core.clock import SystemClock

MODULES = ("Accounts", "Deals", "Invoices", "Tasks", "Notes")


class Sandbox:
    """One sandbox process with a small company, in a folder of its own."""

    def __init__(self, folder: Path, *, customers: int = 30, invoices: int = 120, seed: int = 7) -> None:
        folder.mkdir()
        argv = [sys.executable, "-m", "tieout.cli", "sandbox", "--home", str(folder), "--seed", str(seed)]
        argv += ["--customers", str(customers), "--invoices", str(invoices)]
        with (folder / "sandbox.log").open("wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log)
        described = folder / "sandbox.json"
        clock = SystemClock()
        give_up = clock.monotonic() + 30
        while not described.exists():
            assert self.process.poll() is None, (folder / "sandbox.log").read_text()
            assert clock.monotonic() < give_up, "the sandbox does not come up"
            clock.sleep(0.05)
        self.connections: dict[str, dict[str, Any]] = exact_json.loads(described.read_bytes())
        self._client = httpx.Client(base_url=self.connections["control"]["base_url"], trust_env=False, timeout=20)

    def stop(self) -> None:
        """End the process and see it gone."""
        self._client.close()
        self.process.terminate()
        self.process.wait(10)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._client.request(method, f"/_control/{path}", content=exact_json.dumps(body) if body else None)
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = exact_json.loads(answer.content)
        return found

    def change(self, vendor: str, operation: str, module: str, key: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Act as a user of a vendor's system."""
        body = {"vendor": vendor, "operation": operation, "module": module, "id": key, "fields": fields}
        made: dict[str, Any] = self._ask("POST", "change", body)["record"]
        return made

    def records(self) -> dict[str, list[dict[str, Any]]]:
        """Records of Zoho by module; a module in which nothing was ever made is not there yet."""
        held = self._ask("GET", "state/zoho")["collections"]
        return {name: self._ask("GET", f"state/zoho/{name}")["documents"] if name in held else [] for name in MODULES}

    def effects(self) -> list[dict[str, Any]]:
        """Every write so far, as the oracle saw it."""
        found: list[dict[str, Any]] = self._ask("GET", "effects")["effects"]
        return found
