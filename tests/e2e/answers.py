"""A person at the desk: conflicts of each CRM are answered over HTTP, as the loaded company knows them to be right."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.company import Loaded
from tests.e2e.crms import Crm, crms
from tests.e2e.product import Product

MOST = 25  # answers of one kind and CRM


@dataclass
class Answered:
    """Records of one CRM that a person said the truth of: accounts that were linked, invoices that were bound."""

    accounts: list[str] = field(default_factory=list)
    invoices: list[str] = field(default_factory=list)


@contextmanager
def served(product: Product) -> Iterator[str]:
    """The address of an API of its own, for where none runs."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with (product.config.parent / "serve.log").open("ab") as log:
        server = subprocess.Popen(
            product.argv("serve", "--port", str(port)), env=product.environment, stdout=log, stderr=log
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


@contextmanager
def _desk(product: Product, url: str) -> Iterator[httpx.Client]:
    key = product.tieout("apikeys", "create", "desk", "--role", "operator")["key"]
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        for _ in range(300):
            try:
                client.get("/healthz").raise_for_status()
                break
            except httpx.TransportError:
                product.clock.sleep(0.2)
        yield client


def answer(product: Product, url: str, loaded: Loaded) -> Mapping[str, Answered]:
    """Link accounts to the customer they are and bind invoices to the bill they mean, in both CRMs; by connection.

    Of each CRM some of either kind must have been there to be answered.
    """
    legal = {customer.number: customer.name.legal for customer in loaded.books.customers}
    out: dict[str, Answered] = {}
    with _desk(product, url) as client:
        for crm in crms(loaded):
            made = out[crm.connection] = Answered()
            for row in _asked(client, "identity", crm):
                truth = crm.meant_accounts.get(row["external_id"] or "")
                if truth and truth["customer"] and len(made.accounts) < MOST:
                    choice = _suggested(client, row["id"], legal[truth["customer"]])
                    if choice:
                        _say(client, row["id"], "link", str(choice["target"]), choice["contradictions"])
                        made.accounts.append(row["external_id"])
            for row in _asked(client, "unlinked_document", crm):
                truth = crm.meant_invoices.get(row["external_id"] or "")
                if truth and truth["way"] in ("no_number", "wrong_number", "amount") and len(made.invoices) < MOST:
                    meant = _document(client, truth["meant"])
                    _say(client, row["id"], "bind", meant, _contradictions(client, row["id"], meant))
                    made.invoices.append(row["external_id"])
            assert made.accounts, f"nobody was asked who an account of {crm.connection} is"
            assert made.invoices, f"nobody was asked what an invoice of {crm.connection} stands for"
    return out


def _asked(client: httpx.Client, kind: str, crm: Crm) -> list[dict[str, Any]]:
    """Open conflicts of a CRM, those with the most money first."""
    stream = {"identity": "customers", "unlinked_document": "invoices"}[kind]
    out: list[dict[str, Any]] = []
    query: dict[str, Any] = {"kind": kind, "connection": crm.connection, "limit": 200}
    while True:
        page = client.get("/v1/conflicts", params=query).raise_for_status().json()
        out += [row for row in page["items"] if row["stream"] == stream]
        if page["next"] is None:
            return out
        query["cursor"] = page["next"]


def _suggested(client: httpx.Client, conflict: str, legal: str) -> dict[str, Any] | None:
    """The suggestion that names the legal name."""
    one = client.get(f"/v1/conflicts/{conflict}").raise_for_status().json()
    for choice in one["suggestions"]:
        if choice.get("action") == "link" and legal in ((choice.get("record") or {}).get("names") or []):
            return dict(choice)
    return None


def _contradictions(client: httpx.Client, conflict: str, target: str) -> list[str]:
    """What contradicts a suggestion: whoever answers has looked at it."""
    one = client.get(f"/v1/conflicts/{conflict}").raise_for_status().json()
    return [code for choice in one["suggestions"] if choice["target"] == target for code in choice["contradictions"]]


def _document(client: httpx.Client, number: str) -> str:
    found = client.get("/v1/invoices", params={"q": number, "limit": 10}).raise_for_status().json()["items"]
    (only,) = [row["id"] for row in found if row["number"] == number]
    return str(only)


def _say(client: httpx.Client, conflict: str, action: str, target: str, despite: list[str]) -> None:
    body = {"action": action, "target": target, "note": "known to the desk", "despite": despite}
    client.post(f"/v1/conflicts/{conflict}/resolution", json=body).raise_for_status()
