"""People and API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from tieout.core.dates import DateError, parse_at
from tieout.store.users import MIN_PASSWORD
from tieout.web.schemas.base import In, Out

RoleName = Literal["viewer", "operator", "approver", "admin", "auditor"]
Called = Annotated[
    str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$")
]


def _instant(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_at(value)
    except DateError as error:
        raise ValueError(error.message) from None


Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]


class UserIn(In):
    """A person; without a password they can only come in by a link."""

    name: Called = Field(examples=["mei"])
    role: RoleName
    password: Annotated[str, Field(min_length=MIN_PASSWORD, max_length=1000)] | None = None


class PasswordIn(In):
    """A new password for a person."""

    password: Annotated[str, Field(min_length=MIN_PASSWORD, max_length=1000)]


class RoleIn(In):
    """Another role for a person."""

    role: RoleName


class LinkIn(In):
    """How a person comes in again; with `forget_password` the old password ends too."""

    forget_password: bool = False


class Link(Out):
    """A one-time way into the console: the only time it is shown."""

    id: str
    path: str = Field(examples=["/login?token=…"], description="Behind the address of the console.")
    expires_at: datetime


class User(Out):
    """A person, never the hash of the password."""

    id: str
    name: str
    role: RoleName
    language: str
    is_active: bool
    has_password: bool
    created_at: datetime


class KeyIn(In):
    """A key for a program."""

    name: Called = Field(examples=["dashboard"])
    role: RoleName
    expires_at: Instant | None = None


class MadeKey(Out):
    """A key just made: the only time its token is shown."""

    id: str
    name: str
    role: RoleName
    token: str
    expires_at: datetime | None


class Key(Out):
    """A key, never its secret."""

    id: str
    name: str
    role: RoleName
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
