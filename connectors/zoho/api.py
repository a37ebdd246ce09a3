"""Authorised calls of the Zoho CRM REST API v8 and its error envelopes (Zoho docs v8 status-codes)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.http import RemoteHttp, Reply
from connectors.oauth import Credentials
from connectors.zoho.auth import ZohoAuth
from connectors.zoho.settings import ZohoSettings
from tieout.core import exact_json
from tieout.core.errors import AuthError, BadPayload, ConfigError, NotFound, RateLimited, Rejected, VersionMoved
from tieout.core.ports import Env, JsonValue, Token

MOVED = frozenset({"ALREADY_MODIFIED", "RECORD_MODIFIED"})


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as Zoho words it."""

    code: str = ""
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


class ZohoApi:
    """GET, POST, PUT, PATCH and DELETE under `{api_domain}/crm/v8`."""

    def __init__(self, env: Env, settings: ZohoSettings) -> None:
        self.env = env
        self.settings = settings
        self.http = RemoteHttp.of(env, settings)
        self._credentials = Credentials(env, ZohoAuth(env, self.http, settings).mint, self.http.redactor)

    def token(self) -> Token:
        return self._credentials.token()

    def close(self) -> None:
        self.http.close()

    def read(self, method: str, path: str, *, cost: int = 1, heavy: bool = False, **request: Any) -> Reply:
        """A safe call: retried, 2xx and 304 come back, everything else raises."""
        return self._checked(self._call(self.http.read, method, path, cost=cost, heavy=heavy, **request))

    def write(self, method: str, path: str, *, cost: int, heavy: bool, **request: Any) -> Reply:
        """A changing call, sent once; 2xx and 4xx with per-row results come back, the rest raises."""
        return self._call(self.http.write, method, path, cost=cost, heavy=heavy, **request)

    def _call(
        self, send: Any, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Reply:
        def once(token: Token) -> Reply:
            url = self._base(token) + "/crm/v8" + path
            auth = {"Authorization": f"Zoho-oauthtoken {token.value}", **(headers or {})}
            reply = send(method, url, headers=auth, **more)
            assert isinstance(reply, Reply)
            return reply

        return self._credentials.call(once, _stale, f"{method} {path}")

    def _base(self, token: Token) -> str:
        base = self.settings.base_url or token.extra.get("api_domain", "")
        if not base:
            raise ConfigError(
                f"connection {self.env.connection}: the token answer named no api_domain",
                hint="Set base_url to the API address of the organisation's data centre.",
            )
        return self.http.check_url(base)

    def _checked(self, reply: Reply) -> Reply:
        if reply.status < 400:
            return reply
        raise self.error(reply)

    def error(self, reply: Reply) -> Exception:
        """The error of a refused call (4xx)."""
        problem = problem_of(reply.body)
        code = problem.code or f"HTTP_{reply.status}"
        text = self.http.redactor.clean(f"{reply.what}: {code} {problem.message}".strip())[:300]
        at: dict[str, Any] = {"connection": self.env.connection, "code": code}
        if reply.status == 401:
            hint = "Reconnect with the scopes named in docs/connectors/zoho.md."
            return AuthError(text, hint=hint, **at)
        if code in MOVED or reply.status == 412:
            return VersionMoved(text, **at)
        if code in {"INVALID_MODULE", "INVALID_URL_PATTERN", "INVALID_HOST"}:
            return ConfigError(text, hint="Check base_url and that the module exists in this edition.", code=code)
        if code == "TOO_MANY_REQUESTS":
            return RateLimited(text, **at)
        if code in {"RESOURCE_NOT_FOUND"}:
            return NotFound(text, **at)
        if not problem.code:
            return BadPayload(text + " " + self.http.first_bytes(reply.body), connection=self.env.connection)
        return Rejected(text, **at)

    def object(self, reply: Reply, *, safe: bool = True) -> dict[str, JsonValue]:
        """The body as a JSON object; an empty 204 or 304 is an empty object."""
        if reply.status in {204, 304} and not reply.body:
            return {}
        value = self.http.decode(reply, safe=safe)
        if not isinstance(value, dict):
            raise self.http.unreadable(reply, "not a JSON object", safe=safe)
        return value


def problem_of(body: bytes) -> Problem:
    """Code, message and details from either envelope: a single object or one wrapped in data, fields, watch …"""
    try:
        value = exact_json.loads(body)
    except BadPayload:
        return Problem()
    if isinstance(value, dict) and "code" not in value:
        inner = next((item for item in value.values() if isinstance(item, list) and item), None)
        value = inner[0] if inner else value
    return row_problem(value)


def row_problem(value: JsonValue) -> Problem:
    """The problem of one result row; several in one row are joined (MULTIPLE_OR_MULTI_ERRORS)."""
    if not isinstance(value, dict):
        return Problem()
    details = value.get("details")
    details = details if isinstance(details, dict) else {}
    code, message = str(value.get("code") or ""), str(value.get("message") or "")
    several = details.get("errors")
    if code == "MULTIPLE_OR_MULTI_ERRORS" and isinstance(several, list) and several:
        inner = [row_problem(item) for item in several]
        message = "; ".join(f"{item.code} {item.message} {_where(item.details)}".strip() for item in inner)
    return Problem(code, message, details)


def _where(details: Mapping[str, Any]) -> str:
    return str(details.get("api_name") or details.get("json_path") or "")


def _stale(reply: Reply) -> bool:
    return reply.status == 401 and problem_of(reply.body).code in {"INVALID_TOKEN", "INVALID_OAUTHTOKEN"}
