"""Pushing a plan as a run that workers carry out: queued, running with its counts, done or failed (D3, D13)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sync.context import Context
from sync.plan import PlanPush, money_of, plan_result, standing_connections
from sync.push import PushSummary, run_push
from sync.queue import ring
from tieout.core.errors import Gone
from tieout.store import plans, runs

GIVE_UP = timedelta(minutes=10)  # then what could not be sent is told, and left to the pushes that follow


def start_plan_push(ctx: Context, digest: str, actor: str) -> str:
    """Ask the workers to send a plan; answers the run's id, the same one while it has not ended.

    Gone if the digest names neither a stored plan nor the present one.
    """
    rows = plans.keep(ctx.engine, digest, ctx.clock)
    for run in runs.unfinished(ctx.engine, "push"):
        if run.body.get("digest") == digest:
            return run.id
    body = {"digest": digest, "actor": actor}
    told = {"records": len(rows), "totals": dict(money_of(ctx, rows))}
    ordered = runs.Ordered(actor, "plan.approve", digest, told)
    run_id = runs.queue(ctx.engine, ctx.ids, ctx.clock, kind="push", body=body, ordered=ordered)
    ring(ctx, f"plan:{run_id}")
    return run_id


def due_plan_pushes(ctx: Context) -> list[str]:
    """Ids of runs that still have a plan to send."""
    return [run.id for run in runs.unfinished(ctx.engine, "push") if run.body.get("digest")]


def run_plan_push(ctx: Context, run_id: str, *, limit_seconds: float | None = 2.0) -> bool:
    """One slice of a plan's run; True while there is more to send at once. A run that has ended does nothing."""
    run = runs.load(ctx.engine, run_id)
    if run is None or run.state not in ("queued", "running"):
        return False
    digest, actor = str(run.body["digest"]), str(run.body["actor"])
    try:
        rows = plans.plan_rows(ctx.engine, digest)
    except Gone as error:
        runs.finish(ctx.engine, ctx.clock, run_id, counts={}, error=str(error))
        return False
    body = dict(run.body)
    if "standing" not in body:
        body["standing"] = plans.let_go(ctx.engine, digest, rows, actor, ctx.clock, money_of(ctx, rows))
    runs.begin(ctx.engine, ctx.clock, run_id, body)
    standing = set(body["standing"])
    made: list[PushSummary] = [
        run_push(ctx, connection, limit_seconds=limit_seconds, plan_digest=digest)
        for connection in standing_connections(ctx, standing)
    ]
    result = plan_result(ctx, digest, rows, standing, made)
    counts = _counts(result)
    is_open = any(row["state"] in ("ready", "claimed", "sent", "uncertain") for row in result.unsent)
    is_late = ctx.clock.now() - run.started_at > GIVE_UP
    is_refused = any(summary.refused and summary.retry_at is None for summary in made)
    if is_open and not is_late and not is_refused:
        runs.progress(ctx.engine, run_id, {**counts, "moved_on": len(result.moved_on), "unsent": len(result.unsent)})
        return any(summary.is_more for summary in made)
    why = "; ".join(sorted({summary.refused for summary in made if summary.refused}))
    left = f"{len(result.unsent)} of {result.planned} could not be sent" if result.unsent else ""
    runs.finish(ctx.engine, ctx.clock, run_id, counts=counts, error=f"{left}: {why}" if left and why else left)
    return False


def _counts(result: PlanPush) -> Mapping[str, Any]:
    return {
        "digest": result.digest,
        "planned": result.planned,
        "sent": result.sent,
        "already_sent": result.already_sent,
        "moved_on": result.moved_on,
        "unsent": result.unsent,
    }
