"""Where the present sync stands: one event per stream, then apply and push, for terminals and pages."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from sync.apply import backlog, ready_to_settle
from sync.context import Context
from tieout.store.session import reading
from tieout.store.tables import outbox, watermarks

WAITING = ("ready", "claimed", "sent", "uncertain")


def progress_of(ctx: Context) -> list[dict[str, Any]]:
    """Events `{connection, stream, step, state, done, total}`; all `done` when the first sync has ended."""
    o = outbox.c
    with reading(ctx.engine) as conn:
        marks = {(row["connection"], row["stream"]): row for row in conn.execute(select(watermarks)).mappings()}
        rows = conn.execute(select(o.connection, o.state, func.count()).group_by(o.connection, o.state)).all()
    states: dict[str, dict[str, int]] = {}
    for connection, state, count in rows:
        states.setdefault(connection, {})[state] = int(count)
    out: list[dict[str, Any]] = []
    for name in ctx.config.connections:
        for stream in ctx.streams(name):
            mark = marks.get((name, stream))
            state = "running"
            if mark is not None and mark["error"]:
                state = "failed"
            elif mark is not None and mark["first_completed_at"] is not None:
                state = "done"
            out.append(
                {
                    "connection": name,
                    "stream": stream,
                    "step": "pull",
                    "state": state,
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
