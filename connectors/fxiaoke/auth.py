"""Fxiaoke tokens, both conventions: one token a tenant, handed out again until it is 6,600 s old.

Source: open platform, authentication pages. The endpoint takes ten calls a minute and none at the same time: the
token store's lock and mint limit see to both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from connectors.fxiaoke.codes import THROTTLED, lasting, problem_of
from connectors.fxiaoke.settings import FxiaokeSettings
from connectors.http import RemoteHttp
from tieout.core.errors import AuthError, BadPayload, ConfigError, RateLimited, Rejected
from tieout.core.ports import Env, Token

HEADER_PATH, BODY_PATH = "/oauth2.0/token", "/cgi/corpAccessToken/get/V2"
TOKEN_WINDOW = timedelta(seconds=60)
# Asked again from 6,630 s of age on: half a minute inside the window in which a new token is given (6,600 to 7,200 s).
EARLY = timedelta(seconds=570)
Trace = Callable[[], Mapping[str, str]]
LIFETIME = 7200


class FxiaokeAuth:
    """Mints access tokens from the permanent code of one enterprise."""

    def __init__(self, env: Env, http: RemoteHttp, settings: FxiaokeSettings, trace: Trace) -> None:
        self._env, self._http, self._settings, self._trace = env, http, settings, trace

    def mint(self) -> Token:
        """The enterprise's token; `extra` has `ea` (header) or `corp_id` (body) for the business calls.

        It may be an old one with little time left. Then it is still used for a minute before the endpoint is asked
        again: a refused call costs less than the endpoint's limit.
        """
        settings, by_header = self._settings, self._settings.auth_style == "header"
        base = self._http.check_url(settings.base_url)
        body = {
            "appId": settings.app_id,
            "appSecret": settings.app_secret,
            "permanentCode": settings.permanent_code,
        }
        if by_header:
            body["grantType"] = "app_secret"
        asked_at = self._env.clock.now()
        path = HEADER_PATH if by_header else BODY_PATH
        reply = self._http.send(
            "POST",
            base + path,
            safe=True,
            json=body,
            params=self._trace,
            budgeted=False,
        )
        answer = self._http.decode(reply)
        if not isinstance(answer, dict):
            raise self._http.unreadable(reply, "not a token answer")
        try:
            problem = problem_of(answer)
        except ValueError as error:
            raise self._http.unreadable(reply, str(error)) from None
        if problem is not None:
            if problem.code in THROTTLED:
                raise RateLimited(
                    f"{reply.what}: {problem}: ten tokens a minute, one call at a time",
                    code="token_limit",
                    retry_at=asked_at + TOKEN_WINDOW,
                    connection=self._env.connection,
                )
            refusal = lasting(problem, reply.what, self._http)
            if isinstance(refusal, Rejected | ConfigError):  # whatever it is called: without a token nothing goes
                raise AuthError(
                    refusal.message,
                    code=str(problem.code),
                    hint="Check app_id, app_secret and permanent_code.",
                    connection=self._env.connection,
                )
            raise refusal
        value = answer.get("accessToken" if by_header else "corpAccessToken")
        place = answer.get("ea" if by_header else "corpId")
        left = answer.get("expiresIn")
        if not isinstance(value, str) or not value or not isinstance(place, str) or not place:
            raise BadPayload(f"{reply.what}: no token in the answer", connection=self._env.connection)
        if isinstance(left, bool) or not isinstance(left, int):
            raise BadPayload(f"{reply.what}: expiresIn is not a number of seconds", connection=self._env.connection)
        self._http.redactor.hide(value)
        usable = max(timedelta(seconds=min(left, LIFETIME)), EARLY + timedelta(seconds=60))
        return Token(value=value, expires_at=asked_at + usable, extra={"ea" if by_header else "corp_id": place})
