"""Users, login links and API keys, each change with its line in the audit trail."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from sync.context import Context
from tieout.store import apikeys, audit, sessions, users
from tieout.store.session import reading, unit
from tieout.store.tables import users as user_table

FIRST_ADMIN = "admin"


def note(ctx: Context, actor: str, action: str, subject: str, body: dict[str, Any]) -> None:
    """One audit line of its own."""
    with unit(ctx.engine, "admin.commit") as conn:
        audit.append(conn, ctx.clock.now(), actor, action, subject, body)


def login_link(ctx: Context) -> str:
    """A one-time token for the first administrator, who is made on first use."""
    now = ctx.clock.now()
    with unit(ctx.engine, "admin.commit") as conn:
        user_id = conn.execute(
            select(user_table.c.id)
            .where(user_table.c.role == "admin", user_table.c.is_active.is_(True))
            .order_by(user_table.c.created_at)
            .limit(1)
        ).scalar()
        if user_id is None:
            user_id = users.create(conn, ctx.ids, now, name=FIRST_ADMIN, role="admin", actor="system")
        return sessions.make_link(conn, ctx.ids, now, user_id, actor="system")


def add_user(ctx: Context, name: str, password: str, role: str) -> dict[str, Any]:
    """Add a person who logs in with name and password."""
    with unit(ctx.engine, "admin.commit") as conn:
        user_id = users.create(
            conn, ctx.ids, ctx.clock.now(), name=name, role=role, actor="cli", password=password or None
        )
    return {"id": user_id, "name": name, "role": role}


def create_api_key(ctx: Context, name: str, role: str, actor: str) -> str:
    """Make a key; the answer is the only time it is shown."""
    with unit(ctx.engine, "admin.commit") as conn:
        return apikeys.create(conn, ctx.ids, ctx.clock.now(), name=name, role=role, actor=actor).token


def revoke_api_key(ctx: Context, key_id: str) -> None:
    """Make a key useless from now on."""
    with unit(ctx.engine, "admin.commit") as conn:
        apikeys.revoke(conn, ctx.clock.now(), key_id, "cli")


def api_keys(ctx: Context) -> list[dict[str, Any]]:
    """Keys, oldest first, without their digests."""
    with reading(ctx.engine) as conn:
        return [dict(row) for row in apikeys.listed(conn)]


def listed(ctx: Context) -> list[dict[str, Any]]:
    """People by name, without their password hashes."""
    with reading(ctx.engine) as conn:
        return [dict(row) for row in users.listed(conn)]
