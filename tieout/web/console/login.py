"""Signing in: a one-time link (GET shows a button, POST uses it up) or name and password; signing out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from tieout.store import sessions, users
from tieout.store.session import reading, unit
from tieout.web.auth import COOKIE, Principal, check_form, client_of, service_of, session_of
from tieout.web.console.pages import Person, login_form, render, see
from tieout.web.console.wanted import Wanted, local
from tieout.web.limits import Attempts, Listing
from tieout.web.problems import Refused

router = APIRouter()
Field = Annotated[str, Form()]


@router.get("/login")
def login_page(request: Request, token: str = "", next: str = "") -> Response:
    """The login page. A link's token only fills a form: previews of links must not use it up."""
    wanted = Wanted(local(next))
    if not token and session_of(request) is not None:
        return see(wanted.next or "/")
    return login_form(request, wanted, token=token[:200])


@router.post("/login/link")
def login_by_link(request: Request, token: Annotated[str, Form()] = "") -> Response:
    """Use up a one-time link."""
    _same_site(request)
    client = client_of(request)
    attempts: Attempts = request.app.state.login_attempts
    wait_for(attempts.wait(client))
    ctx = service_of(request).ctx
    now = ctx.clock.now()
    opened = None
    with unit(ctx.engine, "admin.commit") as conn:
        user_id = sessions.consume_link(conn, now, token[:200])
        person = None if user_id is None else users.get(conn, user_id)
        if person is not None:
            actor = f"user:{person['name']}"
            opened = sessions.open_session(conn, ctx.ids, now, person["id"], actor=actor, how="link")
    if opened is None:
        attempts.count(client)
        note_failure(request, None, "link")
        return login_form(request, Wanted(), status=403, failed="login.bad_link")
    return give_cookie(request, see("/"), opened)


@router.post("/login")
def login_by_password(
    request: Request, name: Field = "", password: Field = "", next: Field = "", to: Field = "", kept: Field = ""
) -> Response:
    """Name and password; five failures of a name from one address, or twenty from it, make it wait."""
    _same_site(request)
    name, wanted = name.strip()[:128], Wanted(local(next), local(to), kept)
    client = client_of(request)
    everyone: Attempts = request.app.state.login_attempts
    this_name: Attempts = request.app.state.password_attempts
    key = f"{client}|{name}"
    wait_for(max(everyone.wait(client), this_name.wait(key)))
    ctx = service_of(request).ctx
    found = None
    if name.isprintable():
        with reading(ctx.engine) as conn:
            found = users.by_name(conn, name)
    if not users.password_fits(found, password[:1000]) or found is None:
        everyone.count(client)
        this_name.count(key)
        note_failure(request, None if found is None else found["id"], "password")
        return login_form(request, wanted, status=403, failed="login.failed", name=name)
    this_name.clear(key)
    with unit(ctx.engine, "admin.commit") as conn:
        opened = sessions.open_session(
            conn, ctx.ids, ctx.clock.now(), found["id"], actor=f"user:{found['name']}", how="password"
        )
    if wanted.to and wanted.kept:
        return give_cookie(request, _resume(request, found, opened.csrf, wanted), opened)
    return give_cookie(request, see(wanted.next or "/"), opened)


@router.post("/logout")
def logout(request: Request, person: Person, csrf: Annotated[str, Form()] = "") -> Response:
    """End the session."""
    check_form(request, person, csrf)
    ctx = service_of(request).ctx
    with unit(ctx.engine, "admin.commit") as conn:
        sessions.close(conn, ctx.clock.now(), request.cookies.get(COOKIE, ""), actor=person.actor)
    response = see("/login")
    response.delete_cookie(COOKIE, path="/")
    return response


def _resume(request: Request, found: Mapping[Any, Any], csrf: str, wanted: Wanted) -> Response:
    """What was written into a form that came too late: to be sent once more by its own button, or let be."""
    person = Principal(f"user:{found['name']}", found["name"], found["role"], found["language"], csrf)
    return render(request, "resume.html", person, wanted=wanted, fields=wanted.fields())


def give_cookie(request: Request, response: Response, opened: sessions.OpenedSession) -> Response:
    """The answer with the cookie of a session just opened."""
    response.set_cookie(
        COOKIE,
        opened.token,
        max_age=int(sessions.SESSION_LIFE.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def note_failure(request: Request, user_id: str | None, how: str) -> None:
    """The failure's line in the audit trail, unless too many were listed lately."""
    listing: Listing = request.app.state.failed_logins
    client = client_of(request)
    before = listing.next(f"{client}|{user_id}")
    if before is not None:
        ctx = service_of(request).ctx
        with unit(ctx.engine, "admin.commit") as conn:
            sessions.note_failure(conn, ctx.clock.now(), user_id, how=how, client=client, not_listed=before)


def wait_for(seconds: int) -> None:
    """Refuse (429) who tried too often lately."""
    if seconds:
        headers = {"Retry-After": str(seconds)}
        raise Refused(429, "too_many_logins", "too many attempts", hint=f"Wait {seconds} seconds.", headers=headers)


def _same_site(request: Request) -> None:
    if request.headers.get("sec-fetch-site", "same-origin") == "cross-site":
        raise Refused(403, "cross_site", "this form was sent from another site")
