"""Who may do what: people, API keys and the audit trail, for those whose role may see them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from tieout.store import apikeys, audit, users
from tieout.store.session import unit
from tieout.web.auth import Principal, check_form
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Ctx, Reads
from tieout.web.problems import Refused

router = APIRouter()
PAGE = 100


@router.get("/people")
def list_people(request: Request, person: Person, conn: Reads, ctx: Ctx) -> Response:
    """People and keys; digests and hashes are never read."""
    _must(person, "audit")
    return _people(request, person, conn, ctx)


@router.post("/people")
def add_person(
    request: Request,
    person: Person,
    ctx: Ctx,
    name: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Add a person with a first password."""
    _change(request, person, csrf)
    with unit(ctx.engine, "admin.commit") as conn:
        users.create(
            conn, ctx.ids, ctx.clock.now(), name=_name(name), role=role, actor=person.actor, password=password[:1000]
        )
    return see("/people")


@router.post("/people/{user_id}/deactivate")
def deactivate(request: Request, user_id: str, person: Person, ctx: Ctx, csrf: Annotated[str, Form()] = "") -> Response:
    """Shut a person out; nobody shuts out themselves."""
    _change(request, person, csrf)
    with unit(ctx.engine, "admin.commit") as conn:
        found = users.get(conn, user_id)
        if found is not None and f"user:{found['name']}" == person.actor:
            raise Refused(409, "own_account", "you cannot shut yourself out", hint="Let another administrator do it.")
        users.deactivate(conn, ctx.clock.now(), user_id, person.actor)
    return see("/people")


@router.post("/keys")
def make_key(
    request: Request,
    person: Person,
    ctx: Ctx,
    name: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Make an API key and show it this once."""
    _change(request, person, csrf)
    with unit(ctx.engine, "admin.commit") as conn:
        made = apikeys.create(conn, ctx.ids, ctx.clock.now(), name=_name(name), role=role, actor=person.actor)
    return render(request, "key.html", person, token=made.token, name=_name(name))


@router.post("/keys/{key_id}/revoke")
def revoke_key(request: Request, key_id: str, person: Person, ctx: Ctx, csrf: Annotated[str, Form()] = "") -> Response:
    """Make a key useless at once."""
    _change(request, person, csrf)
    with unit(ctx.engine, "admin.commit") as conn:
        apikeys.revoke(conn, ctx.clock.now(), key_id, person.actor)
    return see("/people")


@router.get("/audit")
def list_audit(
    request: Request, person: Person, conn: Reads, cursor: Annotated[str | None, Query(max_length=600)] = None
) -> Response:
    """The audit trail, newest first."""
    _must(person, "audit")
    found = audit.page(conn, PAGE, cursor)
    return render(request, "audit.html", person, rows=found.rows, next=found.next)


def _people(request: Request, person: Principal, conn: Reads, ctx: Ctx) -> Response:
    return render(
        request,
        "people.html",
        person,
        users=users.listed(conn),
        keys=apikeys.listed(conn),
        roles=users.ROLES,
        now=ctx.clock.now(),
    )


def _must(person: Principal, right: str) -> None:
    if not person.may(right):
        raise Refused(403, "denied", f"the role {person.role} may not see this")


def _change(request: Request, person: Principal, csrf: str) -> None:
    check_form(request, person, csrf)
    _must(person, "admin")


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > 128 or not name.isprintable():
        raise Refused(422, "invalid", "the name is empty or cannot be stored")
    return name
