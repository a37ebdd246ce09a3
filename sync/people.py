"""Users, login links and API keys, each change with its line in the audit trail."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from sync.context import Context
from tieout.core.errors import Gone, StaleWrite
from tieout.store import apikeys, audit, sessions, users
from tieout.store.once import Making, Once, Repeated, making, repeatable
from tieout.store.session import reading, unit
from tieout.store.sessions import OpenedSession
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
        return sessions.make_link(conn, ctx.ids, now, _first_admin(ctx, conn), actor="system")


def _first_admin(ctx: Context, conn: Connection) -> str:
    """The administrator who is longest here; made where there is none."""
    u = user_table.c
    query = select(u.id).where(u.role == "admin", u.is_active.is_(True)).order_by(u.created_at).limit(1)
    found = conn.execute(query).scalar()
    if found is None:
        return users.create(conn, ctx.ids, ctx.clock.now(), name=FIRST_ADMIN, role="admin", actor="system")
    return str(found)


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

    def named(self, name: str) -> str:
        """The id of the person with a login name; Gone for nobody."""
        with reading(self._ctx.engine) as conn:
            found = users.by_name(conn, name)
        if found is None:
            raise Gone(f"there is nobody called {name!r}", hint="`tieout users list` names them.", code="no_user")
        return str(found["id"])

    def first_admin(self) -> str:
        """The id of the administrator who is longest here; made where there is none."""
        with self._unit() as conn:
            return _first_admin(self._ctx, conn)

    def one(self, user_id: str) -> dict[str, Any]:
        """A person, without the password's hash; Gone for nobody."""
        for row in self.listed():
            if row["id"] == user_id:
                return row
        raise Gone(f"there is no user {user_id}", code="no_user")

    def deactivate(self, user_id: str, actor: str) -> dict[str, Any]:
        """Shut a person out; nobody shuts out themselves, and nobody the last administrator."""
        with self._unit() as conn:
            self._not_oneself(conn, user_id, actor, "you cannot shut yourself out")
            users.deactivate(conn, self._ctx.clock.now(), user_id, actor)
        return {"id": user_id, "is_active": False}

    def activate(self, user_id: str, actor: str) -> dict[str, Any]:
        """Let a person in again."""
        with self._unit() as conn:
            users.activate(conn, self._ctx.clock.now(), user_id, actor)
        return {"id": user_id, "is_active": True}

    def set_role(self, user_id: str, role: str, actor: str) -> dict[str, Any]:
        """Give a person another role; they sign in again."""
        with self._unit() as conn:
            users.set_role(conn, self._ctx.clock.now(), user_id, role, actor)
        return {"id": user_id, "role": role}

    def set_password(self, user_id: str, password: str, actor: str) -> dict[str, Any]:
        """Give a person a new password; their sessions end. One's own is changed with the old one (`change_own`)."""
        hashed = users.hash_password(password)  # slow on purpose: not while others wait to write
        with self._unit() as conn:
            self._not_oneself(conn, user_id, actor, "your own password is changed with the old one")
            users.set_password(conn, self._ctx.clock.now(), user_id, hashed, actor)
        return {"id": user_id}

    def change_own(self, name: str, old: str, password: str) -> OpenedSession | None:
        """Change one's own password and go on in a new session, all others end; None where the old one is wrong.

        Who has none (they came by a link) is not asked for it.
        """
        with reading(self._ctx.engine) as conn:
            found = users.by_name(conn, name)
        if found is None or (found["password_hash"] and not users.password_fits(found, old)):
            return None
        hashed, now, actor = users.hash_password(password), self._ctx.clock.now(), f"user:{name}"
        with self._unit() as conn:
            users.set_password(conn, now, found["id"], hashed, actor)
            return sessions.open_session(conn, self._ctx.ids, now, found["id"], actor=actor, how="password")

    def link(self, user_id: str, actor: str, *, forget_password: bool = False) -> dict[str, Any]:
        """A one-time way in for a person, good for a quarter of an hour: `path` is shown this once.

        `forget_password`: the old password ends too, and they choose a new one once they are in.
        """
        now = self._ctx.clock.now()
        with self._unit() as conn:
            found = users.get(conn, user_id)
            if found is not None and not found["is_active"]:
                raise StaleWrite(f"{found['name']} is shut out", hint="Let them in first.", code="shut_out")
            if found is None:
                raise Gone(f"there is no user {user_id}", code="no_user")
            if forget_password:
                self._not_oneself(conn, user_id, actor, "your own password is changed with the old one")
                users.set_password(conn, now, user_id, None, actor)
            token = sessions.make_link(conn, self._ctx.ids, now, user_id, actor=actor)
        return {"id": user_id, "path": f"/login?token={token}", "expires_at": now + sessions.LINK_LIFE}

    def _not_oneself(self, conn: Connection, user_id: str, actor: str, words: str) -> None:
        found = users.get(conn, user_id)
        if found is not None and f"user:{found['name']}" == actor:
            raise StaleWrite(words, hint="Let another administrator do it, or use your own page.", code="own_account")

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
