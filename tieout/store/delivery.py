"""Delivery of outbox rows: claims under a lease and a fence, and claims that ran out (D3, D8).

A claim is committed before anything is sent; its result is written only while the fence still stands. A claim whose
lease ran out may have been sent: it becomes `uncertain` and is read back, never sent again blindly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from tieout.core.clock import Clock
from tieout.store.among import among, among_given, one_of
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


def _due(connection: Any, now: Any) -> list[ColumnElement[bool]]:
    c, other = outbox.c, outbox.alias("flying")
    in_flight = exists().where(
        other.c.connection == c.connection,
        other.c.module == c.module,
        other.c.remote_id == c.remote_id,
        other.c.operation == "update",
        one_of(other.c.state, IN_FLIGHT),
    )
    return [
        c.connection == connection,
        c.state == literal_column("'ready'"),  # in the statement itself, so that the index of these rows is used
        c.is_counting.is_(False),
        or_(c.not_before_at.is_(None), c.not_before_at <= now),
        or_(c.operation == "create", ~in_flight),
    ]


class _Statements(NamedTuple):
    """What every push and every look for one asks, made once for what counts as due."""

    head: Any  # module and operation of the due row with the most at stake
    batch: Any  # the due rows of one module and operation
    is_due: Any


_c = outbox.c
_OF: Any = bindparam("of")
_NOW: Any = bindparam("now")
_MOST = bindparam("most", type_=Integer)
_UNSETTLED = [
    _c.connection == _OF,
    _c.state == "uncertain",
    _c.sent_at <= bindparam("settled"),
    or_(_c.lease_until_at.is_(None), _c.lease_until_at <= _NOW),
    or_(_c.not_before_at.is_(None), _c.not_before_at <= _NOW),
]
_EXPIRED = [_c.connection == _OF, one_of(_c.state, ("claimed", "sent")), _c.lease_until_at <= _NOW]
_IS_EXPIRED = select(_c.id).where(*_EXPIRED).limit(1)
_CLAIM_UNSETTLED = select(outbox).where(*_UNSETTLED).order_by(_c.sent_at).limit(_MOST)
_ONLY = among_given(_c.id, "only")


@cache
def _statements(due: Callable[[Any, Any], list[ColumnElement[bool]]]) -> _Statements:
    where, order = due(_OF, _NOW), (func.abs(_c.money_minor).desc(), _c.created_at, _c.id)
    parts = [exists(select(_c.id).where(*part)) for part in (where, _UNSETTLED, _EXPIRED)]
    return _Statements(
        head=select(_c.module, _c.operation).where(*where).order_by(*order).limit(1),
        batch=select(outbox)
        .where(*where, _c.module == bindparam("in_module"), _c.operation == bindparam("doing"))
        .order_by(*order)
        .limit(_MOST),
        is_due=select(or_(*parts)),
    )


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
            head, query, _ = _statements(_due)
            given: dict[str, Any] = {"of": connection, "now": now}
            if only is not None:
                head, query, given["only"] = head.where(_ONLY), query.where(_ONLY), list(only)
            first = conn.execute(head, given).first()
            if first is None:
                return []
            if lock_rows(conn):
                query = query.with_for_update(skip_locked=True, of=outbox)
            given |= {"in_module": first.module, "doing": first.operation, "most": limit}
            rows = [dict(row) for row in conn.execute(query, given).mappings()]
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
            .where(among(outbox.c.id, part))
            .values(state="dead", error_code="given_up", error=f"given up after {MAX_LOCKED} attempts", updated_at=now)
        )
    if trimmed:
        conn.execute(
            update(outbox).where(outbox.c.id == bindparam("b_id")).values(fields=bindparam("b_fields")), trimmed
        )
    for some in chunks([row["id"] for row in taken]):
        conn.execute(
            update(outbox)
            .where(among(outbox.c.id, some))
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
    given = {"of": connection, "now": now}
    with engine.connect() as conn:
        if conn.execute(_IS_EXPIRED, given).first() is None:
            return 0
    with unit(engine, "outbox.claim") as conn:
        return conn.execute(
            update(outbox)
            .where(*_EXPIRED)
            .values(
                state="uncertain",
                lease_owner=None,
                lease_until_at=None,
                fence=_c.fence + 1,
                error_code="lease_expired",
                updated_at=now,
            ),
            given,
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
        query = _CLAIM_UNSETTLED
        given: dict[str, Any] = {"of": connection, "now": now, "settled": now - settle, "most": limit}
        if only is not None:
            query, given["only"] = query.where(_ONLY), list(only)
        if lock_rows(conn):
            query = query.with_for_update(skip_locked=True)
        rows = [dict(row) for row in conn.execute(query, given).mappings()]
        for row in rows:
            row.update(fence=row["fence"] + 1, lease_until_at=now + lease)
        for part in chunks([row["id"] for row in rows]):
            conn.execute(
                update(outbox)
                .where(among(outbox.c.id, part))
                .values(lease_owner=owner, lease_until_at=now + lease, fence=outbox.c.fence + 1, updated_at=now)
            )
    return [_claimed(row) for row in rows]


def is_due(engine: Engine, connection: str, *, settle: timedelta, clock: Clock) -> bool:
    """Whether a push would find something to do now."""
    now = clock.now()
    with engine.connect() as conn:
        given = {"of": connection, "now": now, "settled": now - settle}
        return bool(conn.execute(_statements(_due).is_due, given).scalar_one())
