"""HTTP as the sandbox sees it: plain requests and answers, served by ASGI on loopback or in process without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

import httpx
import msgspec

from tieout.core import exact_json

JSON_TYPE = "application/json;charset=UTF-8"
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(slots=True)
class Request:
    """One request: decoded path, query pairs in order, lower-case header names, raw body."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def q(self, name: str) -> str | None:
        """The first value of a query parameter, or None."""
        for key, value in self.query:
            if key == name:
                return value
        return None

    def form(self) -> dict[str, str]:
        """The body as a URL-encoded form; an unreadable body is an empty form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON with exact numbers; raises tieout.core.errors.BadPayload."""
        return exact_json.loads(self.body)

    @property
    def line(self) -> str:
        """`METHOD path`, what fault rules match on."""
        return f"{self.method} {self.path}"


@dataclass(slots=True)
class Response:
    """One answer; `effect` says what the network does to it: "" nothing, "timeout", "reset" or "cut".

    `delay` is how long the handler took on purpose (seconds, already waited by the handler): in process a delay of at
    least the client's read timeout becomes a ReadTimeout. `rows` is for the request log only.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    effect: str | None = ""
    delay: float = 0.0
    rows: int = 0


class Handler(Protocol):
    """Anything that answers requests synchronously and from several threads at once."""

    def handle(self, req: Request) -> Response: ...


def encode(obj: Any) -> bytes:
    """JSON bytes; Decimals are written digit by digit as JSON numbers."""
    return _encoder.encode(obj)


def json_response(obj: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    return Response(status, encode(obj), {"content-type": JSON_TYPE, **(headers or {})})


def text_response(text: str, status: int = 200, content_type: str = "text/html;charset=UTF-8") -> Response:
    """An answer with a text body, HTML unless told otherwise."""
    return Response(status, text.encode(), {"content-type": content_type})


Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class AsgiApp:
    """Serves a handler over ASGI; each request runs in a worker thread, so that slow ones do not block the others.

    A handler with a `close` method is closed when the server shuts down.
    """

    def __init__(self, handler: Handler, *, threads: int = 64, hold_seconds: float = 120.0) -> None:
        self._handler = handler
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sandbox")
        self._hold = hold_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            await self._serve(scope, receive, send)
        except asyncio.CancelledError:  # uvicorn's graceful shutdown ran out: drop the line, without a traceback
            await _abort(send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await _read(scope, receive)
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._pool, self._handler.handle, request)
        if answer.effect == "timeout":
            await self._hold_until_gone(receive)
            await _abort(send)
            return
        if answer.effect == "reset":
            await _abort(send)
            return
        await _write(send, request, answer)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                close = getattr(self._handler, "close", None)
                if callable(close):
                    close()
                self._pool.shutdown(wait=False, cancel_futures=True)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _hold_until_gone(self, receive: Receive) -> None:
        """Say nothing until the client gives up."""
        try:
            async with asyncio.timeout(self._hold):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return


async def _read(scope: Scope, receive: Receive) -> Request:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
    return Request(scope["method"], scope["path"], query, headers, b"".join(chunks))


async def _write(send: Send, request: Request, answer: Response) -> None:
    bodyless = answer.status in (204, 304) or request.method == "HEAD"
    body = b"" if bodyless else answer.body
    headers = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in answer.headers.items()]
    if answer.status not in (204, 304):
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.effect == "cut":
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await asyncio.sleep(0.02)  # let the half reach the client before the line drops
        await _abort(send)
        return
    await send({"type": "http.response.body", "body": body})


async def _abort(send: Send) -> None:
    """Drop the TCP connection without an answer: uvicorn's cycle object behind `send` holds the transport."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the sandbox drops this connection on purpose")
    transport.abort()
    for _ in range(3):  # connection_lost runs on the next turns of the loop; only then may the app return
        await asyncio.sleep(0)


class InProcessTransport(httpx.BaseTransport):
    """An httpx transport that calls handlers directly, one per `host` or `host:port`; no socket is opened."""

    def __init__(self, routes: dict[str, Handler]) -> None:
        self._routes = dict(routes)

    def add(self, netloc: str, handler: Handler) -> None:
        """Serve one more `host` or `host:port`."""
        self._routes[netloc] = handler

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        netloc = request.url.netloc.decode("ascii")
        handler = self._routes.get(netloc)
        if handler is None:
            raise httpx.ConnectError(f"nothing listens at {netloc}", request=request)
        answer = handler.handle(_from_httpx(request))
        read_timeout = request.extensions.get("timeout", {}).get("read")
        if answer.effect == "timeout" or (read_timeout is not None and answer.delay >= read_timeout > 0):
            raise httpx.ReadTimeout("no answer in time", request=request)
        if answer.effect == "reset":
            raise httpx.ReadError("connection reset by peer", request=request)
        if answer.effect == "cut":
            raise httpx.RemoteProtocolError(
                "peer closed connection without sending complete message body", request=request
            )
        bodyless = answer.status in (204, 304) or request.method == "HEAD"
        return httpx.Response(
            answer.status, headers=answer.headers, content=b"" if bodyless else answer.body, request=request
        )


def _from_httpx(request: httpx.Request) -> Request:
    return Request(
        request.method,
        unquote(request.url.path),
        parse_qsl(request.url.query.decode("latin-1"), keep_blank_values=True),
        {key.lower(): value for key, value in request.headers.items()},
        request.read(),
    )
