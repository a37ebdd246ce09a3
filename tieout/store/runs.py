"""Runs: what was started, when it ended, what it counted and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update

from tieout.core.clock import Clock
from tieout.core.ids import Ids
from tieout.store import audit
from tieout.store.among import one_of
from tieout.store.session import reading, unit
from tieout.store.tables import runs

_c = runs.c
# Made once: every slice and every sweep asks these.
_SET = update(runs).where(_c.id == bindparam("of"))
_NEXT = (
    select(_c.id)
    .where(_c.kind == bindparam("of"), _c.connection == bindparam("by"), _c.state == "queued")
    .order_by(_c.queued_at, _c.id)
    .limit(1)
)
_ASKED = select(runs).where(_c.kind == bindparam("of"), _c.queued_at.is_not(None)).order_by(_c.queued_at, _c.id)
_UNFINISHED = {
    (state, is_one): _ASKED.where(
        one_of(_c.state, (state,) if state else ("queued", "running")),
        *([_c.connection == bindparam("by")] if is_one else []),
    )
    for state in ("", "queued", "running")
    for is_one in (False, True)
}


@dataclass(frozen=True, slots=True)
class Ordered:
    """Who asked for a run and what the audit trail says of it: action, subject and what else is told."""

    actor: str
    action: str
    subject: str
    told: Mapping[str, Any] = field(default_factory=dict)


def start(
    engine: Engine, ids: Ids, clock: Clock, *, kind: str, connection: str = "", stream: str = "", trigger: str = ""
) -> str:
    """Note that a run begins; answers its id. `kind`: sync, pull, apply, push, sweep, reconcile, report."""
    run_id = ids.new("run")
    with unit(engine, "run.commit") as conn:
        conn.execute(
            insert(runs).values(
                id=run_id,
                kind=kind,
                connection=connection,
                stream=stream,
                started_at=clock.now(),
                state="running",
                counts={},
                trigger=trigger,
            )
        )
    return run_id


@dataclass(frozen=True, slots=True)
class Run:
    """A run that somebody asked for and workers carry out."""

    id: str
    connection: str
    state: str
    started_at: datetime
    body: Mapping[str, Any]


def queue(
    engine: Engine, ids: Ids, clock: Clock, *, kind: str, ordered: Ordered, connection: str = "",
    body: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """Note that somebody asked for a run, for the workers to begin, with its line of audit; answers its id."""
    run_id, now = ids.new("run"), clock.now()
    with unit(engine, "run.commit") as conn:
        conn.execute(
            insert(runs).values(
                id=run_id,
                kind=kind,
                connection=connection,
                started_at=now,
                queued_at=now,
                state="queued",
                counts={},
                trigger=ordered.actor[:24],
                body=dict(body or {}),
            )
        )
        audit.append(conn, now, ordered.actor, ordered.action, ordered.subject, {**ordered.told, "run": run_id})
    return run_id


def begin(engine: Engine, clock: Clock, run_id: str, body: Mapping[str, Any]) -> None:
    """A queued run begins; one that runs keeps its start."""
    with unit(engine, "run.commit") as conn:
        conn.execute(
            update(runs)
            .where(runs.c.id == run_id, runs.c.state == "queued")
            .values(state="running", started_at=clock.now(), body=dict(body))
        )


def take(engine: Engine, clock: Clock, kind: str, connection: str) -> str | None:
    """Begin the oldest queued run of a connection; None if there is none."""
    with unit(engine, "run.commit") as conn:
        run_id = conn.execute(_NEXT, {"of": kind, "by": connection}).scalar()
        if run_id is None:
            return None
        conn.execute(_SET, {"of": run_id, "state": "running", "started_at": clock.now()})
    return str(run_id)


def unfinished(engine: Engine, kind: str, connection: str = "", state: str = "") -> list[Run]:
    """Runs that were asked for and have not ended, oldest first."""
    query = _UNFINISHED[state, bool(connection)]
    with reading(engine) as conn:
        return [_run(row) for row in conn.execute(query, {"of": kind, "by": connection}).mappings()]


def load(engine: Engine, run_id: str) -> Run | None:
    """One run, or None."""
    with reading(engine) as conn:
        row = conn.execute(select(runs).where(runs.c.id == run_id)).mappings().first()
    return _run(row) if row is not None else None


def _run(row: Mapping[Any, Any]) -> Run:
    return Run(row["id"], row["connection"], row["state"], row["started_at"], row["body"] or {})


def progress(engine: Engine, run_id: str, counts: Mapping[str, Any]) -> None:
    """What a run has done so far."""
    with unit(engine, "run.commit") as conn:
        conn.execute(_SET, {"of": run_id, "counts": dict(counts)})


def finish(engine: Engine, clock: Clock, run_id: str, *, counts: Mapping[str, Any], error: str = "") -> None:
    """Note how a run ended: done, or failed with its reason."""
    with unit(engine, "run.commit") as conn:
        end(conn, run_id, clock.now(), counts=counts, error=error)


def end(conn: Connection, run_id: str, now: datetime, *, counts: Mapping[str, Any], error: str = "") -> None:
    """The same in the caller's transaction."""
    state = "failed" if error else "done"
    ended = {"ended_at": now, "state": state, "counts": dict(counts), "error": error[:2000] or None}
    conn.execute(_SET, {"of": run_id, **ended})


def note(
    engine: Engine, ids: Ids, clock: Clock, *, kind: str, connection: str, started_at: datetime,
    counts: Mapping[str, Any], error: str = "", trigger: str = "",
) -> str:  # fmt: skip
    """Note a run that has already ended, in one write; for short slices that are only worth a row if they did work."""
    run_id = ids.new("run")
    with unit(engine, "run.commit") as conn:
        conn.execute(
            insert(runs).values(
                id=run_id,
                kind=kind,
                connection=connection,
                started_at=started_at,
                ended_at=clock.now(),
                state="failed" if error else "done",
                counts=dict(counts),
                error=error[:2000] or None,
                trigger=trigger,
            )
        )
    return run_id


def recent(engine: Engine, *, kind: str = "", connection: str = "", limit: int = 50) -> Sequence[Mapping[str, Any]]:
    """The newest runs first."""
    query = select(runs).order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(limit)
    if kind:
        query = query.where(runs.c.kind == kind)
    if connection:
        query = query.where(runs.c.connection == connection)
    with reading(engine) as conn:
        return [dict(row) for row in conn.execute(query).mappings()]


def abandon(engine: Engine, *, before: datetime, now: datetime) -> int:
    """Close runs whose process died: started before an instant and never ended."""
    with unit(engine, "run.commit") as conn:
        return conn.execute(
            update(runs)
            .where(runs.c.state == "running", runs.c.started_at < before)
            .values(state="failed", ended_at=now, error="the process that ran it was stopped")
        ).rowcount


def forget(engine: Engine, *, before: datetime) -> int:
    """Delete runs that ended before an instant."""
    with unit(engine, "run.commit") as conn:
        return conn.execute(delete(runs).where(runs.c.state != "running", runs.c.started_at < before)).rowcount
