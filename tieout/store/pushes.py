"""Pushes as people see them: what waits, what is dead and why, approving, retrying, cancelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, func, select, update

from tieout.core.clock import Clock
from tieout.core.dates import iso_utc
from tieout.core.errors import Gone, StaleWrite
from tieout.store import audit
from tieout.store.landing import chunks
from tieout.store.outbox import OPEN
from tieout.store.session import reading, unit
from tieout.store.tables import outbox

OUTCOME_UNKNOWN = "outcome_unknown"  # it may have been delivered, and nobody can be asked
AGAIN_AT = "again_at"  # in a row's reason: when a person said to send it though it may have been delivered


def retry(engine: Engine, row_id: str, actor: str, clock: Clock) -> None:
    """Send a dead letter again. Gone if there is no such push; StaleWrite if it is none, or a newer change is open."""
    c = outbox.c
    with unit(engine, "admin.commit") as conn:
        row = conn.execute(select(outbox).where(c.id == row_id)).mappings().first()
        if row is None:
            raise Gone(f"there is no push {row_id}", code="no_push")
        if row["state"] != "dead":
            raise StaleWrite(
                f"push {row_id} is {row['state']}, not a dead letter",
                hint="Only dead letters can be retried.",
                code="push_not_dead",
            )
        if row["operation"] == "update" and _open_row(conn, dict(row)) is not None:
            raise StaleWrite(f"push {row_id} is older than another open change of the same record")
        conn.execute(
            update(outbox)
            .where(c.id == row_id, c.state == "dead")
            .values(
                state="ready",
                attempts=0,
                not_before_at=None,
                done_at=None,
                approved_by=actor,
                updated_at=clock.now(),
            )
        )
        _ask_again(conn, [dict(row)], clock.now())
        audit.append(conn, clock.now(), actor, "push.retry", row_id, {"code": row["error_code"]})


def revive(engine: Engine, connection: str, codes: Sequence[str], actor: str, clock: Clock) -> int:
    """Send again all dead letters of a connection that were refused for one of these reasons; answers how many.

    A dead letter whose record has a newer open change stays dead: the newer one carries what should stand.
    """
    c = outbox.c
    done = 0
    with unit(engine, "admin.commit") as conn:
        rows = conn.execute(
            select(outbox).where(c.connection == connection, c.state == "dead", c.error_code.in_(codes)).order_by(c.id)
        ).mappings()
        seen: set[tuple[str, str]] = set()
        ids = []
        unknown: list[Mapping[str, Any]] = []
        for row in rows.all():
            record = (row["module"], row["remote_id"])
            if row["operation"] == "update" and (record in seen or _open_row(conn, dict(row)) is not None):
                continue
            seen.add(record)
            ids.append(row["id"])
            unknown.append(dict(row))
        for part in chunks(ids):
            done += conn.execute(
                update(outbox)
                .where(c.id.in_(part), c.state == "dead")
                .values(state="ready", attempts=0, not_before_at=None, done_at=None, updated_at=clock.now())
            ).rowcount
        _ask_again(conn, unknown, clock.now())
        if done:
            audit.append(conn, clock.now(), actor, "push.revive", connection, {"rows": done, "codes": list(codes)})
    return done


def _ask_again(conn: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Keep with messages of unknown outcome when a person said to send them though they may have arrived."""
    values = [
        {"b_id": row["id"], "b_reason": {**row["reason"], AGAIN_AT: iso_utc(now)}}
        for row in rows
        if row["error_code"] == OUTCOME_UNKNOWN and isinstance(row["reason"], dict)
    ]
    if values:
        conn.execute(
            update(outbox).where(outbox.c.id == bindparam("b_id")).values(reason=bindparam("b_reason")), values
        )


def _open_row(conn: Connection, row: Mapping[str, Any]) -> str | None:
    c = outbox.c
    return conn.execute(
        select(c.id).where(
            c.connection == row["connection"],
            c.module == row["module"],
            c.remote_id == row["remote_id"],
            c.operation == "update",
            c.state.in_(OPEN),
        )
    ).scalar()


def approve(engine: Engine, connection: str, actor: str, clock: Clock, *, row_ids: Sequence[str] | None = None) -> int:
    """Let parked rows go: those named, or all of a connection; answers how many."""
    c = outbox.c
    done = 0
    with unit(engine, "plan.commit") as conn:
        for part in [None] if row_ids is None else list(chunks(list(row_ids))):
            change = update(outbox).where(c.connection == connection, c.state == "parked")
            if part is not None:
                change = change.where(c.id.in_(part))
            done += conn.execute(change.values(state="ready", approved_by=actor, updated_at=clock.now())).rowcount
    return done


def cancel_events(conn: Connection, connection: str, event_keys: Sequence[str], why: str, now: datetime) -> int:
    """Take back events nobody has begun to send (a reminder whose invoice was paid); in the decision's transaction."""
    c = outbox.c
    done = 0
    for part in chunks(list(event_keys)):
        done += conn.execute(
            update(outbox)
            .where(c.connection == connection, c.event_key.in_(part), c.state.in_(OPEN), c.attempts == 0)
            .values(state="cancelled", error_code="cancelled", error=why, updated_at=now)
        ).rowcount
    return done


def counts(engine: Engine) -> dict[str, dict[str, int]]:
    """Rows by connection and state, for health and metrics."""
    out: dict[str, dict[str, int]] = {}
    c = outbox.c
    with reading(engine) as conn:
        for row in conn.execute(select(c.connection, c.state, func.count().label("n")).group_by(c.connection, c.state)):
            out.setdefault(row.connection, {})[row.state] = row.n
    return out


def listing(
    engine: Engine, *, connection: str = "", states: Sequence[str] = (), after: str = "", limit: int = 100
) -> Sequence[Mapping[str, Any]]:
    """Outbox rows, newest first; `after` is the id of the last row of the page before."""
    query = select(outbox).order_by(outbox.c.id.desc()).limit(limit)
    if connection:
        query = query.where(outbox.c.connection == connection)
    if states:
        query = query.where(outbox.c.state.in_(list(states)))
    if after:
        query = query.where(outbox.c.id < after)
    with reading(engine) as conn:
        return [dict(row) for row in conn.execute(query).mappings()]
