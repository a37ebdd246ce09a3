"""/v1/users and /v1/keys: who may log in, which programs may ask; read by auditors, changed by administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from tieout.reports.values import pick
from tieout.store.queries.paging import page_of
from tieout.web.auth import Admin, Auditor
from tieout.web.deps import NO_QUERY, READ_ERRORS, WRITE_ERRORS, Keyed, Uses, plain, reply, reply_page
from tieout.web.schemas.base import Id, Page, PageQuery
from tieout.web.schemas.people import Key, KeyIn, Link, LinkIn, MadeKey, PasswordIn, RoleIn, User, UserIn
from tieout.web.schemas.work import Done

router = APIRouter(prefix="/v1", tags=["people and keys"])
UserId = Annotated[Id, Path(description="User id.")]
KeyId = Annotated[Id, Path(description="Key id: the key up to its second underscore.")]


@router.get("/users", response_model=Page[User], responses=READ_ERRORS)
def list_users(_: Auditor, query: Annotated[PageQuery, Query()], service: Uses) -> Response:
    """Everybody who can log in, and those who were shut out."""
    found = page_of(service.people.listed(), query.limit, query.cursor, "users", lambda row: str(row["id"]))
    return reply_page(Page[User], found, lambda row: pick(row, *User.model_fields))


@router.post("/users", response_model=Done, status_code=201, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def add_user(caller: Admin, body: UserIn, service: Uses, once: Keyed) -> Response:
    """Add a person."""
    return reply(Done, plain(service.people.add(body.name, body.password, body.role, caller.actor, once)), 201)


@router.delete("/users/{user_id}", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def deactivate_user(caller: Admin, user_id: UserId, service: Uses) -> Response:
    """Shut a person out; what they did stays theirs."""
    return reply(Done, plain(service.people.deactivate(user_id, caller.actor)))


@router.post("/users/{user_id}/activation", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def activate_user(caller: Admin, user_id: UserId, service: Uses) -> Response:
    """Let a person in again who was shut out."""
    return reply(Done, plain(service.people.activate(user_id, caller.actor)))


@router.post("/users/{user_id}/role", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def change_role(caller: Admin, user_id: UserId, body: RoleIn, service: Uses) -> Response:
    """Give a person another role; their sessions end."""
    return reply(Done, plain(service.people.set_role(user_id, body.role, caller.actor)))


@router.post("/users/{user_id}/password", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def set_password(caller: Admin, user_id: UserId, body: PasswordIn, service: Uses) -> Response:
    """Give a person a new password; their sessions end."""
    return reply(Done, plain(service.people.set_password(user_id, body.password, caller.actor)))


@router.post("/users/{user_id}/link", response_model=Link, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def make_link(caller: Admin, user_id: UserId, body: LinkIn, service: Uses) -> Response:
    """A one-time way in for a person, good for a quarter of an hour."""
    return reply(Link, service.people.link(user_id, caller.actor, forget_password=body.forget_password))


@router.get("/keys", response_model=Page[Key], responses=READ_ERRORS)
def list_keys(_: Auditor, query: Annotated[PageQuery, Query()], service: Uses) -> Response:
    """Every key with its role and last use; secrets cannot be shown again."""
    return reply(
        Page[Key], {"items": [pick(row, *Key.model_fields) for row in service.people.listed_keys()], "next": None}
    )


@router.post("/keys", response_model=MadeKey, status_code=201, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def make_key(caller: Admin, body: KeyIn, service: Uses, once: Keyed) -> Response:
    """Make a key; the answer is the only time its token is shown."""
    return reply(MadeKey, service.people.make_key(body.name, body.role, caller.actor, body.expires_at, once), 201)


@router.delete("/keys/{key_id}", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def revoke_key(caller: Admin, key_id: KeyId, service: Uses) -> Response:
    """Make a key useless at once."""
    return reply(Done, plain(service.people.revoke_key(key_id, caller.actor)))
