"""Activations: a changed profile is an input too; its stream is mapped again, and the log says since when (D1)."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from sync.context import Context
from tieout.store.landing import append_inputs
from tieout.store.session import reading, unit
from tieout.store.tables import meta

KEY = "profile:"


def activate_profiles(ctx: Context) -> list[str]:
    """Note every profile whose version differs from the active one; answers `connection/stream` of those that moved.

    The first version of a stream is active without an input: nothing was mapped before it.
    """
    wanted = {
        f"{KEY}{name}/{stream}": str(profile.version)
        for name in ctx.config.connections
        for stream, profile in ctx.profiles(name).items()
    }
    with reading(ctx.engine) as conn:
        held = dict(conn.execute(select(meta.c.key, meta.c.value).where(meta.c.key.like(f"{KEY}%"))).all())
    fresh = {key: version for key, version in wanted.items() if key not in held}
    moved = {key: version for key, version in wanted.items() if key in held and held[key] != version}
    if not fresh and not moved:
        return []
    now = ctx.clock.now()
    with unit(ctx.engine, "apply.commit") as conn:
        if fresh:
            conn.execute(insert(meta), [{"key": key, "value": version} for key, version in sorted(fresh.items())])
        for key, version in sorted(moved.items()):
            conn.execute(update(meta).where(meta.c.key == key).values(value=version))
            connection, _, stream = key.removeprefix(KEY).partition("/")
            body = {"connection": connection, "stream": stream, "version": version, "before": held[key]}
            append_inputs(
                conn,
                [
                    {
                        "kind": "activation",
                        "at": now,
                        "connection": connection,
                        "stream": stream,
                        "is_deleted": False,
                        "is_current": False,
                        "body": body,
                    }
                ],
            )
    return [key.removeprefix(KEY) for key in sorted(moved)]
