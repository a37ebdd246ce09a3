"""Movements that charts are drawn from: how items of the receivable were opened and closed, and pulls by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import CompoundSelect, Connection, RowMapping, case, func, select, union

from tieout.ledger import chart
from tieout.store.queries import openings
from tieout.store.tables import allocations, documents, entries, open_items, postings, runs

Row = RowMapping


def item_movements(conn: Connection, currency: str, since: date) -> Sequence[tuple[str, str, date, int]]:
    """(document, line, effective day, signed minor units) of the invoices and credit notes that were open since a day.

    From the journal, and then the links that have no entry of their own (a credit note against an invoice). What was
    closed before and has not moved since is left out.
    """
    p, e, a = postings.c, entries.c, allocations.c
    mine = _open_since(conn, currency, since)
    booked = conn.execute(
        select(p.document_id, func.coalesce(p.line_id, ""), e.effective_on, func.sum(p.amount_minor))
        .join(entries, e.id == p.entry_id)
        .join(documents, documents.c.id == p.document_id)
        .where(
            p.code.in_(chart.CUSTOMER_CODES),
            p.currency == currency,
            documents.c.kind.in_(("invoice", "credit_note")),
            p.document_id.in_(mine),
        )
        .group_by(p.document_id, p.line_id, e.effective_on)
    )
    out = [(row[0], row[1], row[2], int(row[3])) for row in booked]
    linked = conn.execute(
        select(a.from_document_id, a.to_document_id, a.to_line, a.effective_on, a.amount_minor).where(
            a.is_applied.is_(True), a.entry_id.is_(None), a.currency == currency, *openings.not_history(conn)
        )
    )
    for from_id, to_id, to_line, on, amount in linked:
        out.append((from_id, "", on, int(amount)))
        out.append((to_id, to_line or "", on, -int(amount)))
    return out


def due_days(conn: Connection, currency: str, since: date) -> Mapping[str, Mapping[str, date]]:
    """document -> line -> due day of the items of a currency that were open since a day."""
    o = open_items.c
    query = (
        select(o.document_id, o.line_id, o.due_on)
        .where(o.currency == currency, o.document_id.in_(_open_since(conn, currency, since)))
        .order_by(o.document_id, o.due_on)
    )
    found: dict[str, dict[str, date]] = {}
    for document, line, due_on in conn.execute(query):
        found.setdefault(document, {})[line] = due_on
    return found


def _open_since(conn: Connection, currency: str, since: date) -> CompoundSelect[tuple[str]]:
    """The documents of a currency with an open line, or with a movement on that day or later."""
    o, p, e, a = open_items.c, postings.c, entries.c, allocations.c
    links = (
        a.is_applied.is_(True), a.entry_id.is_(None), a.currency == currency, a.effective_on >= since,
        *openings.not_history(conn),
    )  # fmt: skip
    return union(
        select(o.document_id).where(o.currency == currency, o.open_minor != 0),
        select(p.document_id)
        .join(entries, e.id == p.entry_id)
        .where(e.effective_on >= since, p.currency == currency, p.code.in_(chart.CUSTOMER_CODES)),
        select(a.from_document_id).where(*links),
        select(a.to_document_id).where(*links),
    )


def pulls_since(conn: Connection, days: Sequence[datetime]) -> Sequence[Row]:
    """Pulls per connection, state and day; `day` counts from 0, the day that begins at the first of these instants."""
    marks = [(runs.c.started_at >= begins, at) for at, begins in reversed(list(enumerate(days)))]
    day = case(*marks, else_=-1).label("day")
    query = (
        select(runs.c.connection, runs.c.state, day, func.count().label("runs"))
        .where(runs.c.kind == "pull", runs.c.started_at >= days[0], runs.c.state.in_(("done", "failed")))
        .group_by(runs.c.connection, runs.c.state, day)
    )
    return conn.execute(query).mappings().all()
