"""API keys `tok_<id>_<secret>`: 256 bits, shown once, kept as a digest, with role, expiry and last use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, insert, select, update

from tieout.core.crypto import same, sha256_hex
from tieout.core.errors import Gone
from tieout.core.ids import Ids
from tieout.store import audit
from tieout.store.tables import api_keys
from tieout.store.users import check_role

_NO_HASH = "0" * 64
TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key just made; `token` is shown once and cannot be read again."""

    id: str
    token: str


def create(
    conn: Connection,
    ids: Ids,
    at: datetime,
    *,
    name: str,
    role: str,
    actor: str,
    expires_at: datetime | None = None,
) -> MadeKey:
    """Make a key for a role."""
    check_role(role)
    key_id = ids.new("tok")
    token = f"{key_id}_{ids.token(32)}"
    conn.execute(
        insert(api_keys).values(
            id=key_id,
            name=name,
            token_hash=sha256_hex(token),
            role=role,
            created_at=at,
            created_by=actor,
            expires_at=expires_at,
        )
    )
    audit.append(conn, at, actor, "apikey.create", key_id, {"name": name, "role": role, "expires_at": expires_at})
    return MadeKey(key_id, token)


def revoke(conn: Connection, at: datetime, key_id: str, actor: str) -> None:
    """Make a key useless from now on; revoking twice changes nothing, an unknown id raises Gone."""
    known = conn.execute(select(api_keys.c.revoked_at).where(api_keys.c.id == key_id)).one_or_none()
    if known is None:
        raise Gone(f"there is no API key {key_id}", code="no_apikey")
    if known[0] is None:
        conn.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=at))
        audit.append(conn, at, actor, "apikey.revoke", key_id)


def find(conn: Connection, at: datetime, token: str) -> RowMapping | None:
    """The living key a token belongs to, or None; the digests are compared in constant time."""
    parts = token.split("_", 2)
    fine = len(parts) == 3 and len(token) <= 200 and token.isascii() and token.isprintable()
    key_id = "_".join(parts[:2]) if fine else ""
    row = None
    if key_id:
        row = conn.execute(select(api_keys).where(api_keys.c.id == key_id)).mappings().one_or_none()
    fits = same(sha256_hex(token), row["token_hash"] if row is not None else _NO_HASH)
    if row is None or not fits or row["revoked_at"] is not None:
        return None
    if row["expires_at"] is not None and row["expires_at"] <= at:
        return None
    return row


def touch(conn: Connection, at: datetime, key_id: str) -> None:
    """Remember that a key was used."""
    conn.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=at))


def listed(conn: Connection) -> Sequence[RowMapping]:
    """Every key without its digest, oldest first."""
    columns = [column for column in api_keys.c if column.name != "token_hash"]
    return conn.execute(select(*columns).order_by(api_keys.c.created_at, api_keys.c.id)).mappings().all()
