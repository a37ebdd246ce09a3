"""Authorised calls of the open platform: always POST, always HTTP 200, at most so many per interface."""

from __future__ import annotations

import hashlib
import uuid
from collections import deque
from collections.abc import Mapping

import msgspec

from connectors.fxiaoke.auth import EARLY, FxiaokeAuth
from connectors.fxiaoke.codes import STALE, Problem, lasting, passing, problem_of
from connectors.fxiaoke.settings import WINDOW_SECONDS, FxiaokeSettings
from connectors.http import RemoteHttp, Reply
from connectors.oauth import Credentials
from tieout.core.ports import Env, JsonValue, Token


class _Head(msgspec.Struct):
    errorCode: int | None = None


_head = msgspec.json.Decoder(_Head)


class FxiaokeApi:
    """Business calls in either convention; the answer's errorCode becomes the error tree."""

    def __init__(self, env: Env, settings: FxiaokeSettings) -> None:
        self.env, self.settings = env, settings
        self.http = RemoteHttp.of(env, settings, self._verdict)
        self._recent: dict[str, deque[float]] = {}
        auth = FxiaokeAuth(env, self.http, settings, self._trace)
        self._credentials = Credentials(env, auth.mint, self.http.redactor, early=EARLY)

    def token(self) -> Token:
        return self._credentials.token()

    def close(self) -> None:
        self.http.close()

    def read(self, path: str, body: Mapping[str, JsonValue]) -> Reply:
        """A call that changes nothing: retried; raises for every errorCode but 0."""
        reply = self._call(path, body, safe=True)
        problem = self.problem(reply)
        if problem is not None:
            raise lasting(problem, reply.what, self.http)
        return reply

    def write(self, path: str, body: Mapping[str, JsonValue]) -> tuple[dict[str, JsonValue], Problem | None]:
        """A changing call, sent once: the answer and its refusal, if it is one; UnknownOutcome where nobody knows."""
        reply = self._call(path, body, safe=False)
        answer = self.http.decode(reply, safe=False)
        if not isinstance(answer, dict):
            raise self.http.unreadable(reply, "not a JSON object", safe=False)
        try:
            problem = problem_of(answer)
        except ValueError as error:
            raise self.http.unreadable(reply, str(error), safe=False) from None
        return answer, problem

    def problem(self, reply: Reply) -> Problem | None:
        """The refusal in an answer, or None."""
        if _code(reply) == 0:
            return None
        body = self.http.decode(reply)
        if not isinstance(body, dict):
            raise self.http.unreadable(reply, "not a JSON object")
        try:
            return problem_of(body)
        except ValueError as error:
            raise self.http.unreadable(reply, str(error)) from None

    # ------------------------------------------------------------- one call
    def _call(self, path: str, body: Mapping[str, JsonValue], *, safe: bool) -> Reply:
        send = self.http.read if safe else self.http.write
        base = self.http.check_url(self.settings.base_url)

        def once(token: Token) -> Reply:
            self._pace(path)
            headers, content = self._signed(token, body)
            reply = send("POST", base + path, params=self._trace, headers=headers, json=content)
            assert isinstance(reply, Reply)
            return reply

        return self._credentials.call(once, lambda reply: _code(reply) in STALE, f"POST {path}")

    def _signed(self, token: Token, body: Mapping[str, JsonValue]) -> tuple[dict[str, str], dict[str, JsonValue]]:
        if self.settings.auth_style == "header":
            headers = {
                "Authorization": f"Bearer {token.value}",
                "x-fs-ea": token.extra.get("ea", ""),
                "x-fs-userid": self.settings.user_id,
            }
            return headers, dict(body)
        inside = {
            "corpAccessToken": token.value,
            "corpId": token.extra.get("corp_id", ""),
            "currentOpenUserId": self.settings.user_id,
        }
        return {}, {**inside, **body}

    def _trace(self) -> dict[str, str]:
        """`thirdTraceId`: a UUID of its own for every request, retries included."""
        digest = hashlib.blake2b(self.env.ids.token(16).encode(), digest_size=16).digest()
        return {"thirdTraceId": str(uuid.UUID(bytes=digest, version=4))}

    def _pace(self, path: str) -> None:
        """Keep this process below the limit of one interface; the shared budget does so for all processes."""
        recent = self._recent.setdefault(path, deque())
        now = self.env.clock.monotonic()
        while recent and recent[0] <= now - WINDOW_SECONDS:
            recent.popleft()
        if len(recent) >= self.settings.calls_per_20_seconds:
            self.env.clock.sleep(recent[0] + WINDOW_SECONDS - now)
        recent.append(self.env.clock.monotonic())

    def _verdict(self, reply: Reply, safe: bool) -> None:
        """Codes that mean wait or look again; a body that cannot be read is somebody else's page."""
        if reply.what.endswith(("/token", "/V2")):
            return
        code = _code(reply)
        if code in (0, None) or code in STALE:
            return
        body = self.http.decode(reply, safe=safe)
        problem = problem_of(body) if isinstance(body, dict) else None
        if problem is not None:
            passing(problem, reply, self.http, safe, self.settings.timezone)


def _code(reply: Reply) -> int | None:
    """errorCode without decoding the records; None when it cannot be told."""
    try:
        return _head.decode(reply.body).errorCode
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
