"""The proofs of the openings: totals as stated, each document as its history says, no history in the journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from tieout.ledger import chart
from tieout.ledger.openings import carried_forward_on, code_of
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.queries.openings import OPENING, applied_before, current, effective_before, held, joined
from tieout.store.tables import allocations, dirty, documents, entries, opening_items, postings

Found = tuple[str, str, str, str]  # invariant, subject, expected, found


def wrong_openings(conn: Connection) -> Iterator[Found]:
    """What does not hold of the openings in force; documents that still wait for theirs are taken as it will be."""
    for connection, row in sorted(current(conn).items()):
        waiting = set(conn.execute(select(dirty.c.key).where(dirty.c.kind == OPENING)).scalars())
        if row["start_on"] is not None:
            yield from _tie(conn, connection, row, waiting)
            yield from _documents(conn, connection, row, waiting)
            if not waiting:
                yield from _history(conn, connection, row["start_on"])
        elif not waiting:
            yield from _leftovers(conn, connection)


def held_back(conn: Connection) -> Mapping[tuple[str, str, str], int]:
    """(account, currency, ledger code) -> what held documents will bring into the journal."""
    out: dict[tuple[str, str, str], int] = {}
    for account, kind, currency, amount in held(conn):
        key = (account, currency, code_of(kind))
        out[key] = out.get(key, 0) + int(amount)
    return out


def _tie(conn: Connection, connection: str, row: Mapping[str, Any], waiting: set[str]) -> Iterator[Found]:
    """What the opening posted is what the source's documents had open: per company, currency and ledger code."""
    e, p = entries.c, postings.c
    stated = {
        (company, currency, code): amount
        for company, currencies in row["totals"].items()
        for currency, codes in currencies.items()
        for code, amount in codes.items()
    }
    made: dict[tuple[str, str, str], int] = {}
    rows = conn.execute(
        select(e.company_id, p.currency, p.code, func.sum(p.amount_minor))
        .join(postings, p.entry_id == e.id)
        .where(e.kind == OPENING, e.source_seq == row["seq"], p.code.in_(chart.CUSTOMER_CODES))
        .group_by(e.company_id, p.currency, p.code)
    )
    for company, currency, code, amount in rows:
        made[company, currency, code] = int(amount)
    for doc, amount in _amounts(conn, sorted(waiting), row["start_on"]):
        if doc.connection == connection and doc.issue_on < row["start_on"]:
            key = (doc.company_id, doc.currency, code_of(doc.kind))
            made[key] = made.get(key, 0) + amount
    for key in sorted(stated.keys() | made.keys()):
        if stated.get(key, 0) != made.get(key, 0):
            subject = f"{connection} {row['start_on']} {'/'.join(key)}"
            yield ("opening total", subject, str(stated.get(key, 0)), str(made.get(key, 0)))


def _documents(conn: Connection, connection: str, row: Mapping[str, Any], waiting: set[str]) -> Iterator[Found]:
    """Each document from before stands with exactly what its history left open, and none from later does."""
    d, o, start_on = documents.c, opening_items.c, row["start_on"]
    query = select(d.id).where(d.connection == connection, d.state == "posted", d.issue_on < start_on).order_by(d.id)
    ids = [key for key in conn.execute(query).scalars() if key not in waiting]
    for part in chunks(ids):
        kept = dict(conn.execute(select(o.document_id, o.amount_minor).where(among(o.document_id, part))).all())
        stands = _standing(conn, part)
        for doc, amount in _amounts(conn, part, start_on):
            kind, on, minor = stands.get(doc.id, (OPENING, carried_forward_on(start_on), 0))
            if kind != OPENING or on != carried_forward_on(start_on) or minor != amount:
                yield ("opening item", doc.id, str(amount), f"{minor} as {kind} of {on}")
            if kept.get(doc.id) != amount:
                yield ("opening item as kept", doc.id, str(amount), str(kept.get(doc.id)))
    known = set(ids)
    others = select(o.document_id).join(documents, d.id == o.document_id).where(d.connection == connection)
    for key in conn.execute(others.order_by(o.document_id)).scalars():
        if key not in known and key not in waiting:
            yield ("opening item", key, "none", "one")


def _amounts(conn: Connection, ids: Sequence[str], start_on: date) -> Iterator[tuple[Any, int]]:
    """Documents with what was open of them before a day, from totals and allocations."""
    d = documents.c
    for part in chunks(ids):
        by_item, by_credit = applied_before(conn, part, start_on)
        paid: dict[str, int] = {}
        for item, amount in by_item.items():
            key = item.partition(":")[0]
            paid[key] = paid.get(key, 0) + amount
        for doc in conn.execute(select(documents).where(among(d.id, part)).order_by(d.id)):
            yield doc, doc.total_minor - paid.get(doc.id, 0) + by_credit.get(doc.id, 0)


def _standing(conn: Connection, ids: Sequence[str]) -> Mapping[str, tuple[str, date, int]]:
    """document -> (kind, date, minor units on the customer's accounts) of the entry that stands."""
    d, e, p = documents.c, entries.c, postings.c
    rows = conn.execute(
        select(d.id, e.kind, e.effective_on, func.sum(p.amount_minor))
        .join(entries, e.id == d.entry_id)
        .join(postings, p.entry_id == e.id)
        .where(among(d.id, ids), p.code.in_(chart.CUSTOMER_CODES))
        .group_by(d.id, e.kind, e.effective_on)
    )
    return {row[0]: (row[1], row[2], int(row[3])) for row in rows}


def _history(conn: Connection, connection: str, start_on: date) -> Iterator[Found]:
    a = allocations.c
    posted = joined(select(a.id, a.entry_id).select_from(allocations)).where(
        a.connection == connection, a.entry_id.is_not(None), *effective_before(start_on)
    )
    for key, entry_id in conn.execute(posted.order_by(a.id)):
        yield ("allocation before the books", key, "no entry", entry_id)


def _leftovers(conn: Connection, connection: str) -> Iterator[Found]:
    d, o = documents.c, opening_items.c
    left = select(o.document_id).join(documents, d.id == o.document_id).where(d.connection == connection)
    for key in conn.execute(left.order_by(o.document_id)).scalars():
        yield ("opening item", key, "none: the books have no beginning", "one")
