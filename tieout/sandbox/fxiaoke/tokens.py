"""Both token endpoints: one token a tenant, handed out again until 6,600 s of age, never minted by two at a time."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tieout.core.errors import BadPayload
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.fxiaoke.problems import FxiaokeProblem, bad_token, no_credential, too_many_tokens
from tieout.sandbox.fxiaoke.settings import FxiaokeSettings
from tieout.sandbox.http import Request, Response, json_response
from tieout.sandbox.state import SandboxStore

HEADER_PATH, BODY_PATH = "/oauth2.0/token", "/cgi/corpAccessToken/get/V2"
_KEYS = (("appId", 10001), ("appSecret", 10006), ("permanentCode", 10012))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: by header or by body, and as which employee."""

    by_header: bool
    user: str


class Tokens:
    """Gives and checks access tokens; the last two are kept over a restart."""

    def __init__(self, store: SandboxStore, clock: SandboxClock, settings: FxiaokeSettings) -> None:
        self._rows = store.collection("fxiaoke", "_tokens")
        self._store, self._clock, self._settings = store, clock, settings
        self._calls: deque[float] = deque()
        self._lock = threading.Lock()
        self._busy = threading.Lock()

    @contextmanager
    def one_at_a_time(self) -> Any:
        """The endpoint takes no concurrent calls."""
        if not self._busy.acquire(blocking=False):
            raise too_many_tokens()
        try:
            yield
        finally:
            self._busy.release()

    def give(self, req: Request) -> Response:
        """Answer a token call."""
        try:
            body = req.json() if req.body else {}
        except BadPayload:
            body = {}
        if not isinstance(body, dict) or not body:
            raise FxiaokeProblem(12004, "the post body is empty")
        with self._lock:
            self._count()
        for key, code in _KEYS:
            if not isinstance(body.get(key), str) or not body[key]:
                raise _oauth(code, f"the parameter {key} is missing or illegal", "缺少参数或参数不合法")
        settings = self._settings
        if body["appId"] != settings.app_id or body["appSecret"] != settings.app_secret:
            raise _oauth(20006, "appId or appSecret is wrong", "appId或appSecret错误")
        if body["permanentCode"] != settings.permanent_code:
            raise _oauth(20015, "permanentCode is wrong", "永久授权码错误")
        by_header = req.path == HEADER_PATH
        if by_header and body.get("grantType") != "app_secret":
            raise _oauth(11001, "the parameter grantType is illegal", "参数不合法")
        with self._lock:
            value, left = self._current()
        if by_header:
            return json_response(
                {
                    "errorCode": 0,
                    "errorMessage": "success",
                    "traceId": f"E-O.null.-{settings.api_user.id}-token",
                    "openUserId": settings.corp_id,  # carries the corporation's id, as documented
                    "accessToken": value,
                    "expiresIn": left,
                    "appId": settings.app_id,
                    "ea": settings.ea,
                }
            )
        return json_response(
            {
                "errorCode": 0,
                "errorMessage": "success",
                "corpAccessToken": value,
                "corpId": settings.corp_id,
                "expiresIn": left,
            }
        )

    def check(self, req: Request, body: Mapping[str, Any]) -> Caller:
        """Who makes a business call; raises FxiaokeProblem for a missing or dead credential."""
        given = req.headers.get("authorization", "")
        if given:
            ea, user = req.headers.get("x-fs-ea", ""), req.headers.get("x-fs-userid", "")
            if not given.startswith("Bearer ") or ea != self._settings.ea or not user:
                raise bad_token()
            self._alive(given.removeprefix("Bearer "))
            return Caller(True, user)
        token = body.get("corpAccessToken")
        if not token:
            raise no_credential()
        if body.get("corpId") != self._settings.corp_id:
            raise bad_token()
        self._alive(str(token))
        person = str(body.get("currentOpenUserId") or "")
        if not person:
            raise FxiaokeProblem(10010, "the parameter openUserId is missing or illegal")
        known = self._settings.employee_id(person)
        if known == person:
            raise FxiaokeProblem(20012, "the openUserId is not found", "openUserId不存在")
        return Caller(False, known)

    def expire_all(self) -> None:
        for key, _ in self._rows.items():
            self._rows.delete(key)

    def _alive(self, value: str) -> None:
        now = self._clock.now().timestamp()
        found = self._rows.get(value)
        if found is None or found["until"] <= now:
            raise bad_token()

    def _current(self) -> tuple[str, int]:
        settings, now = self._settings, self._clock.now().timestamp()
        newest = max(self._rows.values(), key=lambda row: float(row["at"]), default=None)
        if newest is None or now - newest["at"] >= settings.reissue_after_seconds:
            number = self._store.next_number("fxiaoke", "token", 1)
            value = hashlib.sha256(f"{settings.app_secret}:{number}".encode()).hexdigest().upper()
            newest = {"value": value, "at": now, "until": now + settings.token_seconds}
            for row in self._rows.values():
                if row["until"] <= now:
                    self._rows.delete(row["value"])
            self._rows.put(value, newest)
        return str(newest["value"]), max(0, int(newest["until"] - now))

    def _count(self) -> None:
        now = self._clock.now().timestamp()
        while self._calls and self._calls[0] <= now - 60:
            self._calls.popleft()
        if len(self._calls) >= self._settings.token_calls_per_minute:
            raise too_many_tokens()
        self._calls.append(now)


def _oauth(code: int, message: str, description: str) -> FxiaokeProblem:
    return FxiaokeProblem(code, message, description, error=str(code), error_description=message)
