"""What people order about pushes: stop, go on, try a refused change again."""

from __future__ import annotations

from typing import Any

from sync import operations, people
from sync.context import Context
from sync.queue import ring
from sync.restored import is_paused_by_restore, settle_restored
from tieout.core.errors import Gone
from tieout.store import connections as connection_store
from tieout.store import pushes
from tieout.store.session import reading


def pause(ctx: Context, actor: str, why: str) -> dict[str, Any]:
    """Stop sending anywhere until `resume`.

    A connection that is paused because its home was restored or copied keeps that reason: going on reads back first.
    """
    held = connection_store.all_rows(ctx.engine)
    names = [name for name in ctx.config.connections if not is_paused_by_restore(held.get(name, {}))]
    connection_store.pause_push(ctx.engine, names, why or f"paused by {actor}")
    people.note(ctx, actor, "push.pause", "all", {"why": why})
    return {"paused": names, "why": why}


def resume(ctx: Context, actor: str) -> dict[str, Any]:
    """Allow pushing again after a pause, a restore or on a copied home."""
    held = settle_restored(ctx)
    resumed = connection_store.resume_push(ctx.engine)
    people.note(ctx, actor, "push.resume", "all", {"connections": resumed, "already_there": held})
    for name in ctx.config.connections:
        ring(ctx, f"push:{name}")
    return {"resumed": resumed, "already_there": held}


def revive(ctx: Context, connection: str, code: str, actor: str) -> dict[str, Any]:
    """Send all dead letters of a connection with one refusal code again."""
    count = pushes.revive(ctx.engine, connection, [code], actor, ctx.clock)
    ring(ctx, f"push:{connection}")
    return {"connection": connection, "code": code, "revived": count}


def retry(ctx: Context, push_id: str, actor: str) -> dict[str, Any]:
    """Send a dead letter once more."""
    pushes.retry(ctx.engine, push_id, actor, ctx.clock)
    with reading(ctx.engine) as conn:
        row = operations.push_row(conn, push_id)
    if row is None:
        raise Gone(f"there is no push {push_id}", code="no_push")
    ring(ctx, f"push:{row['connection']}")
    return {"id": push_id, "state": row["state"]}
