"""Connections: their state, streams, budgets and channels, as the service last saved them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, select

from tieout.store.tables import budgets, channels, connections, inbox, watermarks

Row = RowMapping


def all_of(conn: Connection) -> dict[str, Row]:
    """Saved state by connection name."""
    return {row["name"]: row for row in conn.execute(select(connections)).mappings()}


def streams(conn: Connection) -> dict[str, list[Row]]:
    """Watermarks by connection name, in the order of stream names."""
    out: dict[str, list[Row]] = {}
    for row in conn.execute(select(watermarks).order_by(watermarks.c.connection, watermarks.c.stream)).mappings():
        out.setdefault(row["connection"], []).append(row)
    return out


def live_budgets(conn: Connection, now: datetime) -> dict[str, list[Row]]:
    """Budget windows that still count, by connection; concurrency slots are left out."""
    query = select(budgets).where(budgets.c.until_at > now, budgets.c.window.not_like("slot:%"))
    out: dict[str, list[Row]] = {}
    for row in conn.execute(query.order_by(budgets.c.connection, budgets.c.window)).mappings():
        out.setdefault(row["connection"], []).append(row)
    return out


def notification_channels(conn: Connection) -> dict[str, Row]:
    """When each connection's notification channel lapses; the token stays where it is."""
    query = select(channels.c.connection, channels.c.expires_at, channels.c.renewed_at, channels.c.error)
    return {row["connection"]: row for row in conn.execute(query).mappings()}


def inbox_by_state(conn: Connection) -> Sequence[Row]:
    """Webhook deliveries per connection and state."""
    query = select(inbox.c.connection, inbox.c.state, func.count().label("rows"))
    query = query.group_by(inbox.c.connection, inbox.c.state).order_by(inbox.c.connection, inbox.c.state)
    return conn.execute(query).mappings().all()
