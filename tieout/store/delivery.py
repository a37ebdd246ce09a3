"""Delivery of outbox rows: claims under a lease and a fence, and claims that ran out (D3, D8).

A claim is committed before anything is sent; its result is written only while the fence still stands. A claim whose
lease ran out may have been sent: it becomes `uncertain` and is read back, never sent again blindly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, bindparam, exists, func, or_, select, update

from tieout.core.clock import Clock
from tieout.store.landing import chunks
from tieout.store.outbox import IN_FLIGHT, same_value, seen_fields, supersede
from tieout.store.receipts import MAX_LOCKED
from tieout.store.session import lock_rows, unit
from tieout.store.tables import outbox


@dataclass(frozen=True, slots=True)
class Claimed:
    """One outbox row in the hands of a sender until `until_at`."""

    id: str
    fence: int
    module: str
    operation: Literal["update", "create"]
    remote_id: str
    fields: Mapping[str, Any]
    event_key: str
    key_field: str
    parent_module: str
    parent_id: str
    subject: str
    version: int
    attempts: int
    until_at: datetime
    is_guarded: bool = False  # a second write after an unknown outcome or a moved version


def _due(connection: str, now: datetime) -> list[ColumnElement[bool]]:
    c, other = outbox.c, outbox.alias("flying")
    in_flight = exists().where(
        other.c.connection == c.connection,
        other.c.module == c.module,
        other.c.remote_id == c.remote_id,
        other.c.operation == "update",
        other.c.state.in_(IN_FLIGHT),
    )
    return [
        c.connection == connection,
        c.state == "ready",
        c.is_counting.is_(False),
        or_(c.not_before_at.is_(None), c.not_before_at <= now),
        or_(c.operation == "create", ~in_flight),
    ]


def _unsettled(connection: str, now: datetime, settle: timedelta) -> list[ColumnElement[bool]]:
    c = outbox.c
    return [
        c.connection == connection,
        c.state == "uncertain",
        c.sent_at <= now - settle,
        or_(c.lease_until_at.is_(None), c.lease_until_at <= now),
        or_(c.not_before_at.is_(None), c.not_before_at <= now),
    ]


def claim(
    engine: Engine,
    connection: str,
    *,
    owner: str,
    lease: timedelta,
    limit: int,
    clock: Clock,
    only: Sequence[str] | None = None,
) -> list[Claimed]:
    """Take up to `limit` ready rows, those with the most money at stake first; committed before anything is sent.

    All of one module and operation, those of the row with the most at stake: one call carries one module, so that a
    mixed hundred would cost several calls. Skipped: records with a change in flight. Fields that the remote already
    holds are dropped; a row with none left is superseded. `only` limits the claim to these row ids (a part of a plan).
    """
    if only is not None and not only:
        return []
    now = clock.now()
    taken: list[dict[str, Any]] = []
    while True:
        with unit(engine, "outbox.claim") as conn:
            where = _due(connection, now)
            if only is not None:
                where.append(outbox.c.id.in_(list(only)))
            order = (func.abs(outbox.c.money_minor).desc(), outbox.c.created_at, outbox.c.id)
            head = select(outbox.c.module, outbox.c.operation).where(*where).order_by(*order).limit(1)
            first = conn.execute(head).first()
            if first is None:
                return []
            where += [outbox.c.module == first.module, outbox.c.operation == first.operation]
            query = select(outbox).where(*where).order_by(*order).limit(limit)
            if lock_rows(conn):
                query = query.with_for_update(skip_locked=True, of=outbox)
            rows = [dict(row) for row in conn.execute(query).mappings()]
            if rows:
                taken = _take(conn, connection, rows, owner=owner, until=now + lease, now=now)
        if taken or not rows:  # a batch that the remote held already altogether is not the end
            return [_claimed(row) for row in taken]


def _take(
    conn: Connection, connection: str, rows: Sequence[dict[str, Any]], *, owner: str, until: datetime, now: datetime
) -> list[dict[str, Any]]:
    by_module: dict[str, list[str]] = {}
    for row in rows:
        if row["operation"] == "update":
            by_module.setdefault(row["module"], []).append(row["remote_id"])
    seen = {module: seen_fields(conn, connection, module, remote_ids) for module, remote_ids in by_module.items()}
    taken, trimmed, needless, spent = [], [], [], []
    for row in rows:
        if row["attempts"] >= MAX_LOCKED:
            spent.append(row["id"])
            continue
        if row["operation"] == "update":
            held = seen[row["module"]].get(row["remote_id"], {})
            fields = {
                name: value
                for name, value in row["fields"].items()
                if name not in held or not same_value(value, held[name])
            }
            if not fields.keys() - set(row["riders"] or ()):
                needless.append(row["id"])
                continue
            if len(fields) != len(row["fields"]):
                row["fields"] = fields
                trimmed.append({"b_id": row["id"], "b_fields": fields})
        row.update(fence=row["fence"] + 1, attempts=row["attempts"] + 1, lease_until_at=until)
        taken.append(row)
    supersede(conn, needless, now, "already_there")
    for part in chunks(spent):
        conn.execute(
            update(outbox)
            .where(outbox.c.id.in_(part))
            .values(state="dead", error_code="given_up", error=f"given up after {MAX_LOCKED} attempts", updated_at=now)
        )
    if trimmed:
        conn.execute(
            update(outbox).where(outbox.c.id == bindparam("b_id")).values(fields=bindparam("b_fields")), trimmed
        )
    for some in chunks([row["id"] for row in taken]):
        conn.execute(
            update(outbox)
            .where(outbox.c.id.in_(some))
            .values(
                state="claimed",
                lease_owner=owner,
                lease_until_at=until,
                fence=outbox.c.fence + 1,
                attempts=outbox.c.attempts + 1,
                sent_at=now,
                updated_at=now,
            )
        )
    return taken


def _claimed(row: Mapping[str, Any]) -> Claimed:
    return Claimed(
        id=row["id"],
        fence=row["fence"],
        module=row["module"],
        operation=row["operation"],
        remote_id=row["remote_id"],
        fields=row["fields"],
        event_key=row["event_key"] or "",
        key_field=row["key_field"],
        parent_module=row["parent_module"],
        parent_id=row["parent_id"],
        subject=row["subject"],
        version=row["version"],
        attempts=row["attempts"],
        until_at=row["lease_until_at"],
        is_guarded=(row["receipt"] or {}).get("verdict") in ("again", "version_moved"),
    )


def expire(engine: Engine, connection: str, *, clock: Clock) -> int:
    """Claims whose lease ran out become uncertain: their sender may have died before or after sending."""
    now = clock.now()
    c = outbox.c
    spent = [c.connection == connection, c.state.in_(("claimed", "sent")), c.lease_until_at <= now]
    with engine.connect() as conn:
        if conn.execute(select(c.id).where(*spent).limit(1)).first() is None:
            return 0
    with unit(engine, "outbox.claim") as conn:
        return conn.execute(
            update(outbox)
            .where(*spent)
            .values(
                state="uncertain",
                lease_owner=None,
                lease_until_at=None,
                fence=c.fence + 1,
                error_code="lease_expired",
                updated_at=now,
            )
        ).rowcount


def claim_uncertain(
    engine: Engine,
    connection: str,
    *,
    owner: str,
    lease: timedelta,
    settle: timedelta,
    limit: int,
    clock: Clock,
    only: Sequence[str] | None = None,
) -> list[Claimed]:
    """Take uncertain rows that were sent at least `settle` (the vendor's timeout) ago, to read them back."""
    now = clock.now()
    with unit(engine, "outbox.claim") as conn:
        query = select(outbox).where(*_unsettled(connection, now, settle)).order_by(outbox.c.sent_at).limit(limit)
        if only is not None:
            query = query.where(outbox.c.id.in_(list(only)))
        if lock_rows(conn):
            query = query.with_for_update(skip_locked=True)
        rows = [dict(row) for row in conn.execute(query).mappings()]
        for row in rows:
            row.update(fence=row["fence"] + 1, lease_until_at=now + lease)
        for part in chunks([row["id"] for row in rows]):
            conn.execute(
                update(outbox)
                .where(outbox.c.id.in_(part))
                .values(lease_owner=owner, lease_until_at=now + lease, fence=outbox.c.fence + 1, updated_at=now)
            )
    return [_claimed(row) for row in rows]


def is_due(engine: Engine, connection: str, *, settle: timedelta, clock: Clock) -> bool:
    """Whether a push would find something to do now."""
    now = clock.now()
    c = outbox.c
    expired = [c.connection == connection, c.state.in_(("claimed", "sent")), c.lease_until_at <= now]
    with engine.connect() as conn:
        return any(
            conn.execute(select(c.id).where(*where).limit(1)).first() is not None
            for where in (_due(connection, now), _unsettled(connection, now, settle), expired)
        )
