"""People: names, roles and argon2 password hashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from threading import BoundedSemaphore
from typing import Literal as L
from typing import get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from tieout.core.errors import Denied, Gone, StaleWrite
from tieout.core.ids import Ids
from tieout.store import audit
from tieout.store.session import lock_rows
from tieout.store.tables import login_links, sessions, users

Role = L["viewer", "operator", "approver", "admin", "auditor"]
ROLES: tuple[str, ...] = get_args(Role)
MIN_PASSWORD = 12

_hasher = PasswordHasher()
# argon2 takes 64 MB a go: two at once at most, whatever is asked of the login page.
_room = BoundedSemaphore(2)
# The hash of nobody's password, so that an unknown name takes as long as a wrong password.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$8qFsE8j2nrxV4DMoP4GAIRtBKs/wlnTq3DkWVeGWnd8"


def check_role(role: str) -> None:
    """Raise Denied for a role that does not exist."""
    if role not in ROLES:
        raise Denied(f"there is no role {role!r}", hint=f"Roles: {', '.join(ROLES)}.", code="no_role")


def create(
    conn: Connection,
    ids: Ids,
    at: datetime,
    *,
    name: str,
    role: str,
    actor: str,
    password: str | None = None,
    language: str = "",
) -> str:
    """Add a person and give the id; a name that is taken or a short password raises Denied."""
    check_role(role)
    if by_name(conn, name) is not None:
        raise Denied(
            f"the name {name!r} is taken", hint="Somebody who was shut out is let in again instead.", code="name_taken"
        )
    user_id = ids.new("usr")
    hashed = None if password is None else hash_password(password)
    conn.execute(
        insert(users).values(
            id=user_id,
            name=name,
            password_hash=hashed,
            role=role,
            language=language,
            is_active=True,
            created_at=at,
        )
    )
    audit.append(conn, at, actor, "user.create", user_id, {"name": name, "role": role})
    return user_id


def hash_password(password: str) -> str:
    """The argon2id hash of a password of at least 12 characters."""
    if len(password) < MIN_PASSWORD:
        raise Denied(f"a password needs at least {MIN_PASSWORD} characters", code="short_password")
    with _room:
        return _hasher.hash(password)


def set_password(conn: Connection, at: datetime, user_id: str, hashed: str | None, actor: str) -> None:
    """Replace a password's hash (None: a link is the only way in); every session and open link of the person ends."""
    _change(conn, user_id, password_hash=hashed)
    audit.append(conn, at, actor, "user.password", user_id, {} if hashed else {"forget_password": True})


def set_role(conn: Connection, at: datetime, user_id: str, role: str, actor: str) -> None:
    """Give a person another role; their sessions end. The last administrator stays one (StaleWrite)."""
    check_role(role)
    before = _found(conn, user_id)["role"]
    if role != "admin":
        _keep_an_admin(conn, user_id)
    _change(conn, user_id, role=role)
    audit.append(conn, at, actor, "user.role", user_id, {"before": before, "role": role})


def deactivate(conn: Connection, at: datetime, user_id: str, actor: str) -> None:
    """Shut a person out: no login, no session; what they did keeps their name. Not the last administrator."""
    _found(conn, user_id)
    _keep_an_admin(conn, user_id)
    _change(conn, user_id, is_active=False)
    audit.append(conn, at, actor, "user.deactivate", user_id)


def activate(conn: Connection, at: datetime, user_id: str, actor: str) -> None:
    """Let a person in again, with the role and the password they had."""
    _change(conn, user_id, is_active=True)
    audit.append(conn, at, actor, "user.activate", user_id)


def _found(conn: Connection, user_id: str) -> RowMapping:
    found = get(conn, user_id)
    if found is None:
        raise Gone(f"there is no user {user_id}", code="no_user")
    return found


def _change(conn: Connection, user_id: str, **values: object) -> None:
    """Change a person and end what they opened before: sessions, and links that were not used yet."""
    _found(conn, user_id)
    conn.execute(update(users).where(users.c.id == user_id).values(**values))
    conn.execute(delete(sessions).where(sessions.c.user_id == user_id))
    conn.execute(delete(login_links).where(login_links.c.user_id == user_id))


def _keep_an_admin(conn: Connection, user_id: str) -> None:
    """Refuse what would leave nobody who may administer; two who demote each other stand in line for the rows."""
    query = select(users.c.id).where(users.c.role == "admin", users.c.is_active.is_(True)).order_by(users.c.id)
    if lock_rows(conn):
        query = query.with_for_update()
    if list(conn.execute(query).scalars()) == [user_id]:
        raise StaleWrite("this is the last administrator", hint="Make another person one first.", code="last_admin")


def by_name(conn: Connection, name: str) -> RowMapping | None:
    """One person by name, or None."""
    return conn.execute(select(users).where(users.c.name == name)).mappings().one_or_none()


def get(conn: Connection, user_id: str) -> RowMapping | None:
    """One person by id, or None."""
    return conn.execute(select(users).where(users.c.id == user_id)).mappings().one_or_none()


def names(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Names of people by id; others are left out."""
    wanted = sorted({one for one in ids if one.startswith("usr_")})
    return {row.id: row.name for row in conn.execute(select(users.c.id, users.c.name).where(users.c.id.in_(wanted)))}


def count(conn: Connection) -> int:
    """How many people there are."""
    return int(conn.execute(select(func.count()).select_from(users)).scalar_one())


def listed(conn: Connection) -> Sequence[RowMapping]:
    """Every person without the password hash, by name; those shut out last."""
    columns = [column for column in users.c if column.name != "password_hash"]
    has_password = users.c.password_hash.is_not(None).label("has_password")
    query = select(*columns, has_password).order_by(users.c.is_active.desc(), users.c.name)
    return conn.execute(query).mappings().all()


def password_fits(found: RowMapping | None, password: str) -> bool:
    """Whether a password is this person's; takes as long for an unknown name. Call it outside a write unit."""
    stored = None if found is None or not found["is_active"] else found["password_hash"]
    with _room:
        try:
            fits = _hasher.verify(stored or _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return False
    return bool(fits) and stored is not None
