"""What the rows of a plan are about: the record's name, its customer, its amounts' currency, the debts behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from sync.context import Context
from sync.settle.modules import stream_of
from tieout.canonical import codec
from tieout.canonical.documents import ClaimCandidate
from tieout.canonical.parties import PartyCandidate
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.queries.customers import names_of_accounts
from tieout.store.refs import by_refs, rows_by
from tieout.store.session import reading
from tieout.store.tables import customers, decisions, documents, memberships, source_records

Row = Mapping[str, Any]
Debts = Mapping[str, tuple[str, int]]  # document or, where none is known, subject -> (currency, minor units owed)


@dataclass(frozen=True, slots=True)
class About:
    """What one row is about; "" = not known. `debts` are the open invoices it shows or asks for."""

    name: str = ""
    number: str = ""  # of the one bill that the record shows
    customer: str = ""
    currency: str = ""  # of the record's amount fields
    decided_in: str = ""  # of the amounts in its reasons
    debts: Debts = field(default_factory=dict)


def about(ctx: Context, rows: Sequence[Row]) -> dict[str, About]:
    """What each row of a plan is about, by outbox id."""
    with reading(ctx.engine) as conn:
        records = _records(ctx, conn, rows)
        decided = _decisions(conn, rows)
        held = _documents_of_customers(conn, {_customer(row) for row in rows} - {""})
        behind = {row["id"]: _behind(row, decided, held) for row in rows}
        docs = _documents(conn, {doc for some in behind.values() for doc in some})
        owners = {
            account: name
            for part in chunks(sorted({doc["account_id"] for doc in docs.values()}))
            for account, (_, name) in names_of_accounts(conn, part).items()
        }
        named = _customer_names(conn, {_customer(row) for row in rows} - {""})
    out: dict[str, About] = {}
    for row in rows:
        name, currency = records.get(_record(ctx, row), ("", ""))
        body = decided.get(_decision(row), {}).get("body", {})
        mine = [docs[doc] for doc in behind[row["id"]] if doc in docs]
        customer = named.get(_customer(row)) or next((owners.get(doc["account_id"], "") for doc in mine), "")
        decided_in = body.get("currency", "") or row["currency"] or ""
        is_status = _why(row).get("kind") == "payment_status"  # shown in the currency of the documents
        out[row["id"]] = About(
            name=name,
            number=next((doc["number"] for doc in mine if doc["id"] == row["subject"]), ""),
            customer=customer,
            currency=decided_in if is_status else currency or decided_in,
            decided_in=decided_in,
            debts=_debts(row, mine),
        )
    return out


def at_stake(some: Iterable[Debts]) -> dict[str, int]:
    """Minor units owed per currency behind several rows, each debt once however many records show it."""
    every: dict[str, tuple[str, int]] = {}
    for debts in some:
        every.update(debts)
    out: dict[str, int] = {}
    for currency, amount in every.values():
        out[currency] = out.get(currency, 0) + amount
    return dict(sorted(out.items()))


def _debts(row: Row, mine: Sequence[Mapping[Any, Any]]) -> Debts:
    if mine:
        return {doc["id"]: (doc["currency"], doc["open_minor"]) for doc in mine if doc["open_minor"] > 0}
    if row["currency"] and row["money_minor"]:
        return {f"{row['subject']} {row['currency']}": (row["currency"], row["money_minor"])}
    return {}


def _why(row: Row) -> Mapping[str, Any]:
    return row["reason"] if isinstance(row["reason"], Mapping) else {}


def _decision(row: Row) -> str:
    return str(_why(row).get("decision") or "")


def _customer(row: Row) -> str:
    """The customer a row of an account or a reminder names; "" for documents and deals."""
    subject = str(row["subject"]).partition("|")[0]
    return subject if subject.startswith("cus_") else ""


def _behind(row: Row, decided: Mapping[str, Mapping[Any, Any]], held: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Ids of the documents a row rests on: those of its reminder, deal, customer, or the one it is about."""
    items = _why(row).get("items")
    if isinstance(items, list):
        return sorted({str(item[0]).partition(":")[0] for item in items})
    if _customer(row):
        return held.get(_customer(row), ())
    members = decided.get(_decision(row), {}).get("inputs", {}).get("decisions")
    return sorted(members) if isinstance(members, Mapping) else (row["subject"],)


def _record(ctx: Context, row: Row) -> tuple[str, str, str]:
    """Connection, stream and id of the record a row changes or, for one to be created, hangs on."""
    settings = ctx.config.connections.get(row["connection"])
    is_new = row["operation"] == "create"
    module, record = (row["parent_module"], row["parent_id"]) if is_new else (row["module"], row["remote_id"])
    return row["connection"], stream_of(settings.vendor, module) if settings else "", record


def _records(ctx: Context, conn: Connection, rows: Sequence[Row]) -> dict[tuple[str, str, str], tuple[str, str]]:
    """(name, currency) of the records as they were last read."""
    s = source_records.c
    statement = by_refs(
        select(s.connection, s.stream, s.external_id, s.candidate_kind, s.candidate).where(s.candidate.is_not(None)),
        (s.connection, s.stream, s.external_id),
    )
    out: dict[tuple[str, str, str], tuple[str, str]] = {}
    for row in rows_by(conn, statement, {_record(ctx, row) for row in rows}):
        made = codec.decode(row.candidate_kind, row.candidate)
        if isinstance(made, PartyCandidate):
            out[row.connection, row.stream, row.external_id] = made.display_name, made.currency
        elif isinstance(made, ClaimCandidate):
            out[row.connection, row.stream, row.external_id] = made.label, made.currency
    return out


def _decisions(conn: Connection, rows: Sequence[Row]) -> dict[str, Mapping[Any, Any]]:
    d = decisions.c
    out: dict[str, Mapping[Any, Any]] = {}
    for part in chunks(sorted({_decision(row) for row in rows} - {""})):
        query = select(d.id, d.body, d.inputs).where(among(d.id, part))
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


def _documents(conn: Connection, ids: Iterable[str]) -> dict[str, Mapping[Any, Any]]:
    d = documents.c
    out: dict[str, Mapping[Any, Any]] = {}
    for part in chunks(sorted(ids)):
        query = select(d.id, d.number, d.account_id, d.currency, d.open_minor).where(among(d.id, part))
        out |= {row["id"]: row for row in conn.execute(query).mappings()}
    return out


def _customer_names(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    c = customers.c
    out: dict[str, str] = {}
    for part in chunks(sorted(ids)):
        out.update(conn.execute(select(c.id, c.name).where(among(c.id, part))).all())
    return out
