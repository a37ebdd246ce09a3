"""Breaks of reconciliations: one row each, and the age of a break that comes again in every run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from tieout.store.landing import chunks
from tieout.store.tables import break_ages, breaks
from tieout.store.upsert import upsert


def ages(conn: Connection, counterpart: str) -> dict[str, Mapping[Any, Any]]:
    """The breaks of a counterpart that are there now, by key."""
    a = break_ages.c
    query = select(break_ages).where(a.counterpart == counterpart, a.gone_at.is_(None))
    return {row["key"]: row for row in conn.execute(query).mappings()}


def carry(
    conn: Connection, counterpart: str, run_id: str, run_at: datetime, found: Sequence[dict[str, Any]], *, whole: bool
) -> list[dict[str, Any]]:
    """Write each break's first day into it and keep the ages; answers those of the run before that are no more.

    `whole` False = the counterpart could not be read to its end: what was not found is not taken for gone.
    """
    held = ages(conn, counterpart)
    rows: dict[str, dict[str, Any]] = {}
    for one in found:
        before = held.get(one["key"])
        first_at = before["first_seen_at"] if before else run_at
        one["first_seen_at"] = first_at.isoformat()
        one["age_days"] = max(0, (run_at - first_at).days)
        one["runs"] = (before["runs"] if before else 0) + 1
        rows[one["key"]] = {
            "counterpart": counterpart,
            "key": one["key"],
            "first_seen_at": first_at,
            "first_run_id": before["first_run_id"] if before else run_id,
            "last_run_id": run_id,
            "runs": one["runs"],
            "number": one["number"],
            "gone_at": None,
        }
    for part in chunks(list(rows.values())):
        upsert(conn, break_ages, part)
    gone = [row for key, row in sorted(held.items()) if key not in rows] if whole else []
    a = break_ages.c
    for keys in chunks([row["key"] for row in gone]):
        conn.execute(update(break_ages).where(a.counterpart == counterpart, a.key.in_(keys)).values(gone_at=run_at))
    return [
        {
            "counterpart": counterpart,
            "key": row["key"],
            "number": row["number"],
            "first_seen_at": row["first_seen_at"].isoformat(),
            "runs": row["runs"],
        }
        for row in gone
    ]


def aged(conn: Connection, counterpart: str, run_at: datetime, found: Iterable[dict[str, Any]]) -> None:
    """Write the known first day into breaks of a run on a past day; nothing is kept."""
    held = ages(conn, counterpart)
    for one in found:
        before = held.get(one["key"])
        one["first_seen_at"] = (before["first_seen_at"] if before else run_at).isoformat()
        one["age_days"] = max(0, (run_at - before["first_seen_at"]).days) if before else 0
        one["runs"] = before["runs"] if before else 0


def put(conn: Connection, run_id: str, found: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Store all breaks of a run as (counterpart, break), in the order given."""
    rows = [
        {
            "run_id": run_id,
            "position": position,
            "counterpart": counterpart,
            "key": one["key"],
            "kind": one["kind"],
            "cause": one["cause"],
            "customer_id": one["customer_id"],
            "body": dict(one),
        }
        for position, (counterpart, one) in enumerate(found, 1)
    ]
    for part in chunks(rows):
        conn.execute(insert(breaks), list(part))


def of_run(conn: Connection, run_id: str) -> list[dict[str, Any]]:
    """All breaks of a run with the connection they were found at, in stored order."""
    b = breaks.c
    query = select(b.counterpart, b.body).where(b.run_id == run_id).order_by(b.position)
    return [{"connection": row.counterpart, **row.body} for row in conn.execute(query)]
