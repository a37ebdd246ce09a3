"""Stored reconciliations, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select

from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.tables import breaks, reconciliations

Row = RowMapping

_HEAD = (
    reconciliations.c.id,
    reconciliations.c.as_of,
    reconciliations.c.known_seq,
    reconciliations.c.run_at,
    reconciliations.c.is_valid,
    reconciliations.c.breaks,
)


def page(conn: Connection, is_valid: bool | None, limit: int, cursor: str | None) -> Slice[Row]:
    """Heads of reconciliations, newest first; the body is only in `get`."""
    query = select(*_HEAD)
    if is_valid is not None:
        query = query.where(reconciliations.c.is_valid.is_(is_valid))
    if cursor:
        query = query.where(reconciliations.c.id < decode(cursor, "reconciliations", (str,))[0])
    rows = conn.execute(query.order_by(reconciliations.c.id.desc()).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "reconciliations", lambda row: (row["id"],))


def get(conn: Connection, reconciliation_id: str) -> Row | None:
    """One reconciliation with its body, or None."""
    query = select(reconciliations).where(reconciliations.c.id == reconciliation_id)
    return conn.execute(query).mappings().one_or_none()


def latest(conn: Connection) -> Row | None:
    """The newest reconciliation with its body, or None before the first."""
    query = select(reconciliations).order_by(reconciliations.c.run_at.desc(), reconciliations.c.id.desc()).limit(1)
    return conn.execute(query).mappings().one_or_none()


@dataclass(frozen=True, slots=True)
class BreakFilter:
    """What the breaks of a run are narrowed to; None = not asked."""

    connection: str | None = None
    kind: str | None = None
    cause: str | None = None
    customer_id: str | None = None


def breaks_page(conn: Connection, run_id: str, wanted: BreakFilter, limit: int, cursor: str | None) -> Slice[Row]:
    """Breaks of a run in stored order: by counterpart, the largest first."""
    b = breaks.c
    query = select(b.position, b.counterpart, b.body).where(b.run_id == run_id)
    for column, value in (
        (b.counterpart, wanted.connection),
        (b.kind, wanted.kind),
        (b.cause, wanted.cause),
        (b.customer_id, wanted.customer_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if cursor:
        query = query.where(b.position > decode(cursor, "breaks", (int,))[0])
    rows = conn.execute(query.order_by(b.position).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "breaks", lambda row: (row["position"],))
