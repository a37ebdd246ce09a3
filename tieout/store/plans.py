"""Plans: which outbox rows, in which version, a person has looked at (D13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select, update

from tieout.core import exact_json
from tieout.core.clock import Clock
from tieout.core.errors import Gone
from tieout.store import audit
from tieout.store.landing import chunks
from tieout.store.outbox import OPEN
from tieout.store.session import lock_rows, reading, unit
from tieout.store.tables import outbox, plans
from tieout.store.upsert import insert_ignore

WAITING = ("planned", "parked")


def digest_of(rows: Sequence[tuple[str, int]]) -> str:
    """The name of a plan: the same rows in the same versions have the same digest."""
    return exact_json.digest(sorted([row_id, version] for row_id, version in rows))[:16]


def pending(engine: Engine, connection: str = "") -> list[Mapping[str, Any]]:
    """The open rows, most money first: the plan is the pending outbox."""
    o = outbox.c
    query = select(outbox).where(o.state.in_(OPEN)).order_by(o.connection, o.money_minor.desc(), o.created_at, o.id)
    if connection:
        query = query.where(o.connection == connection)
    with reading(engine) as conn:
        return [dict(row) for row in conn.execute(query).mappings()]


def save(engine: Engine, rows: Sequence[tuple[str, int]], now: datetime, connection: str = "") -> str:
    """Store a plan so that a part of it can still be sent when the rest has moved on; answers its digest."""
    digest = digest_of(rows)
    with unit(engine, "plan.commit") as conn:
        insert_ignore(
            conn,
            plans,
            [{"digest": digest, "connection": connection, "created_at": now, "rows": [list(row) for row in rows]}],
        )
    return digest


def plan_rows(engine: Engine, digest: str) -> list[tuple[str, int]]:
    """The (row, version) pairs a digest names: a stored plan, or the present plan if it has this digest; else Gone."""
    with reading(engine) as conn:
        stored = conn.execute(select(plans.c.rows).where(plans.c.digest == digest)).scalar()
    if stored is not None:
        return [(str(row_id), int(version)) for row_id, version in stored]
    everything = pending(engine)
    names = {str(row["connection"]) for row in everything}
    for connection in ("", *sorted(names)):
        rows = [(row["id"], row["version"]) for row in everything if connection in ("", row["connection"])]
        if rows and digest_of(rows) == digest:
            return rows
    raise Gone(f"there is no plan {digest}", hint="Something changed since. Run `tieout plan` again and look at it.")


def keep(engine: Engine, digest: str, clock: Clock) -> list[tuple[str, int]]:
    """Store the plan a digest names, so that it can be sent later, and answer its rows; Gone if there is none."""
    rows = plan_rows(engine, digest)
    row = {"digest": digest, "connection": "", "created_at": clock.now(), "rows": [list(pair) for pair in rows]}
    with unit(engine, "plan.commit") as conn:
        insert_ignore(conn, plans, [row])
    return rows


def let_go(
    engine: Engine, digest: str, rows: Sequence[tuple[str, int]], actor: str, clock: Clock, totals: Mapping[str, int]
) -> list[str]:
    """Make the rows whose version still stands ready; answers their ids. The plan is stored as pushed by `actor`.

    The audit trail keeps once who let which plan go: its records, those that stood, `totals` in minor units a currency.
    """
    now = clock.now()
    standing: list[str] = []
    o = outbox.c
    with unit(engine, "plan.commit") as conn:
        insert_ignore(
            conn, plans, [{"digest": digest, "connection": "", "created_at": now, "rows": [list(row) for row in rows]}]
        )
        held = conn.execute(select(plans.c.pushed_at).where(plans.c.digest == digest)).scalar()
        conn.execute(update(plans).where(plans.c.digest == digest).values(pushed_at=now, pushed_by=actor))
        let = 0
        wanted = dict(rows)
        for part in chunks(sorted(wanted)):
            query = select(o.id, o.version).where(o.id.in_(part), o.state.in_(OPEN)).order_by(o.id)
            if lock_rows(conn):
                query = query.with_for_update()
            good = [row.id for row in conn.execute(query) if row.version == wanted[row.id]]
            standing += good
            let += conn.execute(
                update(outbox)
                .where(o.id.in_(good), o.state.in_(WAITING))
                .values(state="ready", approved_by=actor, updated_at=now)
            ).rowcount
        if held is None or let:  # a worker that was killed comes here again and finds it done
            told = {"records": len(rows), "standing": len(standing), "totals": dict(totals)}
            audit.append(conn, now, actor, "plan.push", digest, told)
    return standing
