"""The outbox as people see it: pushes with their state and receipt, and what is pending in money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, func, select

from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.tables import outbox

Row = RowMapping

STATES = (
    "planned",
    "parked",
    "ready",
    "claimed",
    "sent",
    "uncertain",
    "done",
    "dead",
    "superseded",
    "cancelled",
)
PENDING = ("planned", "parked", "ready")


@dataclass(frozen=True, slots=True)
class PushFilter:
    """What the list is narrowed to; None = not asked."""

    connection: str | None = None
    state: str | None = None
    module: str | None = None
    subject: str | None = None


def page(conn: Connection, wanted: PushFilter, limit: int, cursor: str | None) -> Slice[Row]:
    """Pushes, newest first."""
    query = select(outbox)
    for column, value in (
        (outbox.c.connection, wanted.connection),
        (outbox.c.state, wanted.state),
        (outbox.c.module, wanted.module),
        (outbox.c.subject, wanted.subject),
    ):
        if value is not None:
            query = query.where(column == value)
    if cursor:
        query = query.where(outbox.c.id < decode(cursor, "pushes", (str,))[0])
    rows = conn.execute(query.order_by(outbox.c.id.desc()).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "pushes", lambda row: (row["id"],))


def get(conn: Connection, push_id: str) -> Row | None:
    """One push, or None."""
    return conn.execute(select(outbox).where(outbox.c.id == push_id)).mappings().one_or_none()


def pending(conn: Connection) -> Sequence[Row]:
    """What waits to be pushed: rows and money per connection, state and currency."""
    query = (
        select(
            outbox.c.connection,
            outbox.c.state,
            outbox.c.operation,
            outbox.c.currency,
            func.count().label("rows"),
            func.sum(outbox.c.money_minor).label("minor"),
        )
        .where(outbox.c.state.in_(PENDING))
        .group_by(outbox.c.connection, outbox.c.state, outbox.c.operation, outbox.c.currency)
        .order_by(outbox.c.connection, outbox.c.state, outbox.c.operation, outbox.c.currency)
    )
    return conn.execute(query).mappings().all()


def by_state(conn: Connection) -> Sequence[Row]:
    """How many pushes stand in each state, per connection."""
    query = select(outbox.c.connection, outbox.c.state, func.count().label("rows"))
    query = query.group_by(outbox.c.connection, outbox.c.state).order_by(outbox.c.connection, outbox.c.state)
    return conn.execute(query).mappings().all()


def of_subjects(conn: Connection, subjects: Sequence[str], limit: int = 50) -> Sequence[Row]:
    """Pushes about these subjects, newest first."""
    query = select(outbox).where(outbox.c.subject.in_(subjects)).order_by(outbox.c.id.desc()).limit(limit)
    return conn.execute(query).mappings().all()
