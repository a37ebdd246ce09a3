"""Schedules: slots of cron strings, each made once; of slots missed while nobody ran, one is made up for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from sync.context import Context
from tieout.core import logging
from tieout.core.config import Schedule
from tieout.core.cron import Cron
from tieout.core.errors import ConfigError
from tieout.store import leases
from tieout.store.session import reading, unit
from tieout.store.tables import slots
from tieout.store.upsert import insert_ignore

log = logging.get("schedules")
LEASE_SECONDS = 600.0
_MOST_MISSED = 100_000


def due(ctx: Context) -> list[str]:
    """Schedules with a slot that has come and was not made; a schedule seen for the first time starts from now."""
    return [name for name in ctx.config.schedules if due_slot(ctx, name) is not None]


def due_slot(ctx: Context, name: str) -> datetime | None:
    """The latest slot that has come since the last one made, or None."""
    now = ctx.clock.now()
    with reading(ctx.engine) as conn:
        last = conn.execute(
            select(slots.c.slot_at).where(slots.c.schedule == name).order_by(slots.c.slot_at.desc()).limit(1)
        ).scalar()
    if last is None:
        _note(ctx, name, now)
        return None
    cron, zone = Cron.parse(ctx.config.schedules[name].cron), _zone(ctx, ctx.config.schedules[name])
    found = None
    slot = cron.next_after(last, zone)
    for _ in range(_MOST_MISSED):
        if slot > now:
            break
        found, slot = slot, cron.next_after(slot, zone)
    return found


def run_schedule(ctx: Context, name: str) -> bool:
    """Make the report of a due slot once, under a lease; True if it was made. The slot is noted when it is done.

    A report that fails or a process that dies leaves the slot due; it is tried again when the lease has run out.
    """
    schedule = ctx.config.schedules.get(name)
    if schedule is None:
        raise ConfigError(f"there is no schedule {name!r}")
    lease = leases.acquire(
        ctx.engine, f"schedule_{name}", ctx.ids.new("own"), ttl_seconds=LEASE_SECONDS, clock=ctx.clock
    )
    if lease is None:
        return False
    slot = due_slot(ctx, name)
    if slot is not None:
        _make(ctx, schedule)
        _note(ctx, name, slot)
    leases.release(ctx.engine, lease)
    return slot is not None


def fired(ctx: Context, name: str) -> int:
    """How many slots of a schedule are noted (the first is where it began)."""
    with reading(ctx.engine) as conn:
        query = select(func.count()).select_from(slots).where(slots.c.schedule == name)
        return int(conn.execute(query).scalar_one())


def _make(ctx: Context, schedule: Schedule) -> None:
    if schedule.report != "reconcile":
        raise ConfigError(
            f"schedules.{schedule.name}: the report {schedule.report!r} cannot be scheduled.",
            hint='Known: "reconcile".',
        )
    from sync.reconcile import run_reconcile

    run_reconcile(ctx)


def _note(ctx: Context, name: str, slot: datetime) -> None:
    with unit(ctx.engine, "run.commit") as conn:
        insert_ignore(conn, slots, [{"schedule": name, "slot_at": slot, "fired_at": ctx.clock.now()}])


def _zone(ctx: Context, schedule: Schedule) -> str:
    if schedule.timezone:
        return schedule.timezone
    companies = ctx.config.companies
    company = companies.get(schedule.company) or next(iter(companies.values()), None)
    return company.timezone if company is not None else "UTC"
