"""The outer skin of every request: correlation id, body limits, JSON checks, security headers, the last 500."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tieout.core import exact_json, logging
from tieout.core.errors import BadPayload, HomeError
from tieout.core.ids import Ids
from tieout.web import problems

API_BODY = 64 * 1024
WEBHOOK_BODY = 1024 * 1024
JSON_DEPTH = 16

_CORRELATION = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
_CONSOLE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"content-security-policy", _CONSOLE_POLICY.encode()),
)
log = logging.get("web")


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, ids: Ids) -> None:
        self._app = app
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        asked = headers.get("x-correlation-id", "")
        correlation_id = asked if _CORRELATION.match(asked) else self._ids.new("req")
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        is_head = scope["method"] == "HEAD"  # uptime checks ask so: answered as GET, without the body
        if is_head:
            scope = {**scope, "method": "GET"}
        guard = _Answer(send, scope["path"], correlation_id, is_head=is_head)
        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
            try:
                body = await _read(receive, _limit(scope["path"]), headers)
                _check(scope, headers, body)
                scope["state"]["body"] = body
                await self._app(scope, _replay(body, receive), guard)
            except problems.Refused as refused:
                await guard.problem(refused.status, refused.code, refused.message)
            except HomeError as error:
                await guard.problem(503, error.code, error.message)
            except Exception as error:
                log.error("request failed", path=scope["path"], method=scope["method"], exc_info=error)
                await guard.problem(500, "internal", "something went wrong; the log has the details")


class _Answer:
    """Sends the answer with the headers every answer has; knows whether it has begun."""

    def __init__(self, send: Send, path: str, correlation_id: str, *, is_head: bool = False) -> None:
        self._send = send
        self._path = path
        self._correlation_id = correlation_id
        self._is_head = is_head
        self._begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            message["headers"] = self._headers(message)
        elif self._is_head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)

    def _headers(self, message: MutableMapping[str, Any]) -> list[tuple[bytes, bytes]]:
        given = list(message.get("headers", []))
        known = {name.lower() for name, _ in given}
        more = [(b"x-correlation-id", self._correlation_id.encode()), *HEADERS]
        if not self._path.startswith("/static/"):
            more.append((b"cache-control", b"no-store"))
        return given + [(name, value) for name, value in more if name not in known]

    async def problem(self, status: int, code: str, detail: str) -> None:
        if self._begun:  # half an answer is out: only cutting the connection is honest
            raise ConnectionError("the answer had begun")
        raw = problems.body(status, code, detail, correlation_id=self._correlation_id)
        head = [(b"content-type", problems.MEDIA_TYPE.encode()), (b"content-length", str(len(raw)).encode())]
        await self({"type": "http.response.start", "status": status, "headers": head})
        await self({"type": "http.response.body", "body": raw})


def _limit(path: str) -> int:
    return WEBHOOK_BODY if path.startswith("/webhooks/") else API_BODY


async def _read(receive: Receive, limit: int, headers: dict[str, str]) -> bytes:
    """The whole body, or 413 as soon as it is known to be too large."""
    told = headers.get("content-length", "")
    if told.isdigit() and int(told) > limit:
        raise problems.Refused(413, "too_large", f"the body may have {limit} bytes")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise problems.Refused(413, "too_large", f"the body may have {limit} bytes")
        if not message.get("more_body", False):
            return b"".join(parts)


def _check(scope: Scope, headers: dict[str, str], body: bytes) -> None:
    """API bodies are JSON objects without NaN, duplicate keys, floats in disguise or deep nesting."""
    if not body or not scope["path"].startswith("/v1/"):
        return
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise problems.Refused(415, "unsupported_content_type", "send application/json")
    try:
        value = exact_json.loads(body)
    except BadPayload as error:
        raise problems.Refused(422, "bad_json", error.message) from None
    if _depth(value, JSON_DEPTH) > JSON_DEPTH:
        raise problems.Refused(422, "too_deep", f"JSON may be nested {JSON_DEPTH} deep")


def _depth(value: Any, limit: int) -> int:
    if limit < 0 or not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(item, limit - 1) for item in inner), default=0)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hands the body that was read to the application, then whatever the server says (disconnects)."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again
