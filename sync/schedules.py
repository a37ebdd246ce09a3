"""Schedules: slots of cron strings, each made once; those missed while nobody ran are made up for, day by day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from sync.context import Context
from sync.fold.batch import business_dates
from sync.notices import report_words
from sync.reporting import ReportWish, build_report
from tieout.core import logging
from tieout.core.config import Schedule
from tieout.core.config_values import EVERYBODY
from tieout.core.cron import Cron
from tieout.core.dates import iso_utc
from tieout.core.errors import ConfigError
from tieout.store import leases, notices, restored, runs
from tieout.store.queries.as_of import known_at
from tieout.store.queries.customers import with_balance
from tieout.store.session import reading, unit
from tieout.store.tables import slots
from tieout.store.upsert import insert_ignore

log = logging.get("schedules")
LEASE_SECONDS = 600.0
MADE_UP = 31  # missed days a schedule makes up for; older ones are left out
_MOST_MISSED = 100_000


def due(ctx: Context) -> list[str]:
    """Schedules with a slot that has come and was not made; a schedule seen for the first time starts from now."""
    return [name for name in ctx.config.schedules if due_slots(ctx, name)]


def due_slots(ctx: Context, name: str) -> list[datetime]:
    """Slots that have come since the last one made, oldest first: the last of each day, the newest MADE_UP of them.

    A slot is made as of its day with all that is known now, so that of one day only the last would say anything new.
    """
    now = ctx.clock.now()
    with reading(ctx.engine) as conn:
        last = conn.execute(
            select(slots.c.slot_at).where(slots.c.schedule == name).order_by(slots.c.slot_at.desc()).limit(1)
        ).scalar()
        put_back = restored.at(conn)
    if last is None:
        with unit(ctx.engine, "run.commit") as conn:
            _note(conn, name, now, now)
        return []
    if put_back is not None:
        last = max(last, put_back)  # what an old copy calls missed may have gone out after it was taken
    schedule = ctx.config.schedules[name]
    cron, zone = Cron.parse(schedule.cron), _zone(ctx, schedule)
    found: dict[date, datetime] = {}
    slot = cron.next_after(last, zone)
    for _ in range(_MOST_MISSED):
        if slot > now:
            break
        found[_day(ctx, schedule, slot)] = slot
        slot = cron.next_after(slot, zone)
    return sorted(found.values())[-MADE_UP:]


def _day(ctx: Context, schedule: Schedule, slot: datetime) -> date:
    """The business day of a slot: the company's, or the latest there was of several."""
    days = business_dates(ctx.config, slot)
    return days.get(schedule.company) or max(days.values())


def run_schedule(ctx: Context, name: str) -> bool:
    """Make the report of the oldest due slot once, under a lease; True if it was made.

    The slot is noted in the transaction that queues its files and mails: each goes out on its own, once. A report that
    fails or a process that dies leaves the slot due; it is tried again when the lease has run out.
    """
    schedule = ctx.config.schedules.get(name)
    if schedule is None:
        raise ConfigError(f"there is no schedule {name!r}")
    lease = leases.acquire(
        ctx.engine, f"schedule_{name}", ctx.ids.new("own"), ttl_seconds=LEASE_SECONDS, clock=ctx.clock
    )
    if lease is None:
        return False
    slot = next(iter(due_slots(ctx, name)), None)
    if slot is not None:
        run_id = runs.start(ctx.engine, ctx.ids, ctx.clock, kind="report", stream=name, trigger="schedule")
        try:
            bodies = _make(ctx, schedule, slot)
        except Exception as error:
            runs.finish(ctx.engine, ctx.clock, run_id, counts={"slot": slot}, error=str(error).splitlines()[0])
            raise
        with unit(ctx.engine, "run.commit") as conn:
            _note(conn, name, slot, ctx.clock.now())
            for body in bodies:
                of = f"/{body['customer']}" if schedule.customer == EVERYBODY else ""
                notices.queue(
                    conn,
                    ctx.ids,
                    occasion=f"report:{name}/{iso_utc(slot)}{of}",
                    kind="report",
                    targets=schedule.to,
                    body=body,
                    now=ctx.clock.now(),
                )
        counts = {"slot": slot, "targets": len(schedule.to), "reports": len(bodies)}
        runs.finish(ctx.engine, ctx.clock, run_id, counts=counts)
    leases.release(ctx.engine, lease)
    return slot is not None


def fired(ctx: Context, name: str) -> int:
    """How many slots of a schedule are noted (the first is where it began)."""
    with reading(ctx.engine) as conn:
        query = select(func.count()).select_from(slots).where(slots.c.schedule == name)
        return int(conn.execute(query).scalar_one())


def _make(ctx: Context, schedule: Schedule, slot: datetime) -> list[dict[str, Any]]:
    """What the notices of a slot are made from: the report's arguments with its point of knowledge, and the words.

    Statements of everybody are all as known at one point, by customer id.
    """
    if schedule.customer != EVERYBODY:
        return [_body(ctx, schedule, slot, schedule.customer, None)]
    with reading(ctx.engine) as conn:
        known = known_at(conn, None).text
        whom = with_balance(conn, [schedule.company] if schedule.company else sorted(ctx.config.companies))
    return [_body(ctx, schedule, slot, customer, known) for customer in whom]


def _body(ctx: Context, schedule: Schedule, slot: datetime, customer: str, known: str | None) -> dict[str, Any]:
    language = ctx.config.language
    wish = ReportWish(
        schedule.report,
        as_of=_day(ctx, schedule, slot),
        company=schedule.company,
        customer=customer,
        language=language,
        known_at=known,
    )
    report = build_report(ctx, wish, fresh=True)
    subject, text = report_words(report, language)
    return {
        "schedule": schedule.name,
        "slot": slot.strftime("%Y%m%dT%H%MZ"),
        "report": schedule.report,
        "as_of": report.as_of.isoformat(),
        "known": report.known,
        "company": schedule.company,
        "customer": customer,
        "language": language,
        "formats": list(schedule.format),
        "subject": subject,
        "text": text,
        "at": slot.isoformat(),
    }


def _note(conn: Connection, name: str, slot: datetime, now: datetime) -> None:
    insert_ignore(conn, slots, [{"schedule": name, "slot_at": slot, "fired_at": now}])


def _zone(ctx: Context, schedule: Schedule) -> str:
    if schedule.timezone:
        return schedule.timezone
    companies = ctx.config.companies
    company = companies.get(schedule.company) or next(iter(companies.values()), None)
    return company.timezone if company is not None else "UTC"
