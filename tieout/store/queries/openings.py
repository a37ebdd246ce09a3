"""Where the books begin, and what was applied before: sums over the sub-ledger, which keeps the whole history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from tieout.ledger.openings import code_of
from tieout.store.among import among
from tieout.store.tables import allocation_lines, allocations, dirty, documents, opening_items, openings

OPENING = "opening"  # kind of the input, of the entry and of the dirty documents that wait for theirs
_IN_FORCE = select(openings).where(openings.c.is_current.is_(True))
_source, _target = documents.alias("source"), documents.alias("target")


def current(conn: Connection) -> Mapping[str, Mapping[str, Any]]:
    """connection -> the opening in force, as stored; one that was taken back has no `start_on`."""
    rows = conn.execute(_IN_FORCE).mappings()
    return {row["connection"]: dict(row) for row in rows}


def starts_at(conn: Connection, input_seq: int | None = None) -> Mapping[str, date]:
    """connection -> the day its books began as known at an input (None: now), where they have a beginning."""
    o = openings.c
    out: dict[str, date | None] = {}
    query = select(o.connection, o.start_on).order_by(o.seq)
    rows = conn.execute(query if input_seq is None else query.where(o.seq <= input_seq))
    out.update((row.connection, row.start_on) for row in rows)
    return {name: day for name, day in out.items() if day is not None}


def is_unfinished(conn: Connection) -> bool:
    """True while documents wait for the opening in force."""
    return conn.execute(select(dirty.c.key).where(dirty.c.kind == OPENING).limit(1)).first() is not None


def effective_before(day: date) -> tuple[ColumnElement[bool], ...]:
    """Of `allocations` joined to both documents: what took effect before a day, never before both existed."""
    return (allocations.c.effective_on < day, _source.c.issue_on < day, _target.c.issue_on < day)


def joined(statement: Select[Any]) -> Select[Any]:
    """A select over `allocations` with both of their documents beside them."""
    a = allocations.c
    return statement.join(_source, _source.c.id == a.from_document_id).join(_target, _target.c.id == a.to_document_id)


def not_history(conn: Connection, input_seq: int | None = None) -> Sequence[ColumnElement[bool]]:
    """Conditions on `allocations` without entry that leave out those from before the books as known at an input.

    Those are in the openings already. One that has lost its entry to a later opening had it then: only what never has
    one, being between documents on one side of one account, is left. Nothing is asked where there was no opening ever.
    """
    a, source, target = allocations.c, _source.c, _target.c
    if conn.execute(select(openings.c.seq).limit(1)).first() is None:
        return []
    on_one_side = or_(
        and_(source.kind == "credit_note", target.kind == "invoice"),
        and_(source.kind == "payment", target.kind == "refund"),
    )
    by_nature = joined(select(a.id).select_from(allocations)).where(on_one_side, source.account_id == target.account_id)
    return [
        a.id.in_(by_nature),
        *(
            a.id.not_in(
                joined(select(a.id).select_from(allocations)).where(
                    a.connection == connection, *effective_before(start_on)
                )
            )
            for connection, start_on in sorted(starts_at(conn, input_seq).items())
        ),
    ]


def applied_before(conn: Connection, ids: Sequence[str], start_on: date) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """(item id -> paid on it, document id -> paid by it) > 0 of these documents, effective before `start_on`."""
    a, line = allocations.c, allocation_lines.c
    before = (a.is_applied.is_(True), *effective_before(start_on))
    on_items = joined(
        select(line.item_id, func.sum(line.amount_minor))
        .select_from(allocations)
        .join(allocation_lines, line.allocation_id == a.id)
    )
    by_item = {
        row[0]: int(row[1])
        for row in conn.execute(on_items.where(among(a.to_document_id, ids), *before).group_by(line.item_id))
    }
    used = joined(select(a.from_document_id, func.sum(a.amount_minor)).select_from(allocations))
    by_credit = {
        row[0]: int(row[1])
        for row in conn.execute(used.where(among(a.from_document_id, ids), *before).group_by(a.from_document_id))
    }
    return by_item, by_credit


def open_before(conn: Connection, connection: str, start_on: date) -> dict[str, dict[str, dict[str, int]]]:
    """What the source's documents had open at the close of the day before, summed without looking at any one.

    company -> currency -> ledger code -> minor units (debit > 0): Σ documents - Σ what was applied by then.
    """
    d, a = documents.c, allocations.c
    out: dict[str, dict[str, dict[str, int]]] = {}

    def add(company: str, currency: str, code: str, amount: int) -> None:
        codes = out.setdefault(company, {}).setdefault(currency, {})
        codes[code] = codes.get(code, 0) + amount

    for row in conn.execute(
        select(d.company_id, d.currency, d.kind, func.sum(d.total_minor))
        .where(d.connection == connection, d.state == "posted", d.issue_on < start_on)
        .group_by(d.company_id, d.currency, d.kind)
    ):
        add(row[0], row[1], code_of(row[2]), int(row[3]))
    for side, sign in ((_target, -1), (_source, 1)):
        s = side.c
        applied = joined(
            select(s.company_id, s.currency, s.kind, func.sum(a.amount_minor)).select_from(allocations)
        ).where(a.connection == connection, a.is_applied.is_(True), *effective_before(start_on))
        for row in conn.execute(applied.group_by(s.company_id, s.currency, s.kind)):
            add(row[0], row[1], code_of(row[2]), sign * int(row[3]))
    return {
        company: {currency: dict(sorted(codes.items())) for currency, codes in sorted(currencies.items())}
        for company, currencies in sorted(out.items())
    }


def held(conn: Connection) -> Sequence[Any]:
    """Amounts that documents without entry will open with, per account, code and currency, while they are held."""
    d, o = documents.c, opening_items.c
    return conn.execute(
        select(d.account_id, d.kind, d.currency, func.sum(o.amount_minor))
        .join(opening_items, o.document_id == d.id)
        .where(o.opening_seq.is_(None))
        .group_by(d.account_id, d.kind, d.currency)
    ).all()


def of_document(conn: Connection, document_id: str) -> dict[str, Any] | None:
    """How a document from before the books' beginning stands: `start_on`, `amount_minor` still open then, `is_held`."""
    o = opening_items.c
    row = conn.execute(
        select(o.start_on, o.amount_minor, o.opening_seq, openings.c.reason)
        .outerjoin(openings, openings.c.seq == o.opening_seq)
        .where(o.document_id == document_id)
    ).first()
    if row is None:
        return None
    return {
        "start_on": row.start_on,
        "amount_minor": row.amount_minor,
        "opening_seq": row.opening_seq,
        "reason": row.reason or "",
        "is_held": row.opening_seq is None,
    }
