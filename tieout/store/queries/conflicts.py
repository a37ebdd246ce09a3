"""Conflicts: the work list of ops, ordered by the money at stake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Integer, RowMapping, and_, case, cast, func, or_, select

from tieout.core.money import exponent, is_currency
from tieout.store.queries.paging import Slice, cut, decode
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


def _currencies(conn: Connection) -> list[str]:
    found = conn.execute(select(conflicts.c.currency).distinct().where(conflicts.c.currency.is_not(None))).scalars()
    return sorted(str(code) for code in found)


def stake(currencies: Sequence[str]) -> ColumnElement[int]:
    """Money at stake as a number to sort by: hundredths of the major unit, currencies side by side, not converted."""
    whens = []
    for code in currencies:
        places = exponent(code) if is_currency(code) else 2
        if places < 2:
            whens.append((conflicts.c.currency == code, conflicts.c.money_minor * 10 ** (2 - places)))
        elif places > 2:
            whens.append((conflicts.c.currency == code, conflicts.c.money_minor // 10 ** (places - 2)))
    return case(*whens, else_=conflicts.c.money_minor) if whens else conflicts.c.money_minor


def page(conn: Connection, wanted: ConflictFilter, limit: int, cursor: str | None) -> Slice[Row]:
    """Conflicts with the largest amount at stake first, then by id."""
    weight = stake(_currencies(conn))
    query = select(conflicts, weight.label("stake"))
    for column, value in (
        (conflicts.c.kind, wanted.kind),
        (conflicts.c.state, wanted.state),
        (conflicts.c.connection, wanted.connection),
        (conflicts.c.blocks_balance, wanted.blocks_balance),
    ):
        if value is not None:
            query = query.where(column == value)
    if cursor:
        last, last_id = decode(cursor, "conflicts", (int, str))
        query = query.where(or_(weight < last, and_(weight == last, conflicts.c.id > last_id)))
    rows = conn.execute(query.order_by(weight.desc(), conflicts.c.id).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "conflicts", lambda row: (int(row["stake"]), row["id"]))


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
