"""Zoho tokens: the refresh grant. Success is a body with `access_token`, never the status (Zoho docs v8, Kaizen 43)."""

from __future__ import annotations

from datetime import timedelta

from connectors.http import RemoteHttp, Reply
from connectors.zoho.settings import ZohoSettings
from tieout.core.errors import AuthError, BadPayload, RateLimited
from tieout.core.ports import Env, Token

MINT_WINDOW = timedelta(minutes=10)


class ZohoAuth:
    """Mints access tokens from the refresh token of one connection."""

    def __init__(self, env: Env, http: RemoteHttp, settings: ZohoSettings) -> None:
        self._env = env
        self._http = http
        self._settings = settings

    def mint(self) -> Token:
        """A new access token; `extra["api_domain"]` is where this organisation's API lives.

        Not retried beyond one lost answer: ten tokens in ten minutes block the connection for the rest of the window.
        """
        settings = self._settings
        url = self._http.check_url(settings.auth_url) + "/oauth/v2/token"
        form = {
            "grant_type": "refresh_token",
            "refresh_token": settings.refresh_token,
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
        }
        asked_at = self._env.clock.now()
        reply = self._http.send("POST", url, safe=True, form=form, budgeted=False)
        answer = self._http.decode(reply)
        if not isinstance(answer, dict):
            raise self._http.unreadable(reply, "not a token answer")
        value = answer.get("access_token")
        if not isinstance(value, str) or not value:
            raise self._refusal(reply, str(answer.get("error", "")))
        self._http.redactor.hide(value)
        domain = str(answer.get("api_domain") or "")
        if domain:
            domain = self._http.check_url(domain)
        lifetime = answer.get("expires_in", 3600)
        if "expires_in_sec" in answer:  # legacy answers: expires_in was milliseconds
            lifetime = answer["expires_in_sec"]
        if not isinstance(lifetime, int) or isinstance(lifetime, bool) or lifetime <= 0:
            raise BadPayload(f"{reply.what}: expires_in is not a number of seconds", connection=self._env.connection)
        return Token(
            value=value,
            expires_at=asked_at + timedelta(seconds=lifetime),
            extra={"api_domain": domain, "scope": str(answer.get("scope", ""))},
        )

    def _refusal(self, reply: Reply, error: str) -> AuthError | RateLimited:
        where = self._env.connection
        if error.strip().lower() == "access denied":
            retry_at = self._env.clock.now() + MINT_WINDOW
            self._env.budget.refused(retry_at)
            return RateLimited(
                "Zoho refuses new tokens: ten in ten minutes are allowed",
                code="token_limit",
                retry_at=retry_at,
                connection=where,
            )
        shown = self._http.redactor.clean(error[:60]) or f"HTTP {reply.status}"
        return AuthError(
            f"Zoho gives no token: {shown}",
            code=error if error in {"invalid_code", "invalid_client"} else "auth",
            hint="Reconnect: refresh_token, client_id and client_secret must belong to auth_url's data centre.",
            connection=where,
        )
