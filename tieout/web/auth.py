"""Who is asking and what they may do: API keys and console sessions, five roles, one table of rights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.exc import OperationalError

from tieout.core.crypto import same
from tieout.store import apikeys, sessions
from tieout.store.session import reading, unit
from tieout.web.limits import Attempts
from tieout.web.ports import Service
from tieout.web.problems import Refused

COOKIE = "tieout_session"

# viewer < operator < approver < admin; an auditor reads everything, the audit trail included, and writes nothing.
_RIGHTS = {
    "viewer": {"read"},
    "operator": {"read", "operate"},
    "approver": {"read", "operate", "approve"},
    "admin": {"read", "operate", "approve", "admin", "audit"},
    "auditor": {"read", "audit"},
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or key that was recognised. `csrf` is set for console sessions only."""

    actor: str
    name: str
    role: str
    language: str = ""
    csrf: str = ""

    def may(self, right: str) -> bool:
        return right in _RIGHTS.get(self.role, set())


def service_of(request: Request) -> Service:
    """The service this application was built around."""
    found: Service = request.app.state.service
    return found


_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key: `tok_…`.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="key", description="An API key: `tok_…`.")


def client_of(request: Request) -> str:
    """The address that asks, as the server saw it; what attempts are counted by."""
    return request.client.host if request.client is not None else "unknown"


def session_of(request: Request) -> Principal | None:
    """The person of the console cookie, or None."""
    token = request.cookies.get(COOKIE, "")
    if not token or len(token) > 200:
        return None
    ctx = service_of(request).ctx
    with reading(ctx.engine) as conn:
        found = sessions.find(conn, ctx.clock.now(), token)
    if found is None:
        return None
    return Principal(f"user:{found['name']}", found["name"], found["role"], found["language"], found["csrf"])


def _by_key(request: Request, token: str) -> Principal:
    ctx = service_of(request).ctx
    now = ctx.clock.now()
    with reading(ctx.engine) as conn:
        found = apikeys.find(conn, now, token)
    if found is None:
        attempts: Attempts = request.app.state.key_attempts
        client = client_of(request)
        wait = attempts.wait(client)
        attempts.count(client)
        if wait:
            headers = {"Retry-After": str(wait)}
            raise Refused(429, "too_many_keys", "too many wrong API keys", headers=headers)
        raise Refused(401, "bad_key", "this API key is not valid", headers={"WWW-Authenticate": "Bearer"})
    last = found["last_used_at"]
    if last is None or now - last > apikeys.TOUCH_EVERY:
        try:
            with unit(ctx.engine, "admin.commit") as conn:
                apikeys.touch(conn, now, found["id"])
        except OperationalError:
            pass  # a busy database must not refuse a valid key over a time stamp
    return Principal(f"key:{found['id']}", found["name"], found["role"])


def principal_of(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
    header: Annotated[str | None, Security(_header)] = None,
) -> Principal:
    """The caller of an API route; a console session counts for reading only (no CSRF token is asked there)."""
    if bearer is not None:
        return _by_key(request, bearer.credentials)
    if header is not None:
        return _by_key(request, header)
    if request.method in ("GET", "HEAD"):
        person = session_of(request)
        if person is not None:
            return person
    raise Refused(
        401,
        "no_key",
        "an API key is needed",
        hint="Send it as `Authorization: Bearer tok_…` or `X-API-Key`.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _need(right: str) -> Callable[..., Principal]:
    def check(caller: Annotated[Principal, Depends(principal_of)]) -> Principal:
        if not caller.may(right):
            raise Refused(403, "denied", f"the role {caller.role} may not do this")
        return caller

    check.__name__ = f"need_{right}"
    return check


need_read = _need("read")
need_operate = _need("operate")
need_approve = _need("approve")
need_audit = _need("audit")
need_admin = _need("admin")

Reader = Annotated[Principal, Depends(need_read)]
Operator = Annotated[Principal, Depends(need_operate)]
Approver = Annotated[Principal, Depends(need_approve)]
Auditor = Annotated[Principal, Depends(need_audit)]
Admin = Annotated[Principal, Depends(need_admin)]


def check_form(request: Request, person: Principal, token: str) -> None:
    """Refuse a console form without its CSRF token or sent from another site."""
    if request.headers.get("sec-fetch-site", "same-origin") == "cross-site":
        raise Refused(403, "cross_site", "this form was sent from another site")
    if not same(token, person.csrf):
        raise Refused(403, "bad_csrf", "this form is too old", hint="Go back, load the page again and repeat.")
