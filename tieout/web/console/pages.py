"""Rendering: which language, which person, which time zone; and the page an error becomes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse

from tieout.core.errors import TieoutError
from tieout.reports import beginning
from tieout.store.session import reading
from tieout.web import evidence, i18n
from tieout.web.auth import Principal, service_of, session_of
from tieout.web.console.wanted import Wanted, wanted_of

_ROOM = Path(__file__).parent.parent
_API = ("/v1/", "/webhooks/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/static/")
YEAR = 365 * 86400
LONGEST_PLACE = 600


class LoginNeeded(TieoutError):
    """Nobody is signed in; the browser is sent to the login page."""

    code = "login_needed"


def person_of(request: Request) -> Principal:
    """The person of the session; raises LoginNeeded."""
    person = session_of(request)
    if person is None:
        raise LoginNeeded("nobody is signed in")
    return person


Person = Annotated[Principal, Depends(person_of)]


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates; every name ends in .html, so that every value is escaped."""
    made = Environment(
        loader=FileSystemLoader(_ROOM / "templates"),
        autoescape=select_autoescape(["html"], default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["cell"] = evidence.text
    made.globals["brief"] = evidence.brief
    made.globals["facts"] = evidence.facts
    made.globals["strength"] = evidence.strength
    made.globals["likelihood"] = evidence.likelihood
    made.globals["received"] = evidence.received
    return made


@lru_cache(maxsize=1)
def style_version() -> str:
    """A mark of the style sheet, so that browsers keep it until it changes."""
    return hashlib.sha256((_ROOM / "static" / "console.css").read_bytes()).hexdigest()[:12]


def speaker(request: Request, person: Principal | None) -> i18n.Speaker:
    """The language of this request and the time zone of the first company."""
    ctx = service_of(request).ctx
    catalogue: i18n.Catalogue = request.app.state.catalogue
    language = catalogue.choose(
        request.query_params.get("lang"),
        request.cookies.get(i18n.COOKIE),
        "" if person is None else person.language,
        request.headers.get("accept-language", ""),
    )
    timezone = next((company.timezone for company in ctx.config.companies.values()), "UTC")
    return i18n.Speaker(language, timezone, ctx.clock.now())


def render(request: Request, template: str, person: Principal | None, *, status: int = 200, **values: Any) -> Response:
    """A page; `?lang=` is remembered in a cookie."""
    t = speaker(request, person)
    other = next(language for language in i18n.LANGUAGES if language != t.language)
    query = request.query_params.multi_items() if request.method == "GET" else []
    kept = [(key, value) for key, value in query if key not in ("lang", "token")]
    begin = _next_step(request) if person is not None else None
    html = (
        environment()
        .get_template(template)
        .render(
            t=t,
            person=person,
            csrf="" if person is None else person.csrf,
            signed="" if person is None else _signed(request, person),
            path=request.url.path,
            other_language=other,
            switch=str(
                request.url.replace(scheme="", netloc="", query="").include_query_params(**dict(kept), lang=other)
            ),
            style=style_version(),
            sandbox=service_of(request).ctx.config.sandbox,
            begin=begin,
            **values,
        )
    )
    response = HTMLResponse(html, status_code=status, headers={"Content-Language": t.language})
    asked = i18n.known(request.query_params.get("lang"))
    if asked:
        response.set_cookie(
            i18n.COOKIE, asked, max_age=YEAR, httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )
    return response


def _signed(request: Request, person: Principal) -> Markup:
    """What every form carries: the session's token, a key under which it makes a thing once, and where it stands."""
    place = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    given = {
        "csrf": person.csrf,
        "once": service_of(request).ctx.ids.token(12),
        "page": place if request.method == "GET" and len(place) <= LONGEST_PLACE else "",
    }
    row = Markup('<input type="hidden" name="{}" value="{}">')
    return Markup("").join(row.format(name, value) for name, value in given.items())


def _next_step(request: Request) -> Mapping[str, Any] | None:
    """What is to be done before the figures can be trusted; not asked again once all was read."""
    if getattr(request.app.state, "has_begun", False):
        return None
    ctx = service_of(request).ctx
    with reading(ctx.engine) as conn:
        step = beginning.next_step(conn, ctx.config)
    request.app.state.has_begun = step is None
    return step


def see(path: str) -> Response:
    """After a form: show that page (303), so that reloading does not send the form again."""
    return RedirectResponse(path, status_code=303)


def login_form(
    request: Request, wanted: Wanted, *, status: int = 200, token: str = "", failed: str = "", name: str = ""
) -> Response:
    """The page to sign in on; it hands on where the person wanted to go."""
    return render(request, "login.html", None, status=status, token=token, failed=failed, name=name, wanted=wanted)


def error_page(request: Request, status: int, code: str, detail: str, hint: str) -> Response | None:
    """The page of an error for a browser on a console address; None for machines, who get the problem document."""
    path = request.url.path
    if path.startswith(_API) or "text/html" not in request.headers.get("accept", ""):
        return None
    return render(request, "error.html", None, status=status, number=str(status), code=code, detail=detail, hint=hint)


def install(app: FastAPI) -> None:
    """Let errors on console addresses become pages, and send strangers to the login page."""

    def to_login(request: Request, error: Exception) -> Response:
        wanted = wanted_of(request)
        if request.method not in ("GET", "HEAD"):
            return login_form(request, wanted, status=401, failed="login.ended_kept" if wanted.kept else "login.ended")
        return see(f"/login?{urlencode({'next': wanted.next})}" if wanted.next else "/login")

    app.add_exception_handler(LoginNeeded, to_login)
    app.state.error_page = error_page
