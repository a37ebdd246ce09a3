"""Reports and alerts on their way to people: queued with what caused them, sent once, their outcome kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, bindparam, func, or_, select, update

from tieout.core.ids import IdMaker
from tieout.store import restored
from tieout.store.among import one_of
from tieout.store.session import unit
from tieout.store.tables import notices
from tieout.store.upsert import insert_ignore

Outcome = Literal["sent", "failed", "dead", "uncertain"]
MOST_ATTEMPTS = 6
FIRST_WAIT = timedelta(minutes=2)  # doubled at each attempt: the last comes about an hour after the first
DIED_AFTER = timedelta(minutes=15)  # a sender that has not said how it went by then is gone


@dataclass(frozen=True, slots=True)
class Notice:
    """One message or file for one target, claimed by this process."""

    id: str
    occasion: str
    kind: str
    target: str
    body: Mapping[str, Any]
    attempts: int


def queue(
    conn: Connection,
    ids: IdMaker,
    *,
    occasion: str,
    kind: Literal["report", "alert"],
    targets: Sequence[str],
    body: Mapping[str, Any],
    now: datetime,
) -> None:
    """One notice per target of an occasion; an occasion that is queued already stays as it is."""
    rows = [
        {
            "id": ids.new("ntc"),
            "occasion": occasion,
            "kind": kind,
            "target": target,
            "body": dict(body),
            "state": "new",
            "attempts": 0,
            "not_before_at": now,
            "created_at": now,
            "updated_at": now,
        }
        for target in dict.fromkeys(targets)
    ]
    insert_ignore(conn, notices, rows)


_n = notices.c
_DUE = or_(
    one_of(_n.state, ("new", "failed")) & (_n.not_before_at <= bindparam("now")),
    (_n.state == "sending") & (_n.updated_at <= bindparam("died")),
)
_IS_DUE = select(_n.id).where(_DUE).limit(1)
_FIRST_DUE = select(notices).where(_DUE).order_by(_n.created_at, _n.id).limit(1)


def _at(now: datetime) -> dict[str, datetime]:
    return {"now": now, "died": now - DIED_AFTER}


def is_due(conn: Connection, now: datetime) -> bool:
    """Whether anything waits to be sent, or was being sent by a process that died."""
    return conn.execute(_IS_DUE, _at(now)).first() is not None


def claim(engine: Engine, now: datetime) -> Notice | None:
    """The next due notice, marked as being sent before it is; None when there is none.

    What a dead process was sending: a file is written again, it comes out the same; a mail may have gone out, so it is
    noted as uncertain and never sent again by itself. The same holds for what a restored copy calls unsent.
    """
    n = notices.c
    with unit(engine, "run.commit") as conn:
        conn.execute(
            update(notices)
            .where(n.state == "sending", n.updated_at <= now - DIED_AFTER, n.target != "file")
            .values(state="uncertain", updated_at=now, error="the process that sent it died; it may have gone out")
        )
        put_back = restored.at(conn)
        if put_back is not None:
            conn.execute(
                update(notices)
                .where(n.state.in_(("new", "failed", "sending")), n.created_at <= put_back, n.target != "file")
                .values(state="uncertain", updated_at=now, error="restored from a copy: it may have gone out since")
            )
        found = conn.execute(_FIRST_DUE, _at(now)).mappings().first()
        if found is None:
            return None
        taken = conn.execute(
            update(notices)
            .where(n.id == found["id"], n.state == found["state"], n.updated_at == found["updated_at"])
            .values(state="sending", attempts=found["attempts"] + 1, updated_at=now)
        )
        if taken.rowcount != 1:
            return None
    row = dict(found)
    return Notice(row["id"], row["occasion"], row["kind"], row["target"], row["body"], row["attempts"] + 1)


def finish(engine: Engine, notice: Notice, outcome: Outcome, error: str, now: datetime) -> str:
    """Store how a notice went; a failure is tried again later and dead after the last attempt. Answers the state."""
    state: str = outcome
    wait = FIRST_WAIT * 2 ** (notice.attempts - 1)
    if outcome == "failed" and notice.attempts >= MOST_ATTEMPTS:
        state = "dead"
    with unit(engine, "run.commit") as conn:
        conn.execute(
            update(notices)
            .where(notices.c.id == notice.id, notices.c.state == "sending")
            .values(
                state=state,
                updated_at=now,
                not_before_at=now + wait if state == "failed" else now,
                error=error[:2000] or None,
            )
        )
    return state


def counts(conn: Connection, kind: str) -> dict[str, int]:
    """Notices of a kind by state."""
    query = select(notices.c.state, func.count()).where(notices.c.kind == kind).group_by(notices.c.state)
    return {row[0]: int(row[1]) for row in conn.execute(query)}


def recent(conn: Connection, limit: int = 50) -> list[dict[str, Any]]:
    """The newest notices without their content."""
    n = notices.c
    query = (
        select(n.id, n.occasion, n.kind, n.target, n.state, n.attempts, n.created_at, n.updated_at, n.error)
        .order_by(n.created_at.desc(), n.id.desc())
        .limit(limit)
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def troubled(conn: Connection, since: datetime) -> list[dict[str, Any]]:
    """Notices that did not go out, or may not have, since an instant."""
    n = notices.c
    query = select(n.id, n.occasion, n.kind, n.target, n.state, n.error).where(
        n.state.in_(("dead", "uncertain")), n.updated_at >= since
    )
    return [dict(row) for row in conn.execute(query.order_by(n.id)).mappings()]
