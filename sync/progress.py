"""Where the present sync stands: one event per stream, then apply and push, for terminals and pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from sync.apply import backlog, ready_to_settle
from sync.context import Context
from tieout.store.session import reading
from tieout.store.tables import outbox, runs, watermarks

WAITING = ("ready", "claimed", "sent", "uncertain")


def progress_of(ctx: Context, since: datetime | None = None) -> list[dict[str, Any]]:
    """Events `{connection, stream, step, state, done, total}`; all `done` when the first sync has ended.

    With `since` a stream is `done` once it was read to its end after that instant. The counts are those of the
    database's whole life: what one run did is the difference to its start.
    """
    o, r = outbox.c, runs.c
    with reading(ctx.engine) as conn:
        tried = None if since is None else set(conn.execute(select(r.connection).where(r.ended_at >= since)).scalars())
        marks = {(row["connection"], row["stream"]): row for row in conn.execute(select(watermarks)).mappings()}
        rows = conn.execute(select(o.connection, o.state, func.count()).group_by(o.connection, o.state)).all()
    states: dict[str, dict[str, int]] = {}
    for connection, state, count in rows:
        states.setdefault(connection, {})[state] = int(count)
    out: list[dict[str, Any]] = []
    for name in ctx.config.connections:
        for stream in ctx.streams(name):
            mark = marks.get((name, stream))
            out.append(
                {
                    "connection": name,
                    "stream": stream,
                    "step": "pull",
                    "state": _pull_state(mark, since, tried is None or name in tried),
                    "done": int(mark["rows_read"]) if mark is not None else 0,
                    "note": (mark["error"] or mark["held_back"] or "") if mark is not None else "",
                }
            )
    left = backlog(ctx)
    settled = ready_to_settle(ctx)
    waiting = left["pending"] + left["dirty"]
    out.append(
        {
            "step": "apply",
            "state": "done" if settled and not waiting else "running",
            "note": f"{left['pending']} to map, {left['dirty']} to decide",
        }
    )
    for name, connection in ctx.config.connections.items():
        if not connection.push or connection.push_mode != "auto":
            continue
        mine = states.get(name, {})
        todo = sum(mine.get(state, 0) for state in WAITING)
        done, refused = mine.get("done", 0), mine.get("dead", 0)
        is_over = settled and not waiting and not todo
        out.append(
            {
                "connection": name,
                "step": "push",
                "state": "failed" if is_over and refused else "done" if is_over else "running",
                "done": done,
                "total": done + todo + refused,
                "note": f"{refused} refused" if refused else "",
            }
        )
    return out


def _pull_state(mark: Mapping[Any, Any] | None, since: datetime | None, is_tried: bool) -> str:
    if mark is None:
        return "running"
    if mark["error"] and is_tried:
        return "failed"
    if since is None:
        return "running" if mark["first_completed_at"] is None else "done"
    return "done" if mark["completed_at"] is not None and mark["completed_at"] >= since else "running"
