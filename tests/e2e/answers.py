"""A person at the desk: identity conflicts are answered over HTTP, as the loaded company knows them to be right."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.company import Loaded
from tests.e2e.product import CLOCK, tieout


@contextmanager
def served(config: Path) -> Iterator[str]:
    """The address of an API of its own, for where none runs."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with (config.parent / "serve.log").open("ab") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "tieout.cli", "serve", "--port", str(port)],
            env={**os.environ, "TIEOUT_CONFIG": str(config)},
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


@contextmanager
def _desk(config: Path, url: str) -> Iterator[httpx.Client]:
    key = tieout(config, "apikeys", "create", "desk", "--role", "operator")["key"]
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        for _ in range(300):
            try:
                client.get("/healthz").raise_for_status()
                break
            except httpx.TransportError:
                CLOCK.sleep(0.2)
        yield client


def answer_identity(config: Path, url: str, loaded: Loaded, most: int = 25) -> list[str]:
    """Link Zoho accounts to the customer they are, by the suggestion that names its legal name; their record ids."""
    legal = {customer.number: customer.name.legal for customer in loaded.books.customers}
    answered: list[str] = []
    with _desk(config, url) as client:
        cursor: str | None = None
        while len(answered) < most:
            query: dict[str, Any] = {"kind": "identity", "connection": "zoho", "limit": 100}
            page = client.get("/v1/conflicts", params=query | ({"cursor": cursor} if cursor else {})).raise_for_status()
            found = page.json()
            for row in found["items"]:
                truth = loaded.accounts.get(row["external_id"] or "")
                if not truth or not truth["customer"] or len(answered) >= most:
                    continue
                one = client.get(f"/v1/conflicts/{row['id']}").raise_for_status().json()
                for choice in one["suggestions"]:
                    names = (choice.get("record") or {}).get("names") or []
                    if choice.get("action") == "link" and legal[truth["customer"]] in names:
                        body = {"action": "link", "target": choice["target"], "note": "the same customer"}
                        client.post(f"/v1/conflicts/{row['id']}/resolution", json=body).raise_for_status()
                        answered.append(row["external_id"])
                        break
            cursor = found["next"]
            if cursor is None:
                break
    return answered
