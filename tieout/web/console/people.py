"""Who may do what: people, API keys and the audit trail, for those whose role may see them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from tieout.store import audit, users
from tieout.store.queries.names import called
from tieout.web import trail
from tieout.web.auth import Principal
from tieout.web.console.account import new_password
from tieout.web.console.forms import Keyed, MayAdmin, Text
from tieout.web.console.pages import Person, render, see, speaker
from tieout.web.deps import Reads, Uses
from tieout.web.problems import Refused

router = APIRouter()
PAGE = 100


@router.get("/people")
def list_people(request: Request, person: Person, service: Uses) -> Response:
    """People and keys; digests and hashes are never read."""
    _must(person, "audit")
    return render(
        request,
        "people.html",
        person,
        users=service.people.listed(),
        keys=service.people.listed_keys(),
        roles=users.ROLES,
        now=service.ctx.clock.now(),
    )


@router.post("/people")
def add_person(
    person: MayAdmin, service: Uses, once: Keyed, name: Text = "", role: Text = "", password: Text = ""
) -> Response:
    """Add a person with a first password."""
    service.people.add(_name(name), new_password(password), role, person.actor, once)
    return see("/people")


@router.get("/people/{user_id}")
def show_person(request: Request, user_id: str, person: Person, service: Uses) -> Response:
    """One person, and what an administrator may change about them."""
    _must(person, "audit")
    return render(request, "person.html", person, one=service.people.one(user_id), roles=users.ROLES)


@router.post("/people/{user_id}/deactivate")
def deactivate(user_id: str, person: MayAdmin, service: Uses) -> Response:
    """Shut a person out; nobody shuts out themselves, and nobody the last administrator."""
    service.people.deactivate(user_id, person.actor)
    return see("/people")


@router.post("/people/{user_id}/activate")
def activate(user_id: str, person: MayAdmin, service: Uses) -> Response:
    """Let a person in again."""
    service.people.activate(user_id, person.actor)
    return see(f"/people/{user_id}")


@router.post("/people/{user_id}/role")
def change_role(user_id: str, person: MayAdmin, service: Uses, role: Text = "") -> Response:
    """Give a person another role; their sessions end."""
    service.people.set_role(user_id, role, person.actor)
    return see("/people")


@router.post("/people/{user_id}/password")
def set_password(user_id: str, person: MayAdmin, service: Uses, password: Text = "") -> Response:
    """Give a person a new password; their sessions end."""
    service.people.set_password(user_id, new_password(password), person.actor)
    return see("/people")


@router.post("/people/{user_id}/link")
def make_link(request: Request, user_id: str, person: MayAdmin, service: Uses, forget: Text = "") -> Response:
    """Make a one-time way in and show it this once."""
    made = service.people.link(user_id, person.actor, forget_password=bool(forget))
    base = service.ctx.config.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    one = service.people.one(user_id)
    return render(request, "link.html", person, one=one, link=f"{base}{made['path']}", expires_at=made["expires_at"])


@router.post("/keys")
def make_key(
    request: Request, person: MayAdmin, service: Uses, once: Keyed, name: Text = "", role: Text = ""
) -> Response:
    """Make an API key and show it this once."""
    made = service.people.make_key(_name(name), role, person.actor, once=once)
    return render(request, "key.html", person, token=made["token"], name=made["name"])


@router.post("/keys/{key_id}/revoke")
def revoke_key(key_id: str, person: MayAdmin, service: Uses) -> Response:
    """Make a key useless at once."""
    service.people.revoke_key(key_id, person.actor)
    return see("/people")


@router.get("/audit")
def list_audit(
    request: Request, person: Person, conn: Reads, cursor: Annotated[str | None, Query(max_length=600)] = None
) -> Response:
    """The audit trail, newest first."""
    _must(person, "audit")
    found = audit.page(conn, PAGE, cursor)
    t = speaker(request, person)
    lines = [dict(row) for row in found.rows]
    ids = trail.ids_of(lines)
    names = {**called(conn, ids), **users.names(conn, ids)}
    rows = [(row, trail.told(t, row, names)) for row in lines]
    return render(request, "audit.html", person, rows=rows, next=found.next)


def _must(person: Principal, right: str) -> None:
    if not person.may(right):
        raise Refused(403, "denied", f"the role {person.role} may not see this")


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > 128 or not name.isprintable():
        raise Refused(422, "invalid", "the name is empty or cannot be stored")
    return name
