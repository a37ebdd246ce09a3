"""The inbox: what webhooks said, stored once before they are answered; the records are fetched later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Integer, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tieout.core.clock import Clock
from tieout.core.ids import Ids
from tieout.core.ports import Hint
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.session import unit
from tieout.store.tables import inbox

MAX_ATTEMPTS = 5
FIRST_WAIT = timedelta(seconds=10)
_c = inbox.c
_ADD = {
    name: make(inbox).on_conflict_do_nothing().returning(_c.id)
    for name, make in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}
_DUE = (
    select(_c.id, _c.stream, _c.external_ids, _c.attempts, _c.received_at)
    .where(_c.state == "new", _c.connection == bindparam("of"), _c.received_at <= bindparam("now"))
    .order_by(_c.attempts, _c.received_at, _c.id)  # those that failed before never hold up fresh ones
    .limit(bindparam("most", type_=Integer))
)


@dataclass(frozen=True, slots=True)
class Message:
    """One stored hint: which records of a stream changed."""

    id: str
    stream: str
    external_ids: Sequence[str]
    attempts: int


def store(engine: Engine, connection: str, hints: Sequence[Hint], body: bytes, *, now: datetime, ids: Ids) -> int:
    """Store hints whose key was never seen before; answers how many were new. Committed when it returns."""
    new = 0
    with unit(engine, "inbox.insert") as conn:
        for hint in hints:
            row = {
                "id": ids.new("msg"),
                "connection": connection,
                "message_key": hint.message_key,
                "received_at": now,
                "stream": hint.stream,
                "external_ids": list(hint.external_ids),
                "is_delete": hint.deleted,
                "body": body,
                "state": "new",
                "attempts": 0,
            }
            found = conn.execute(_ADD[conn.dialect.name], row).scalar()
            new += found is not None
    return new


def due(engine: Engine, connection: str, now: datetime, limit: int = 500) -> list[Message]:
    """New messages whose turn has come: at once, then 10 s, 20 s, 40 s … after they arrived."""
    with engine.connect() as conn:
        rows = conn.execute(_DUE, {"of": connection, "now": now, "most": limit * 4}).all()
    ready = [row for row in rows if not row.attempts or row.received_at + FIRST_WAIT * 2 ** (row.attempts - 1) <= now]
    return [Message(row.id, row.stream, row.external_ids, row.attempts) for row in ready[:limit]]


def begin(engine: Engine, messages: Sequence[Message], now: datetime) -> list[Message]:
    """Count an attempt before the work, so that a message that kills its worker is counted too; parks those spent."""
    spent = [message.id for message in messages if message.attempts >= MAX_ATTEMPTS]
    going = [message for message in messages if message.attempts < MAX_ATTEMPTS]
    c = inbox.c
    with unit(engine, "inbox.done") as conn:
        for part in chunks([message.id for message in going]):
            conn.execute(update(inbox).where(among(c.id, part)).values(attempts=c.attempts + 1))
        for part in chunks(spent):
            conn.execute(update(inbox).where(among(c.id, part), c.state == "new").values(state="failed", done_at=now))
    return going


def finish(
    engine: Engine,
    clock: Clock,
    *,
    done: Sequence[str] = (),
    failed: Mapping[str, str] | None = None,
    untouched: Sequence[str] = (),
) -> None:
    """Note what became of messages: done; failed with a reason (tried again until spent); untouched costs no try."""
    c = inbox.c
    with unit(engine, "inbox.done") as conn:
        for part in chunks(list(done)):
            conn.execute(update(inbox).where(among(c.id, part)).values(state="done", done_at=clock.now(), error=None))
        for message_id, why in (failed or {}).items():
            conn.execute(update(inbox).where(c.id == message_id).values(error=why[:2000]))
        for part in chunks(list(untouched)):
            conn.execute(update(inbox).where(among(c.id, part), c.attempts > 0).values(attempts=c.attempts - 1))


def forget(engine: Engine, *, before: datetime) -> int:
    """Delete messages done before an instant; keys are remembered that long."""
    with unit(engine, "inbox.done") as conn:
        return conn.execute(delete(inbox).where(inbox.c.state == "done", inbox.c.done_at < before)).rowcount


def listing(engine: Engine, connection: str, *, state: str = "failed", limit: int = 100) -> list[Mapping[str, Any]]:
    """Messages of one state, newest first, without their bodies."""
    columns = [column for column in inbox.c if column.name != "body"]
    query = select(*columns).where(inbox.c.connection == connection, inbox.c.state == state)
    with engine.connect() as conn:
        return [dict(row) for row in conn.execute(query.order_by(inbox.c.received_at.desc()).limit(limit)).mappings()]
