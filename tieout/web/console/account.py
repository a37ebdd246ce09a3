"""One's own page: who one is, and another password."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from tieout.store.users import MIN_PASSWORD
from tieout.web.auth import Principal, check_form, client_of
from tieout.web.console.forms import Text
from tieout.web.console.login import give_cookie, note_failure, wait_for
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Uses
from tieout.web.limits import Attempts
from tieout.web.problems import Refused

router = APIRouter()


def new_password(text: str) -> str:
    """A password that is long enough; refused as a form that cannot be saved otherwise."""
    if not MIN_PASSWORD <= len(text) <= 1000:
        raise Refused(422, "short_password", f"a password needs at least {MIN_PASSWORD} characters")
    return text


@router.get("/account")
def show_account(request: Request, person: Person, service: Uses, done: str = "") -> Response:
    """Who is signed in, and the form for another password."""
    return _page(request, person, service, is_done=done == "1")


@router.post("/account/password")
def change_password(
    request: Request, person: Person, service: Uses, csrf: Text = "", old: Text = "", password: Text = "",
    again: Text = "",
) -> Response:  # fmt: skip
    """Change one's own password with the old one; every other session of the person ends."""
    check_form(request, person, csrf)
    attempts: Attempts = request.app.state.password_attempts
    key = f"{client_of(request)}|{person.name}"
    wait_for(attempts.wait(key))
    if new_password(password) != again:
        return _page(request, person, service, failed="account.differ")
    opened = service.people.change_own(person.name, old[:1000], password)
    if opened is None:
        attempts.count(key)
        note_failure(request, _mine(person, service)["id"], "password")
        return _page(request, person, service, failed="account.wrong")
    attempts.clear(key)
    return give_cookie(request, see("/account?done=1"), opened)


def _page(request: Request, person: Person, service: Uses, *, failed: str = "", is_done: bool = False) -> Response:
    mine, status = _mine(person, service), 403 if failed else 200
    return render(request, "account.html", person, status=status, mine=mine, failed=failed, is_done=is_done)


def _mine(person: Principal, service: Uses) -> dict[str, Any]:
    return next(dict(row) for row in service.people.listed() if row["name"] == person.name)
