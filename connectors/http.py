"""The one place that talks HTTP: budgets, timeouts, retries of safe reads, size caps, redaction, one error tree.

What becomes of a request (reliability reference, section 3):

- a safe read that meets a connect error, timeout, reset, 5xx or a short 429 is retried with capped exponential
  jitter (`Retry-After` wins when the server gives one), then raises Transient or RateLimited;
- a write is never retried here: a connect error (never sent) is Transient, a 429 is RateLimited (refused), and a
  timeout after sending, a reset, a 5xx or a body that cannot be read is UnknownOutcome;
- redirects are refused, proxies and credentials of the environment are ignored, TLS is always verified.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import tenacity

from connectors.redaction import Redactor
from connectors.settings import ConnectionSettings
from tieout.core import exact_json
from tieout.core.errors import BadPayload, ConfigError, RateLimited, Rejected, Transient, UnknownOutcome
from tieout.core.ports import Env, JsonValue

MAX_BYTES = 64 * 1024 * 1024
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status, lower-case headers, the whole body, the server's clock if it showed one."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    what: str
    server_at: datetime | None = None
    cookies: Mapping[str, str] = field(default_factory=dict)


class RemoteHttp:
    """HTTP for one connection: every request is budgeted, bounded and mapped to the error tree."""

    def __init__(
        self,
        env: Env,
        *,
        timeout_seconds: float = 60.0,
        attempts: int = 5,
        max_wait_seconds: float = 30.0,
        ca_file: str = "",
        max_bytes: int = MAX_BYTES,
        verdict: Callable[[Reply, bool], None] | None = None,
    ) -> None:
        self.env = env
        self._verdict = verdict  # of vendors that answer 200 to everything: raises what the body says (reply, safe)
        self.redactor = Redactor(env.settings)
        self._sandbox = bool(env.settings.get("sandbox", False))
        self._attempts = attempts
        self._max_wait = max_wait_seconds
        self._max_bytes = max_bytes
        transport = env.transport
        if transport is None:
            transport = httpx.HTTPTransport(verify=_tls(ca_file), trust_env=False, retries=0)
        self._client = httpx.Client(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(timeout_seconds, connect=min(10.0, timeout_seconds), pool=10.0),
            headers={"User-Agent": "tieout", "Accept": "application/json"},
        )

    @classmethod
    def of(cls, env: Env, settings: ConnectionSettings, verdict: Callable[[Reply, bool], None] | None = None) -> Self:
        """As a connection's transport keys say."""
        return cls(
            env,
            timeout_seconds=settings.timeout_seconds,
            attempts=settings.attempts,
            max_wait_seconds=settings.max_wait_seconds,
            ca_file=settings.ca_file,
            verdict=verdict,
        )

    def close(self) -> None:
        self._client.close()

    def check_url(self, url: str) -> str:
        """The URL without a trailing slash, if this connection may call it; ConfigError otherwise."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        local = host in _LOOPBACK or host.endswith(".sandbox")
        if parts.scheme not in {"http", "https"} or not host:
            raise ConfigError(f"connection {self.env.connection}: {url!r} is not an http(s) address")
        if parts.username or parts.password:
            raise ConfigError(f"connection {self.env.connection}: an address may not carry a user name or password")
        if self._sandbox and not local:
            raise ConfigError(
                f"connection {self.env.connection} is marked sandbox but points at {host}",
                hint="A sandbox connection accepts loopback and *.sandbox addresses only.",
            )
        if not self._sandbox and (parts.scheme != "https" or host.endswith(".sandbox")):
            raise ConfigError(
                f"connection {self.env.connection}: {parts.scheme}://{host} is not allowed",
                hint="Use https; plain http and loopback servers need sandbox = true.",
            )
        return url.rstrip("/")

    def read(self, method: str, url: str, **request: Any) -> Reply:
        """A request that changes nothing: retried. Keywords as in `send`."""
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._attempts),
            retry=tenacity.retry_if_exception(self._worth_retrying),
            wait=self._wait,
            sleep=self.env.clock.sleep,
            reraise=True,
        )
        return retrying(self.send, method, url, safe=True, **request)

    def write(self, method: str, url: str, **request: Any) -> Reply:
        """A request that changes something: sent once, its unknown outcomes are named. Keywords as in `send`."""
        return self.send(method, url, safe=False, **request)

    def send(
        self,
        method: str,
        url: str,
        *,
        safe: bool,
        params: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        json: JsonValue = None,
        form: Mapping[str, str] | None = None,
        cost: int = 1,
        heavy: bool = False,
        budgeted: bool = True,
    ) -> Reply:
        """One attempt. `cost` is in the vendor's units (credits); `heavy` takes a slot of the smaller pool.

        `params` may be a function: then each attempt has its own (request ids that must never come twice).

        `budgeted` False is for calls outside the vendor's call quota (tokens): counted as a call, cost 0.
        """
        what = f"{method} {urlsplit(url).path}"
        params = params() if callable(params) else params
        sent_headers = dict(headers or {})
        content: bytes | None = None
        if json is not None:
            content = exact_json.dumps(json)
            sent_headers.setdefault("Content-Type", "application/json;charset=UTF-8")
        budget, lane = self.env.budget, self.env.lane
        if not budgeted:
            reply = self._exchange(method, url, what, safe, params, sent_headers, content, form)
            budget.record(1, 0)
            return self._judge(reply, safe)
        budget.spend(cost, lane=lane, heavy=heavy)
        with budget.call(lane=lane, heavy=heavy):
            budget.record(1, cost)
            reply = self._exchange(method, url, what, safe, params, sent_headers, content, form)
        return self._judge(reply, safe)

    # ------------------------------------------------------------- one exchange
    def _exchange(
        self,
        method: str,
        url: str,
        what: str,
        safe: bool,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        content: bytes | None,
        form: Mapping[str, str] | None,
    ) -> Reply:
        self.check_url(url)
        self._client.cookies.clear()
        try:
            with self._client.stream(method, url, params=params, headers=headers, content=content, data=form) as answer:
                body = self._bounded(answer, what, safe)
                return Reply(
                    status=answer.status_code,
                    headers={key.lower(): value for key, value in answer.headers.items()},
                    body=body,
                    what=what,
                    server_at=_http_date(answer.headers.get("date")),
                    cookies=_cookies(answer),
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise Transient(self._say(f"{what}: no connection ({type(error).__name__})"), **self._at()) from None
        except httpx.DecodingError:
            raise self._unreadable(what, safe, "the body cannot be decompressed", b"") from None
        except (httpx.HTTPError, OSError) as error:
            text = self._say(f"{what}: the answer was lost ({type(error).__name__})")
            if safe:
                raise Transient(text, **self._at()) from None
            raise UnknownOutcome(text, **self._at()) from None

    def _bounded(self, answer: httpx.Response, what: str, safe: bool) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in answer.iter_bytes(65536):
            size += len(chunk)
            if size > self._max_bytes:
                raise self._unreadable(what, safe, f"the body is larger than {self._max_bytes} bytes", b"")
            chunks.append(chunk)
        return b"".join(chunks)

    def _judge(self, reply: Reply, safe: bool) -> Reply:
        status = reply.status
        if status == 429:
            retry_at = self.retry_after(reply)
            self.env.budget.refused(retry_at)
            raise RateLimited(self._say(f"{reply.what}: too many requests (429)"), retry_at=retry_at, **self._at())
        if status >= 500:
            text = self._say(f"{reply.what}: HTTP {status} {self.first_bytes(reply.body)}")
            if safe:
                raise Transient(text, retry_at=self.retry_after(reply), **self._at())
            raise UnknownOutcome(text, **self._at())
        if status in {301, 302, 303, 307, 308}:
            host = urlsplit(reply.headers.get("location", "")).hostname or "another page"
            raise Rejected(
                self._say(f"{reply.what}: redirected to {host}; redirects are not followed"),
                code="redirect",
                hint="Set the connection's address to the final one.",
                **self._at(),
            )
        if self._verdict is not None:
            self._verdict(reply, safe)
        return reply

    # ------------------------------------------------------------- helpers for vendors
    def retry_after(self, reply: Reply) -> datetime | None:
        """`Retry-After` as an instant: seconds or an HTTP date (RFC 9110, 10.2.3); None without a usable one."""
        text = reply.headers.get("retry-after", "").strip()
        if not text:
            return None
        if text.isascii() and text.isdigit():
            return self.env.clock.now() + timedelta(seconds=min(int(text), 7 * 86400))
        at = _http_date(text)
        if at is None:
            return None
        if reply.server_at is not None:  # their date against their clock, so that skew does not matter
            return self.env.clock.now() + max(at - reply.server_at, timedelta(0))
        return at

    def decode(self, reply: Reply, *, safe: bool = True) -> JsonValue:
        """The body as exact JSON; HTML, truncation, other charsets and byte order marks raise BadPayload.

        For a write (`safe` False) the same raises UnknownOutcome: something was answered, we cannot tell what.
        """
        self.ensure_json(reply, safe=safe)
        try:
            return exact_json.loads(reply.body)
        except BadPayload as error:
            raise self._unreadable(reply.what, safe, error.message, reply.body) from None

    def ensure_json(self, reply: Reply, *, safe: bool = True) -> None:
        """Refuse bodies that cannot be JSON in UTF-8 before anything is read from them."""
        kind = reply.headers.get("content-type", "").lower()
        start = reply.body[:64].lstrip()
        if "html" in kind or start.startswith(b"<"):
            raise self._unreadable(reply.what, safe, "an HTML or XML page instead of JSON", reply.body)
        charset = kind.partition("charset=")[2].split(";")[0].strip(' "')
        if charset and charset not in {"utf-8", "utf8"}:
            raise self._unreadable(reply.what, safe, f"charset {charset!r} instead of UTF-8", reply.body)
        if reply.body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
            raise self._unreadable(reply.what, safe, "a byte order mark before the JSON", reply.body)
        if not start:
            raise self._unreadable(reply.what, safe, "an empty body", b"")

    def first_bytes(self, body: bytes, limit: int = 160) -> str:
        """The beginning of a body for an error message: short, printable, redacted."""
        return self.redactor.clean(body[:limit].decode("utf-8", "replace")).replace("\n", " ")

    def unreadable(self, reply: Reply, reason: str, *, safe: bool = True) -> BadPayload | UnknownOutcome:
        """The error for a body that is JSON but not the JSON that was asked for."""
        return self._unreadable(reply.what, safe, reason, reply.body)

    def _unreadable(self, what: str, safe: bool, reason: str, body: bytes) -> BadPayload | UnknownOutcome:
        shown = f" {self.first_bytes(body)!r}" if body else ""
        text = self._say(f"{what}: {reason}{shown}")
        return BadPayload(text, **self._at()) if safe else UnknownOutcome(text, **self._at())

    def _say(self, text: str) -> str:
        return self.redactor.clean(text)

    def _at(self) -> dict[str, Any]:
        return {"connection": self.env.connection}

    # ------------------------------------------------------------- retry policy
    def _worth_retrying(self, error: BaseException) -> bool:
        if isinstance(error, Transient):
            return True
        if not isinstance(error, RateLimited):
            return False
        if error.retry_at is None:
            return True
        return error.retry_at - self.env.clock.now() <= timedelta(seconds=self._max_wait)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        backoff = min(self._max_wait, 0.5 * 2.0 ** (state.attempt_number - 1)) * (0.5 + self.env.ids.jitter() / 2)
        asked = getattr(error, "retry_at", None)
        if isinstance(asked, datetime):
            return max((asked - self.env.clock.now()).total_seconds(), 0.0) + 0.1 * self.env.ids.jitter()
        return backoff


@lru_cache(maxsize=16)
def _tls(ca_file: str) -> ssl.SSLContext:
    """The default context with verification on; `ca_file` adds a private authority, it never switches checks off."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError):
            raise ConfigError(f"ca_file {ca_file!r} cannot be read as PEM certificates") from None
    return context


def _cookies(answer: httpx.Response) -> dict[str, str]:
    """What an answer sets; the jar is opened only where there is something to put into it."""
    if "set-cookie" not in answer.headers:
        return {}
    return {cookie.name: cookie.value or "" for cookie in answer.cookies.jar}


def _http_date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        value = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def chunks(items: Sequence[str], size: int) -> list[Sequence[str]]:
    """The items in slices of at most `size`."""
    return [items[at : at + size] for at in range(0, len(items), size)]
