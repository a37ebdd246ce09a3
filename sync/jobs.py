"""What RQ workers run: one slice of one drain a job, ids only in the job, everything else from SQL (D3)."""

from __future__ import annotations

import os
from collections.abc import Callable

from sync import apply, schedules
from sync.alerts import note_verify, run_alerts
from sync.channels import ensure_channel
from sync.connecting import close_context, open_context
from sync.context import Context
from sync.inbox import run_inbox
from sync.notices import MOST_AT_ONCE, deliver_due
from sync.push import is_push_due, run_push
from sync.queue import enqueue, forget_clients, queue_of, ring
from sync.sweep import has_apply_work, run_sweep
from tieout.core import config as configuration
from tieout.core import logging
from tieout.core.config import Config
from tieout.core.errors import TieoutError
from tieout.store import connections as connection_store
from tieout.store import doorbells, inbox, runs

log = logging.get("jobs")
SLICE_SECONDS = 2.0
_config: Config | None = None
_opened: tuple[int, Context] | None = None  # process id, context
_looked: dict[str, int] = {}  # by drain: the generation up to which this process has looked for work


def configure(config: Config) -> None:
    """Set the configuration of this worker process; nothing is opened before the first job."""
    global _config
    _config = config


def context() -> Context:
    """The context of this process: opened inside the job, never shared across a fork."""
    global _opened
    if _opened is None or _opened[0] != os.getpid():
        forget_clients()
        config = _config
        if config is None:
            import connectors

            config = configuration.load(vendor_settings=connectors.check_settings)
        _opened = (os.getpid(), open_context(config))
    return _opened[1]


def close() -> None:
    """Close what this process opened."""
    global _opened
    if _opened is not None and _opened[0] == os.getpid():
        close_context(_opened[1])
    _opened = None


def run(name: str, turn: int = 0) -> None:
    """Do one slice of a drain (`apply`, `push:zoho`, …) and ring again if more is due or somebody rang meanwhile."""
    drain(context(), name, turn)


def drain(ctx: Context, name: str, turn: int = 0) -> bool:
    """`run` in a given context; True if it rang for another slice."""
    began = doorbells.generation(ctx.engine, name)
    _looked.pop(name, None)
    kind, _, argument = name.partition(":")
    try:
        is_more = _STEPS[kind](ctx, argument)
    except TieoutError as error:
        log.warning("a slice failed", drain=name, code=error.code, why=str(error))
        return False  # the sweep rings again for what is still due
    _looked[name] = doorbells.generation(ctx.engine, name)
    if not is_more and _looked[name] == began:
        return False
    return enqueue(ctx.config.redis_url, name, queue_of(name), now=ctx.clock.now(), own_turn=turn)


def look_again(name: str) -> bool:
    """Ring again for a drain that was rung after its job had looked for the last time; True if it was.

    Called when RQ has given the job's id free. A ring between that look and this moment was refused as a duplicate of
    a job that would not look any more; one after it makes a job of its own.
    """
    looked = _looked.pop(name, None)
    if looked is None:
        return False
    ctx = context()
    if doorbells.generation(ctx.engine, name) == looked:
        return False
    return enqueue(ctx.config.redis_url, name, queue_of(name), now=ctx.clock.now())


def _apply(ctx: Context, _: str) -> bool:
    if apply.tick_due(ctx):
        apply.run_tick(ctx)
    summary = apply.run_apply(ctx, limit_seconds=SLICE_SECONDS)
    for name in ctx.config.connections:
        if is_push_due(ctx, name):
            ring(ctx, f"push:{name}")
    return not summary.is_busy and not summary.is_waiting and has_apply_work(ctx)


def _push(ctx: Context, connection: str) -> bool:
    return run_push(ctx, connection, limit_seconds=SLICE_SECONDS).is_more


def _inbox(ctx: Context, connection: str) -> bool:
    summary = run_inbox(ctx, connection)
    return not summary.refused and bool(inbox.due(ctx.engine, connection, ctx.clock.now(), limit=1))


def _pull(ctx: Context, connection: str) -> bool:
    from sync.pull import run_pull

    conf = ctx.config.connections[connection]
    connection_store.ensure(ctx.engine, {connection: conf.vendor})
    if not connection_store.load(ctx.engine, connection).get("pull_round"):
        # Noted at the start of a round: the sweep need not ring for a pull that is running.
        connection_store.set_next_pull(ctx.engine, connection, ctx.clock.now() + conf.interval)
    summary = run_pull(ctx, connection, limit_seconds=SLICE_SECONDS)
    if has_apply_work(ctx):
        ring(ctx, "apply")
    is_asked = bool(runs.unfinished(ctx.engine, "sync", connection, "queued"))  # while this round was under way
    return summary.is_more or (is_asked and not summary.is_busy)


def _plan(ctx: Context, run_id: str) -> bool:
    from sync.plan_runs import run_plan_push

    return run_plan_push(ctx, run_id, limit_seconds=SLICE_SECONDS)


def _sweep(ctx: Context, _: str) -> bool:
    run_sweep(ctx)
    return False


def _channel(ctx: Context, connection: str) -> bool:
    ensure_channel(ctx, connection)
    return False


def _reconcile(ctx: Context, _: str) -> bool:
    from sync.reconcile import run_reconcile

    run_reconcile(ctx)
    return False


def _report(ctx: Context, schedule: str) -> bool:
    if not schedules.run_schedule(ctx, schedule):
        return False
    ring(ctx, "deliver")
    return bool(schedules.due_slots(ctx, schedule))


def _deliver(ctx: Context, _: str) -> bool:
    return sum(deliver_due(ctx).values()) >= MOST_AT_ONCE


def _alerts(ctx: Context, _: str) -> bool:
    if run_alerts(ctx):
        ring(ctx, "deliver")
    return False


def _verify(ctx: Context, _: str) -> bool:
    note_verify(ctx)
    return False


_STEPS: dict[str, Callable[[Context, str], bool]] = {
    "apply": _apply,
    "push": _push,
    "inbox": _inbox,
    "plan": _plan,
    "pull": _pull,
    "sweep": _sweep,
    "channel": _channel,
    "reconcile": _reconcile,
    "report": _report,
    "deliver": _deliver,
    "alerts": _alerts,
    "verify": _verify,
}
