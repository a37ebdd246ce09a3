"""Users, login links and API keys, each change with its line in the audit trail."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from sync.context import Context
from tieout.core.errors import StaleWrite
from tieout.store import apikeys, audit, sessions, users
from tieout.store.once import Making, Once, Repeated, making, repeatable
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


class PeopleDesk:
    """People and keys; every change is a line in the audit trail with the actor."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @repeatable
    def add(self, name: str, password: str | None, role: str, actor: str, once: Once | None = None) -> dict[str, Any]:
        """Add a person who logs in with name and password; with None by a link only."""
        with self._making(once) as made:
            user_id = users.create(
                made.conn,
                self._ctx.ids,
                self._ctx.clock.now(),
                name=name,
                role=role,
                actor=actor,
                password=password,
            )
            return made.kept({"id": user_id, "name": name, "role": role})

    def deactivate(self, user_id: str, actor: str) -> dict[str, Any]:
        """Shut a person out; nobody shuts out themselves."""
        with self._unit() as conn:
            found = users.get(conn, user_id)
            if found is not None and f"user:{found['name']}" == actor:
                raise StaleWrite(
                    "you cannot shut yourself out", hint="Let another administrator do it.", code="own_account"
                )
            users.deactivate(conn, self._ctx.clock.now(), user_id, actor)
        return {"id": user_id, "is_active": False}

    def listed(self) -> list[dict[str, Any]]:
        """People by name, without their password hashes."""
        with reading(self._ctx.engine) as conn:
            return [dict(row) for row in users.listed(conn)]

    def make_key(
        self, name: str, role: str, actor: str, expires_at: datetime | None = None, once: Once | None = None
    ) -> dict[str, Any]:
        """Make a key; the answer is the only time its token is shown, so a repeated one is StaleWrite."""
        ctx = self._ctx
        try:
            with self._making(once) as made:
                key = apikeys.create(
                    made.conn, ctx.ids, ctx.clock.now(), name=name, role=role, actor=actor, expires_at=expires_at
                )
                made.kept({"id": key.id})
        except Repeated as found:
            raise StaleWrite(
                f"this key was made already: {found.answer['id']}",
                hint="Its token was shown then and is kept nowhere. If it is lost, revoke the key and make another.",
                code="key_made",
            ) from None
        return {"id": key.id, "name": name, "role": role, "token": key.token, "expires_at": expires_at}

    def revoke_key(self, key_id: str, actor: str) -> dict[str, Any]:
        """Make a key useless from now on."""
        with self._unit() as conn:
            apikeys.revoke(conn, self._ctx.clock.now(), key_id, actor)
        return {"id": key_id, "revoked": True}

    def listed_keys(self) -> list[dict[str, Any]]:
        """Keys, oldest first, without their digests."""
        with reading(self._ctx.engine) as conn:
            return [dict(row) for row in apikeys.listed(conn)]

    def _making(self, once: Once | None) -> AbstractContextManager[Making]:
        return making(self._ctx.engine, "admin.commit", once, self._ctx.clock.now())

    def _unit(self) -> AbstractContextManager[Connection]:
        return unit(self._ctx.engine, "admin.commit")
