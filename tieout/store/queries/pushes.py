"""The outbox as people see it: pushes with their state and receipt, and what is pending in money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from tieout.store.queries import debts
from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.tables import documents, outbox

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


@dataclass(frozen=True, slots=True)
class PendingLine:
    """What waits to be written of one kind; `totals`: what is owed behind it by currency, each debt once."""

    connection: str
    state: str
    operation: str
    rows: int
    totals: Mapping[str, int]


def pending(conn: Connection) -> tuple[Sequence[PendingLine], Mapping[str, int]]:
    """What waits to be written, and what is owed behind all of it: a debt counts once however many records show it."""
    o, d = outbox.c, documents.c
    kind = (o.connection, o.state, o.operation)
    counts = conn.execute(
        select(*kind, func.count().label("rows")).where(o.state.in_(PENDING)).group_by(*kind).order_by(*kind)
    ).all()
    found: dict[tuple[str, str, str], dict[str, tuple[str, int]]] = {}
    shown = select(*kind, d.id, d.currency, d.open_minor).distinct().join(documents, d.id == o.subject)
    for one in conn.execute(shown.where(o.state.in_(PENDING), d.open_minor > 0)):
        found.setdefault(_key(one), {})[one.id] = (one.currency, one.open_minor)
    fields = (o.id, o.subject, o.reason, o.currency, o.money_minor)
    query = select(*kind, *fields).outerjoin(documents, d.id == o.subject).where(o.state.in_(PENDING), d.id.is_(None))
    rows = conn.execute(query).mappings().all()
    resting = debts.behind(conn, rows, debts.decisions_of(conn, rows))
    known = debts.documents_of(conn, {document for some in resting.values() for document in some})
    for row in rows:
        mine = [known[document] for document in resting[row["id"]] if document in known]
        key = (row["connection"], row["state"], row["operation"])
        found.setdefault(key, {}).update(debts.debts_of(row, mine))
    lines = [PendingLine(*_key(one), one[3], debts.at_stake([found.get(_key(one), {})])) for one in counts]
    return lines, debts.at_stake(found.values())


def _key(row: Any) -> tuple[str, str, str]:
    return row.connection, row.state, row.operation


def by_state(conn: Connection) -> Sequence[Row]:
    """How many pushes stand in each state, per connection."""
    query = select(outbox.c.connection, outbox.c.state, func.count().label("rows"))
    query = query.group_by(outbox.c.connection, outbox.c.state).order_by(outbox.c.connection, outbox.c.state)
    return conn.execute(query).mappings().all()


def of_subjects(conn: Connection, subjects: Sequence[str], limit: int = 50) -> Sequence[Row]:
    """Pushes about these subjects, newest first."""
    query = select(outbox).where(outbox.c.subject.in_(subjects)).order_by(outbox.c.id.desc()).limit(limit)
    return conn.execute(query).mappings().all()
