"""A sync as a run that somebody asked for: queued once, carried out by the workers (D3)."""

from __future__ import annotations

from sync.context import Context
from sync.queue import ring
from tieout.store import runs


def start_sync(ctx: Context, connection: str, actor: str) -> str:
    """Ask the workers to pull a connection now; answers the run's id, the same one while it is queued."""
    waiting = runs.unfinished(ctx.engine, "sync", connection, "queued")
    if waiting:
        run_id = waiting[0].id
    else:
        ordered = runs.Ordered(actor, "sync.start", connection)
        run_id = runs.queue(ctx.engine, ctx.ids, ctx.clock, kind="sync", connection=connection, ordered=ordered)
    ring(ctx, f"pull:{connection}")
    return run_id
