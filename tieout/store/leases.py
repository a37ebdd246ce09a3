"""Leases: one owner at a time, with a fence that grows at every change of hands.

A lease is a row that stays for ever, so that its fence only grows. Work done under a lease is written together with
`guard`, which refuses the transaction when somebody else has taken over in the meantime.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tieout.core.clock import Clock
from tieout.core.errors import StaleWrite
from tieout.store.session import lock_rows, unit
from tieout.store.tables import leases

_FREE = ""
_l = leases.c
# Made once: a lease is asked for and looked at in every unit of work.
_TAKE = {
    name: make(leases)
    .values(fence=1)
    .on_conflict_do_update(
        index_elements=[_l.name],
        set_={"owner": bindparam("by"), "fence": _l.fence + 1, "until_at": bindparam("until", type_=_l.until_at.type)},
        where=(_l.until_at <= bindparam("now")) | (_l.owner == _FREE),
    )
    .returning(_l.fence)
    for name, make in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}
_RELEASE = (
    update(leases).where(_l.name == bindparam("of"), _l.fence == bindparam("since")).values(owner=bindparam("to"))
)
_STANDS = select(_l.owner, _l.fence).where(_l.name == bindparam("of"))
_STANDS_LOCKED = _STANDS.with_for_update(read=True)


@dataclass(frozen=True, slots=True)
class Lease:
    """A name held by an owner until an instant; `fence` tells this holding from every other one."""

    name: str
    owner: str
    fence: int
    until_at: datetime


def acquire(engine: Engine, name: str, owner: str, *, ttl_seconds: float, clock: Clock) -> Lease | None:
    """The lease if it is free or has run out, else None. `owner` must be new for every holding."""
    now = clock.now()
    until = now + timedelta(seconds=ttl_seconds)
    with unit(engine, "lease.save") as conn:
        given = {"name": name, "owner": owner, "until_at": until, "by": owner, "until": until, "now": now}
        fence = conn.execute(_TAKE[conn.dialect.name], given).scalar_one_or_none()
    return None if fence is None else Lease(name, owner, int(fence), until)


def renew(engine: Engine, lease: Lease, *, ttl_seconds: float, clock: Clock) -> Lease:
    """The same lease with a later end; StaleWrite if somebody else has taken it over."""
    until = clock.now() + timedelta(seconds=ttl_seconds)
    with unit(engine, "lease.save") as conn:
        kept = conn.execute(
            update(leases)
            .where(leases.c.name == lease.name, leases.c.owner == lease.owner, leases.c.fence == lease.fence)
            .values(until_at=until)
        ).rowcount
        if not kept:
            raise _lost(lease)
    return replace(lease, until_at=until)


def release(engine: Engine, lease: Lease) -> None:
    """Give the lease back; nothing happens if it was lost."""
    with unit(engine, "lease.save") as conn:
        conn.execute(_RELEASE, {"of": lease.name, "since": lease.fence, "to": _FREE})


def guard(conn: Connection, lease: Lease) -> None:
    """Refuse the transaction with StaleWrite unless the lease is still this one.

    On PostgreSQL the row stays share-locked, so that nobody takes over before this transaction has ended; on SQLite a
    writing unit excludes every other one anyway.
    """
    found = conn.execute(_STANDS_LOCKED if lock_rows(conn) else _STANDS, {"of": lease.name}).first()
    if found is None or found.owner != lease.owner or found.fence != lease.fence:
        raise _lost(lease)


@contextmanager
def held(engine: Engine, name: str, owner: str, *, ttl_seconds: float, clock: Clock) -> Iterator[Lease | None]:
    """The lease for the length of a block, or None if somebody else holds it."""
    lease = acquire(engine, name, owner, ttl_seconds=ttl_seconds, clock=clock)
    try:
        yield lease
    finally:
        if lease is not None:
            release(engine, lease)


def _lost(lease: Lease) -> StaleWrite:
    return StaleWrite(
        f"the lease {lease.name!r} was taken over by another process", hint="Its work goes on there; nothing was lost."
    )
