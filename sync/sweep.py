"""The sweep: rings for everything that is due in SQL, so that a lost ring or a lost Redis costs seconds only (D3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from sync import alerts, apply, schedules
from sync.channels import is_channel_due
from sync.context import Context
from sync.plan_runs import due_plan_pushes
from sync.push import is_push_due
from sync.queue import enqueue, queue_of
from tieout.core import logging
from tieout.core.errors import TieoutError
from tieout.store import connections as connection_store
from tieout.store import inbox, notices, once, runs
from tieout.store.outbox import is_counting
from tieout.store.session import reading
from tieout.store.tables import dirty, pending

log = logging.get("sweep")
RUN_DIED_AFTER = timedelta(hours=6)
INBOX_KEPT = timedelta(days=30)
_APPLY_WORK = (  # in the order of an index each
    select(pending.c.seq).order_by(pending.c.seq).limit(1),
    select(dirty.c.key).order_by(dirty.c.kind, dirty.c.key).limit(1),
)


def due(ctx: Context) -> list[str]:
    """The drains that have something to do now, by name."""
    names: list[str] = []
    now = ctx.clock.now()
    if has_apply_work(ctx) or apply.tick_due(ctx):
        names.append("apply")
    held = connection_store.all_rows(ctx.engine)
    asked = {run.connection for run in runs.unfinished(ctx.engine, "sync", state="queued")}
    for name in ctx.config.connections:
        row = held.get(name, {})
        if _is_waiting(row, now):
            continue
        try:
            for drain in _due_of(ctx, name, row, now, is_asked=name in asked):
                names.append(drain)
        except TieoutError as error:  # one connection in trouble holds up no other
            log.error("a connection cannot be looked at", connection=name, why=str(error))
    names += [f"plan:{run_id}" for run_id in due_plan_pushes(ctx)]
    names += [f"report:{name}" for name in schedules.due(ctx)]
    names += alerts.due(ctx)
    with reading(ctx.engine) as conn:
        if notices.is_due(conn, now):
            names.append("deliver")
    return names


def _due_of(ctx: Context, name: str, row: Mapping[str, Any], now: datetime, *, is_asked: bool) -> Iterator[str]:
    conf = ctx.config.connections[name]
    if not row.get("push_paused") and conf.push_mode != "off" and is_push_due(ctx, name):
        yield f"push:{name}"
    if inbox.due(ctx.engine, name, now, limit=1):
        yield f"inbox:{name}"
    if is_asked or row.get("pull_round") or row.get("next_pull_at") is None or row["next_pull_at"] <= now:
        yield f"pull:{name}"
    if is_channel_due(ctx, name):
        yield f"channel:{name}"


def has_apply_work(ctx: Context) -> bool:
    """Whether inputs wait to be folded, keys to be settled, or a run's changes to be judged."""
    with reading(ctx.engine) as conn:
        return is_counting(conn) or any(conn.execute(query).first() is not None for query in _APPLY_WORK)


def _is_waiting(row: Mapping[str, Any], now: datetime) -> bool:
    until = row.get("backoff_until_at")
    return until is not None and until > now


def run_sweep(ctx: Context) -> list[str]:
    """Ring for everything that is due; answers what was rung for."""
    names = due(ctx)
    for name in names:
        # Without a new generation: a drain that is running will end by itself, and the next sweep looks again.
        if not enqueue(ctx.config.redis_url, name, queue_of(name), now=ctx.clock.now()):
            break
    return names


def run_housekeeping(ctx: Context) -> None:
    """Close runs whose process died and forget old messages; once an hour is plenty."""
    now = ctx.clock.now()
    runs.abandon(ctx.engine, before=now - RUN_DIED_AFTER, now=now)
    inbox.forget(ctx.engine, before=now - INBOX_KEPT)
    once.forget(ctx.engine, before=now - once.KEPT)
