"""The open invoices behind rows of the outbox: what is at stake, each debt once however many records show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.tables import decisions, documents, memberships

Row = Mapping[Any, Any]
Debts = Mapping[str, tuple[str, int]]  # document or, where none is known, subject -> (currency, minor units owed)


def at_stake(some: Iterable[Debts]) -> dict[str, int]:
    """Minor units owed per currency behind several rows, each debt once however many records show it."""
    every: dict[str, tuple[str, int]] = {}
    for debts in some:
        every.update(debts)
    out: dict[str, int] = {}
    for currency, amount in every.values():
        out[currency] = out.get(currency, 0) + amount
    return dict(sorted(out.items()))


def debts_of(row: Row, mine: Sequence[Row]) -> Debts:
    """The open debts among the documents of a row; its own amount where no document is known."""
    if mine:
        return {doc["id"]: (doc["currency"], doc["open_minor"]) for doc in mine if doc["open_minor"] > 0}
    if row["currency"] and row["money_minor"]:
        return {f"{row['subject']} {row['currency']}": (row["currency"], row["money_minor"])}
    return {}


def why_of(row: Row) -> Mapping[str, Any]:
    """The reason of a row; empty where it is no mapping."""
    return row["reason"] if isinstance(row["reason"], Mapping) else {}


def decision_of(row: Row) -> str:
    """The decision that a row rests on; "" for none."""
    return str(why_of(row).get("decision") or "")


def customer_of(row: Row) -> str:
    """The customer a row of an account or a reminder names; "" for documents and deals."""
    subject = str(row["subject"]).partition("|")[0]
    return subject if subject.startswith("cus_") else ""


def behind(conn: Connection, rows: Sequence[Row], decided: Mapping[str, Row]) -> dict[str, Sequence[str]]:
    """Ids of the documents that each row rests on: those of its reminder, deal, customer, or the one it is about."""
    held = _documents_of_customers(conn, {customer_of(row) for row in rows} - {""})
    out: dict[str, Sequence[str]] = {}
    for row in rows:
        items = why_of(row).get("items")
        members = decided.get(decision_of(row), {}).get("inputs", {}).get("decisions")
        if isinstance(items, list):
            out[row["id"]] = sorted({str(item[0]).partition(":")[0] for item in items})
        elif customer_of(row):
            out[row["id"]] = held.get(customer_of(row), ())
        else:
            out[row["id"]] = sorted(members) if isinstance(members, Mapping) else (row["subject"],)
    return out


def decisions_of(conn: Connection, rows: Sequence[Row]) -> dict[str, Row]:
    """The decisions that rows rest on, by id."""
    d = decisions.c
    out: dict[str, Row] = {}
    for part in chunks(sorted({decision_of(row) for row in rows} - {""})):
        query = select(d.id, d.body, d.inputs).where(among(d.id, part))
        out |= {row["id"]: row for row in conn.execute(query).mappings()}
    return out


def documents_of(conn: Connection, ids: Iterable[str]) -> dict[str, Row]:
    """Number, account, currency and open amount of documents, by id."""
    d = documents.c
    out: dict[str, Row] = {}
    for part in chunks(sorted(ids)):
        query = select(d.id, d.number, d.account_id, d.currency, d.open_minor).where(among(d.id, part))
        out |= {row["id"]: row for row in conn.execute(query).mappings()}
    return out


def _documents_of_customers(conn: Connection, ids: Iterable[str]) -> dict[str, list[str]]:
    """The open invoices of each customer's accounts."""
    m, d = memberships.c, documents.c
    out: dict[str, list[str]] = {}
    for part in chunks(sorted(ids)):
        query = (
            select(m.customer_id, d.id)
            .join(documents, d.account_id == m.member)
            .where(among(m.customer_id, part), m.to_seq.is_(None))
            .where(d.kind == "invoice", d.state == "posted", d.open_minor > 0)
            .order_by(d.id)
        )
        for customer, document in conn.execute(query):
            out.setdefault(customer, []).append(document)
    return out
