"""Console sessions and one-time login links: only digests of their secrets are stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from tieout.core.crypto import sha256_hex
from tieout.core.ids import Ids
from tieout.store import audit
from tieout.store.tables import login_links, sessions, users

LINK_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session just opened: the cookie's value (shown once) and the CSRF token of its forms."""

    token: str
    csrf: str
    expires_at: datetime


def make_link(
    conn: Connection, ids: Ids, at: datetime, user_id: str, *, actor: str, life: timedelta = LINK_LIFE
) -> str:
    """A one-time login token for `/login?token=…`; only its digest is kept, old links are cleared away."""
    token = ids.token(32)
    conn.execute(delete(login_links).where(login_links.c.expires_at < at - timedelta(days=1)))
    conn.execute(
        insert(login_links).values(token_hash=sha256_hex(token), user_id=user_id, expires_at=at + life, used_at=None)
    )
    audit.append(conn, at, actor, "login.link", user_id)
    return token


def consume_link(conn: Connection, at: datetime, token: str) -> str | None:
    """The user a login link belongs to, once; None when it is unknown, used or too old."""
    digest = sha256_hex(token)
    used = conn.execute(
        update(login_links)
        .where(login_links.c.token_hash == digest, login_links.c.used_at.is_(None), login_links.c.expires_at > at)
        .values(used_at=at)
    )
    if used.rowcount != 1:
        return None
    return conn.execute(
        select(users.c.id)
        .join(login_links, login_links.c.user_id == users.c.id)
        .where(login_links.c.token_hash == digest, users.c.is_active.is_(True))
    ).scalar_one_or_none()


def open_session(conn: Connection, ids: Ids, at: datetime, user_id: str, *, actor: str, how: str) -> OpenedSession:
    """Start a session of a person; `how` (link, password) goes to the audit trail."""
    opened = OpenedSession(ids.token(32), ids.token(32), at + SESSION_LIFE)
    conn.execute(delete(sessions).where(sessions.c.expires_at < at))
    conn.execute(
        insert(sessions).values(
            token_hash=sha256_hex(opened.token),
            user_id=user_id,
            csrf=opened.csrf,
            created_at=at,
            expires_at=opened.expires_at,
        )
    )
    audit.append(conn, at, actor, "login", user_id, {"how": how})
    return opened


def note_failure(
    conn: Connection, at: datetime, user_id: str | None, *, how: str, client: str, not_listed: int = 0
) -> None:
    """A line of audit for a sign-in that failed, never with what was typed: a password may stand in the wrong field.

    `not_listed` failures came before it without a line of their own.
    """
    told = {"how": how, "client": client} | ({"not_listed": not_listed} if not_listed else {})
    audit.append(conn, at, "nobody", "login.fail", user_id or "unknown", told)


def find(conn: Connection, at: datetime, token: str) -> RowMapping | None:
    """The person and CSRF token of a living session, or None."""
    query = (
        select(sessions.c.csrf, sessions.c.expires_at, users)
        .join(users, users.c.id == sessions.c.user_id)
        .where(sessions.c.token_hash == sha256_hex(token), sessions.c.expires_at > at, users.c.is_active.is_(True))
    )
    return conn.execute(query).mappings().one_or_none()


def close(conn: Connection, at: datetime, token: str, *, actor: str) -> None:
    """End a session."""
    digest = sha256_hex(token)
    user_id = conn.execute(select(sessions.c.user_id).where(sessions.c.token_hash == digest)).scalar_one_or_none()
    if user_id is not None:
        conn.execute(delete(sessions).where(sessions.c.token_hash == digest))
        audit.append(conn, at, actor, "logout", user_id)
