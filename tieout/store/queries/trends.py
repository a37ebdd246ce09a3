"""Movements that charts are drawn from: how items of the receivable were opened and closed, and pulls by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, case, func, select

from tieout.ledger import chart
from tieout.store.among import among
from tieout.store.queries import openings
from tieout.store.tables import allocations, documents, entries, open_items, postings, runs

Row = RowMapping


_KINDS = ("invoice", "credit_note")


def movements_since(conn: Connection, currency: str, since: date) -> Sequence[tuple[str, str, date, int]]:
    """(document, line, effective day, signed minor units) of invoices and credit notes, from a day on.

    From the journal, and then the links that have no entry of their own (a credit note against an invoice).
    """
    p, e, a = postings.c, entries.c, allocations.c
    booked = conn.execute(
        select(p.document_id, func.coalesce(p.line_id, ""), e.effective_on, func.sum(p.amount_minor))
        .join(entries, e.id == p.entry_id)
        .join(documents, documents.c.id == p.document_id)
        .where(
            p.code.in_(chart.CUSTOMER_CODES),
            p.currency == currency,
            documents.c.kind.in_(_KINDS),
            e.effective_on >= since,
        )
        .group_by(p.document_id, p.line_id, e.effective_on)
    )
    out = [(row[0], row[1], row[2], int(row[3])) for row in booked]
    linked = conn.execute(
        select(a.from_document_id, a.to_document_id, a.to_line, a.effective_on, a.amount_minor).where(
            *_links(conn, currency, since)
        )
    )
    for from_id, to_id, to_line, on, amount in linked:
        out.append((from_id, "", on, int(amount)))
        out.append((to_id, to_line or "", on, -int(amount)))
    return out


def lines_of(conn: Connection, currency: str, ids: Iterable[str]) -> Mapping[str, Mapping[str, tuple[date, int]]]:
    """document -> line -> (due day, minor units open now) of these documents."""
    o = open_items.c
    query = (
        select(o.document_id, o.line_id, o.due_on, o.open_minor)
        .where(o.currency == currency, among(o.document_id, sorted(ids)))
        .order_by(o.document_id, o.due_on)
    )
    found: dict[str, dict[str, tuple[date, int]]] = {}
    for document, line, due_on, minor in conn.execute(query):
        found.setdefault(document, {})[line] = (due_on, int(minor))
    return found


def _links(conn: Connection, currency: str, since: date) -> Sequence[ColumnElement[bool]]:
    a = allocations.c
    return (
        a.is_applied.is_(True),
        a.entry_id.is_(None),
        a.currency == currency,
        a.effective_on >= since,
        *openings.not_history(conn),
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
