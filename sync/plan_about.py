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
from tieout.store.queries import debts
from tieout.store.queries.customers import names_of_accounts
from tieout.store.refs import by_refs, rows_by
from tieout.store.session import reading
from tieout.store.tables import customers, source_records

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """What one row is about; "" = not known. `debts` are the open invoices it shows or asks for."""

    name: str = ""
    number: str = ""  # of the one bill that the record shows
    customer: str = ""
    currency: str = ""  # of the record's amount fields
    decided_in: str = ""  # of the amounts in its reasons
    debts: debts.Debts = field(default_factory=dict)


def about(ctx: Context, rows: Sequence[Row]) -> dict[str, About]:
    """What each row of a plan is about, by outbox id."""
    with reading(ctx.engine) as conn:
        records = _records(ctx, conn, rows)
        decided = debts.decisions_of(conn, rows)
        behind = debts.behind(conn, rows, decided)
        docs = debts.documents_of(conn, {doc for some in behind.values() for doc in some})
        owners = {
            account: name
            for part in chunks(sorted({doc["account_id"] for doc in docs.values()}))
            for account, (_, name) in names_of_accounts(conn, part).items()
        }
        named = _customer_names(conn, {debts.customer_of(row) for row in rows} - {""})
    out: dict[str, About] = {}
    for row in rows:
        name, currency = records.get(_record(ctx, row), ("", ""))
        body = decided.get(debts.decision_of(row), {}).get("body", {})
        mine = [docs[doc] for doc in behind[row["id"]] if doc in docs]
        customer = named.get(debts.customer_of(row)) or next((owners.get(doc["account_id"], "") for doc in mine), "")
        decided_in = body.get("currency", "") or row["currency"] or ""
        is_status = debts.why_of(row).get("kind") == "payment_status"  # shown in the currency of the documents
        out[row["id"]] = About(
            name=name,
            number=next((doc["number"] for doc in mine if doc["id"] == row["subject"]), ""),
            customer=customer,
            currency=decided_in if is_status else currency or decided_in,
            decided_in=decided_in,
            debts=debts.debts_of(row, mine),
        )
    return out


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


def _customer_names(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    c = customers.c
    out: dict[str, str] = {}
    for part in chunks(sorted(ids)):
        out.update(conn.execute(select(c.id, c.name).where(among(c.id, part))).all())
    return out
