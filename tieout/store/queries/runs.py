"""Runs: what the service did, when, for which connection, with what counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, func, select

from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.tables import runs

Row = RowMapping

KINDS = ("sync", "pull", "apply", "push", "sweep", "reconcile")
STATES = ("queued", "running", "done", "failed")


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What the list is narrowed to; None = not asked."""

    kind: str | None = None
    connection: str | None = None
    state: str | None = None


def page(conn: Connection, wanted: RunFilter, limit: int, cursor: str | None) -> Slice[Row]:
    """Runs, newest first."""
    query = select(runs)
    for column, value in (
        (runs.c.kind, wanted.kind),
        (runs.c.connection, wanted.connection),
        (runs.c.state, wanted.state),
    ):
        if value is not None:
            query = query.where(column == value)
    if cursor:
        query = query.where(runs.c.id < decode(cursor, "runs", (str,))[0])
    rows = conn.execute(query.order_by(runs.c.id.desc()).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "runs", lambda row: (row["id"],))


def get(conn: Connection, run_id: str) -> Row | None:
    """One run, or None."""
    return conn.execute(select(runs).where(runs.c.id == run_id)).mappings().one_or_none()


def counted(conn: Connection) -> Sequence[Row]:
    """How many runs of each kind stand in each state."""
    query = select(runs.c.kind, runs.c.connection, runs.c.state, func.count().label("runs"))
    query = query.group_by(runs.c.kind, runs.c.connection, runs.c.state)
    return conn.execute(query.order_by(runs.c.kind, runs.c.connection, runs.c.state)).mappings().all()


def running(conn: Connection) -> Sequence[Row]:
    """Runs in flight, oldest first."""
    query = select(runs).where(runs.c.state == "running").order_by(runs.c.started_at, runs.c.id).limit(50)
    return conn.execute(query).mappings().all()
