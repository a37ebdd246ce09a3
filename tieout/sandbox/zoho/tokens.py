"""The accounts server: refresh and code grants, mint limit, live tokens, revocation.

Zoho docs v8 token-validity, refresh-token, and Kaizen 43. Errors come with HTTP 200, as in life.
"""

from __future__ import annotations

import hashlib

from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.http import Request, Response, json_response
from tieout.sandbox.state import Doc, SandboxStore
from tieout.sandbox.zoho.problems import ZohoProblem
from tieout.sandbox.zoho.settings import ZohoSettings

MINT_WINDOW_SECONDS = 600


class Accounts:
    """Mints, checks and kills tokens; live ones and the mint times are kept in the store."""

    def __init__(self, store: SandboxStore, clock: SandboxClock, settings: ZohoSettings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._live = store.collection("zoho", "_tokens")
        self._meta = store.collection("zoho", "_accounts")

    def handle(self, req: Request, api_domain: str) -> Response:
        if req.method != "POST":
            raise ZohoProblem(400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one")
        given = {**dict(req.query), **req.form()}
        if req.path == "/oauth/v2/token/revoke":
            return self._revoke(given.get("token", ""))
        return self._token(given, api_domain)

    def check(self, header: str | None) -> Doc:
        """The live token behind an Authorization header; raises the 401 of a missing, unknown or expired one."""
        scheme, _, token = (header or "").partition(" ")
        if not token or scheme.lower() != "zoho-oauthtoken":
            raise ZohoProblem(401, "AUTHENTICATION_FAILURE", "Authentication failed")
        doc = self._live.get(token.strip())
        if doc is None or doc["expires"] <= self._clock.now().timestamp():
            raise ZohoProblem(401, "INVALID_TOKEN", "invalid oauth token")
        return doc

    def expire_all(self) -> None:
        """Kill every live access token (fault `expire_token`)."""
        for token, _ in self._live.items():
            self._live.delete(token)

    def _token(self, given: dict[str, str], api_domain: str) -> Response:
        settings = self._settings
        client = (given.get("client_id"), given.get("client_secret"))
        if client != (settings.client_id, settings.client_secret):
            return json_response({"error": "invalid_client"})
        grant = given.get("grant_type")
        if grant == "refresh_token":
            refresh = given.get("refresh_token", "")
            if refresh != settings.refresh_token or self._revoked(refresh):
                return json_response({"error": "invalid_code"})
        elif grant == "authorization_code":
            code = given.get("code", "")
            used = self._meta.get("used_codes") or {"codes": []}
            if code not in settings.grant_codes or code in used["codes"]:
                return json_response({"error": "invalid_code"})
            self._meta.put("used_codes", {"codes": [*used["codes"], code]})
        else:
            return json_response({"error": "unsupported_grant_type"})
        now = self._clock.now().timestamp()
        mints = [at for at in (self._meta.get("mints") or {"at": []})["at"] if at > int(now) - MINT_WINDOW_SECONDS]
        if len(mints) >= settings.mint_limit:
            return json_response(
                {
                    "error": "Access Denied",
                    "error_description": "You have made too many requests continuously. "
                    "Please try again after some time.",
                    "status": "failure",
                }
            )
        self._meta.put("mints", {"at": [*mints, int(now)]})
        answer = {
            "access_token": self._mint(int(now)),
            "scope": " ".join(settings.scopes),
            "api_domain": api_domain,
            "token_type": "Bearer",
            "expires_in": settings.token_ttl_seconds,
        }
        if grant == "authorization_code":
            answer["refresh_token"] = settings.refresh_token
        return json_response(answer)

    def _mint(self, now: int) -> str:
        number = self._store.next_number("zoho", "token", 1)
        digest = hashlib.blake2b(f"{self._settings.client_secret}:{number}".encode(), digest_size=32).hexdigest()
        token = f"1000.{digest[:32]}.{digest[32:]}"
        for old, doc in self._live.items():
            if doc["expires"] <= now:
                self._live.delete(old)
        live = sorted(self._live.items(), key=lambda item: int(item[1]["no"]))
        for old, _ in live[: max(0, len(live) - self._settings.live_tokens + 1)]:
            self._live.delete(old)
        self._live.put(token, {"no": number, "expires": now + self._settings.token_ttl_seconds})
        return token

    def _revoke(self, token: str) -> Response:
        if token == self._settings.refresh_token:
            self._meta.put("revoked", {"token": token})
            self.expire_all()
            return json_response({"status": "success"})
        if self._live.delete(token):
            return json_response({"status": "success"})
        return json_response({"error": "invalid_code"})

    def _revoked(self, refresh: str) -> bool:
        doc = self._meta.get("revoked")
        return doc is not None and doc["token"] == refresh


def scope_allows(scopes: tuple[str, ...], group: str, entity: str, operation: str) -> bool:
    """Whether one of the scopes covers the call, e.g. group `modules`, entity `accounts`, operation `READ`."""
    operations = {operation, "ALL"} | ({"WRITE"} if operation in ("CREATE", "UPDATE") else set())
    for scope in scopes:
        parts = scope.lower().removeprefix("zohocrm.").split(".")
        if parts[0] != group or parts[-1].upper() not in operations:
            continue
        if len(parts) == 2 or parts[1] == entity.lower():
            return True
    return False
