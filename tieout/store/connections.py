"""Connections as the service sees them: alive or dead, backing off, paused, when pulled and when next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, bindparam, delete, or_, select, update

from tieout.core.clock import Clock
from tieout.store import runs as run_store
from tieout.store.session import reading, unit
from tieout.store.tables import connections, runs
from tieout.store.upsert import insert_ignore

DEFAULT_BACKOFF = timedelta(seconds=30)
AUTH_RETRY = timedelta(minutes=5)
_c = connections.c
# Made once: every slice and every sweep asks these.
_KNOWN = select(_c.name, _c.vendor)
_ALL = select(connections)
_ONE = select(connections).where(_c.name == bindparam("of"))
_SET = update(connections).where(_c.name == bindparam("of"))
_COUNTED = update(runs).where(runs.c.id == bindparam("of")).values(counts=bindparam("counted"))


def ensure(engine: Engine, configured: Mapping[str, str]) -> None:
    """Make a row for every configured connection (name -> vendor) and note a changed vendor; rows are never deleted."""
    with reading(engine) as conn:
        known = {row.name: row.vendor for row in conn.execute(_KNOWN)}
    if all(known.get(name) == vendor for name, vendor in configured.items()):
        return
    with unit(engine, "admin.commit") as conn:
        insert_ignore(
            conn,
            connections,
            [
                {"name": name, "vendor": vendor, "auth_state": "ok", "push_paused": False, "calls": 0, "credits": 0}
                for name, vendor in configured.items()
                if name not in known
            ],
        )
        for name, vendor in configured.items():
            if known.get(name, vendor) != vendor:
                conn.execute(update(connections).where(connections.c.name == name).values(vendor=vendor))


def load(engine: Engine, name: str) -> Mapping[str, Any]:
    """One connection's row; an empty mapping if it was never prepared."""
    with reading(engine) as conn:
        found = conn.execute(_ONE, {"of": name}).mappings().first()
        return dict(found) if found else {}


def all_rows(engine: Engine) -> dict[str, Mapping[str, Any]]:
    """All rows by name."""
    with reading(engine) as conn:
        return {row["name"]: dict(row) for row in conn.execute(_ALL).mappings()}


def _set(engine: Engine, name: str, boundary: str = "run.commit", **values: Any) -> None:
    with unit(engine, boundary) as conn:
        conn.execute(_SET, {"of": name, **values})


def set_auth_dead(engine: Engine, name: str, why: str, clock: Clock) -> None:
    """The credentials are refused: the connection is asked again only every few minutes until they work."""
    _set(engine, name, auth_state="dead", error=why[:2000], backoff_until_at=clock.now() + AUTH_RETRY)


def set_auth_ok(engine: Engine, name: str) -> None:
    """The credentials work (again)."""
    with unit(engine, "run.commit") as conn:
        conn.execute(
            update(connections)
            .where(connections.c.name == name, connections.c.auth_state != "ok")
            .values(auth_state="ok", error=None, backoff_until_at=None)
        )


def set_backoff(engine: Engine, name: str, until: datetime | None, clock: Clock) -> None:
    """Nobody calls this remote before an instant; a later one that stands already is kept."""
    until = until or clock.now() + DEFAULT_BACKOFF
    c = connections.c
    with unit(engine, "run.commit") as conn:
        conn.execute(
            update(connections)
            .where(c.name == name, or_(c.backoff_until_at.is_(None), c.backoff_until_at < until))
            .values(backoff_until_at=until)
        )


def set_next_pull(engine: Engine, name: str, at: datetime) -> None:
    """When the next pull is due."""
    _set(engine, name, next_pull_at=at)


def save_round(engine: Engine, name: str, body: Mapping[str, Any], run_id: str, counts: Mapping[str, Any]) -> None:
    """Where a pull in slices stands, together with what its run has counted so far."""
    with unit(engine, "run.commit") as conn:
        conn.execute(_SET, {"of": name, "pull_round": body})
        conn.execute(_COUNTED, {"of": run_id, "counted": dict(counts)})


def end_round(
    engine: Engine, name: str, run_id: str, clock: Clock, *, counts: Mapping[str, Any], error: str, is_noted: bool
) -> None:
    """A pull in slices is over, and its run with it; `is_noted` = the connection shows when and how it went."""
    now = clock.now()
    values: dict[str, Any] = {"pull_round": None}
    if is_noted:
        values |= {"last_pull_at": now, "error": error[:2000] or None}
        if not error:
            values |= {"last_ok_at": now, "auth_state": "ok"}
    with unit(engine, "run.commit") as conn:
        conn.execute(_SET, {"of": name, **values})
        run_store.end(conn, run_id, now, counts=counts, error=error)


def pause_push(engine: Engine, names: Iterable[str], why: str) -> None:
    """Switch pushing off (after a restore or on a copied home) until `resume_push`."""
    with unit(engine, "admin.commit") as conn:
        conn.execute(
            update(connections).where(connections.c.name.in_(list(names))).values(push_paused=True, push_paused_why=why)
        )


def resume_push(engine: Engine, names: Iterable[str] | None = None) -> int:
    """Switch pushing on again for the named connections, or all; answers how many were paused."""
    with unit(engine, "admin.commit") as conn:
        change = update(connections).where(connections.c.push_paused.is_(True))
        if names is not None:
            change = change.where(connections.c.name.in_(list(names)))
        return conn.execute(change.values(push_paused=False, push_paused_why=None)).rowcount


def forget(engine: Engine, name: str) -> None:
    """Delete the row of a connection that is no longer configured."""
    with unit(engine, "admin.commit") as conn:
        conn.execute(delete(connections).where(connections.c.name == name))
