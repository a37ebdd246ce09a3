"""Conflicts: the work list of ops, ordered by the money at stake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Integer, RowMapping, cast, func, or_, select

from tieout.store.queries.finding import words_of
from tieout.store.queries.ordering import By, ordered
from tieout.store.queries.paging import Slice, contains
from tieout.store.queries.worth import Worth, side_by_side
from tieout.store.tables import conflicts, source_records

Row = RowMapping

KINDS = (
    "identity",
    "unlinked_document",
    "field",
    "unmapped_value",
    "missing_reference",
    "invalid_record",
    "schema_drift",
    "payment_match",
)


@dataclass(frozen=True, slots=True)
class ConflictFilter:
    """What the list is narrowed to; None = not asked."""

    kind: str | None = None
    state: str | None = "open"
    connection: str | None = None
    blocks_balance: bool | None = None
    q: str | None = None


def currencies(conn: Connection) -> list[str]:
    """The currencies of money at stake."""
    found = conn.execute(select(conflicts.c.currency).distinct().where(conflicts.c.currency.is_not(None))).scalars()
    return sorted(str(code) for code in found)


def page(
    conn: Connection, wanted: ConflictFilter, limit: int, cursor: str | None, worth: Worth | None = None
) -> Slice[Row]:
    """Conflicts with the largest amount at stake first, then by id.

    Amounts are compared by what they are worth; without it, by their major units, currencies side by side.
    """
    c = conflicts.c
    chosen = worth or side_by_side(currencies(conn))
    query = select(conflicts)
    for column, value in (
        (c.kind, wanted.kind),
        (c.state, wanted.state),
        (c.connection, wanted.connection),
        (c.blocks_balance, wanted.blocks_balance),
    ):
        if value is not None:
            query = query.where(column == value)
    for word in words_of(wanted.q or ""):
        query = query.where(or_(contains(c.title, word), contains(c.external_id, word), c.id == word))
    parts = [By(chosen.of(c.money_minor, func.coalesce(c.currency, "")), int, falls=True), By(c.id, str)]
    return ordered(conn, query, parts, limit, cursor, "conflicts")


def get(conn: Connection, conflict_id: str) -> Row | None:
    """One conflict, or None."""
    return conn.execute(select(conflicts).where(conflicts.c.id == conflict_id)).mappings().one_or_none()


def open_by_kind(conn: Connection) -> Sequence[Row]:
    """Open conflicts per kind: how many, and how many of them block a balance."""
    blocking = func.sum(cast(conflicts.c.blocks_balance, Integer))
    query = (
        select(conflicts.c.kind, func.count().label("open"), blocking.label("blocking"))
        .where(conflicts.c.state == "open")
        .group_by(conflicts.c.kind)
        .order_by(conflicts.c.kind)
    )
    return conn.execute(query).mappings().all()


def of_record(conn: Connection, connection: str, stream: str, external_id: str) -> Sequence[Row]:
    """Conflicts about one source record, newest first."""
    query = select(conflicts).where(
        conflicts.c.connection == connection, conflicts.c.stream == stream, conflicts.c.external_id == external_id
    )
    return conn.execute(query.order_by(conflicts.c.opened_at.desc(), conflicts.c.id)).mappings().all()


def records(conn: Connection) -> int:
    """Living source records: what conflicts per 1,000 are counted against."""
    every = select(func.count()).select_from(source_records)  # both from an index: the rows themselves are long
    gone = every.where(source_records.c.is_deleted.is_(True))
    return int(conn.execute(every).scalar_one()) - int(conn.execute(gone).scalar_one())
