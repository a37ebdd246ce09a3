"""Sync health: how fresh each connection and stream is, what went wrong, what calls it used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tieout.core.config import Config
from tieout.reports.values import pick
from tieout.store.queries import connections, overview, pushes

Row = Mapping[Any, Any]
LATE_FACTOR = 3  # a stream is late after three intervals without a completed read


def connection_lines(conn: Connection, config: Config, now: datetime) -> list[dict[str, Any]]:
    """Every configured connection with its streams; one that never ran has nulls, not zeros."""
    saved, streams = connections.all_of(conn), connections.streams(conn)
    budgets, channels = connections.live_budgets(conn, now), connections.notification_channels(conn)
    waiting: dict[str, dict[str, int]] = {}
    for count in pushes.by_state(conn):
        waiting.setdefault(count["connection"], {})[count["state"]] = int(count["rows"])
    lines: list[dict[str, Any]] = []
    for name, setting in config.connections.items():
        row: Row | None = saved.get(name)
        seconds = int(setting.interval.total_seconds())
        marks = {mark["stream"]: mark for mark in streams.get(name, [])}
        wanted = list(setting.streams) + [known for known in marks if known not in setting.streams]
        lines.append(
            {
                "name": name,
                "vendor": setting.vendor,
                "company_id": setting.company,
                "is_book_of_record": any(name == company.book_of_record for company in config.companies.values()),
                "push_mode": setting.push_mode if setting.push else "off",
                "interval_seconds": seconds,
                "auth_state": None if row is None else row["auth_state"],
                "push_paused": False if row is None else bool(row["push_paused"]),
                "push_paused_why": None if row is None else row["push_paused_why"],
                "backoff_until_at": None if row is None else row["backoff_until_at"],
                "last_pull_at": None if row is None else row["last_pull_at"],
                "last_ok_at": None if row is None else row["last_ok_at"],
                "next_pull_at": None if row is None else row["next_pull_at"],
                "error": None if row is None else row["error"],
                "calls": 0 if row is None else int(row["calls"]),
                "credits": 0 if row is None else int(row["credits"]),
                "budgets": [pick(budget, "window", "used", "until_at") for budget in budgets.get(name, [])],
                "channel_expires_at": channels[name]["expires_at"] if name in channels else None,
                "pushes": waiting.get(name, {}),
                "streams": [stream_line(stream, marks.get(stream), now, seconds) for stream in wanted],
            }
        )
    return lines


def budget_use(line: Mapping[str, Any], limits: Mapping[str, int]) -> list[dict[str, Any]]:
    """What a line of `connection_lines` has used of each limit: the buckets of a rolling window are one sum.

    `limits` holds units by `use` (a rolling window of `window_seconds`) and `day`, 0 = none. A limit nothing was used
    of stands with 0; a window that has no limit (any more) with `limit` None. `until_at` is when all of it is free
    again; None = it is free now.
    """
    out: list[dict[str, Any]] = []
    for kind in ("use", "day"):
        counted = [budget for budget in line["budgets"] if budget["window"].split(":")[0] == kind]
        limit = limits.get(kind, 0) or None
        used = sum(int(budget["used"]) for budget in counted)
        if counted or limit:
            out.append(
                {
                    "kind": kind,
                    "used": used,
                    "limit": limit,
                    "seconds": limits.get("window_seconds") or None if kind == "use" else None,
                    "until_at": max((budget["until_at"] for budget in counted), default=None),
                }
            )
    return out


def stream_line(name: str, mark: Row | None, now: datetime, interval: int) -> dict[str, Any]:
    """One stream; `state` is never, reading, fresh, late or failed."""
    done = None if mark is None else mark["completed_at"]
    lag = None if done is None else max(0, int((now - done).total_seconds()))
    state = "never"
    if mark is not None:
        if mark["error"] or mark["held_back"]:
            state = "failed"
        elif mark["is_reading"] and done is None:
            state = "reading"
        elif lag is not None:
            state = "late" if lag > LATE_FACTOR * interval else "fresh"
    return {
        "stream": name,
        "state": state,
        "completed_at": done,
        "first_completed_at": None if mark is None else mark["first_completed_at"],
        "lag_seconds": lag,
        "rows_read": 0 if mark is None else int(mark["rows_read"]),
        "error": None if mark is None else mark["error"] or mark["held_back"],
    }


def first_sync(conn: Connection, config: Config, lines: list[dict[str, Any]]) -> dict[str, Any] | None:
    """How far the first sync is: streams read and records posted; None once all were read and the backlog is small."""
    streams = [stream for line in lines for stream in line["streams"]]
    done = sum(stream["first_completed_at"] is not None for stream in streams)
    waiting = overview.unmapped(conn)
    posted = overview.documents_posted(conn)
    # Later pulls leave a few records waiting for moments: only a backlog that rivals the ledger is a first sync.
    if not streams or (done == len(streams) and waiting * 10 <= posted):
        return None
    began = done > 0 or any(stream["rows_read"] or stream["state"] != "never" for stream in streams)
    return {
        "started": began,
        "streams_done": done,
        "streams": len(streams),
        "rows_read": sum(stream["rows_read"] for stream in streams),
        "waiting": waiting,
        "documents": posted,
    }
