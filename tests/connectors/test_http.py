"""The HTTP client: where it may go, what it retries, what it says when an answer cannot be read."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

import connectors
from connectors.http import RemoteHttp, Reply
from connectors.oauth import Credentials
from connectors.paging import LoopDetector
from connectors.redaction import Redactor
from tieout.core.clock import ManualClock
from tieout.core.errors import (
    AuthError,
    BadPayload,
    ConfigError,
    RateLimited,
    Rejected,
    Transient,
    UnknownOutcome,
)
from tieout.core.ids import SeededIds
from tieout.core.ports import Cursor, Env, Token

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
SECRET = "s3cret/with+signs"
Answer = Callable[[httpx.Request], httpx.Response]


def client(budget: Any, tokens: Any, answer: Answer | None, *, sandbox: bool = True, **more: Any) -> RemoteHttp:
    env = Env(
        connection="test",
        settings={"sandbox": sandbox, "client_secret": SECRET},
        clock=ManualClock(NOW),
        ids=SeededIds(1),
        tokens=tokens,
        budget=budget,
        transport=httpx.MockTransport(answer) if answer else None,
    )
    return RemoteHttp(env, **more)


@pytest.fixture
def make(zoho: Any) -> Callable[..., RemoteHttp]:
    def build(answer: Answer | None = None, **more: Any) -> RemoteHttp:
        return client(zoho.budget, zoho.tokens, answer, **more)

    return build


def always(status: int, body: bytes = b"{}", **headers: str) -> Answer:
    return lambda request: httpx.Response(status, content=body, headers=headers)


URL = "http://vendor.sandbox/x"


@pytest.mark.parametrize(
    ("url", "sandbox", "allowed"),
    [
        ("https://www.zohoapis.com", False, True),
        ("https://k3.example.com/k3cloud/", False, True),
        ("http://k3.example.com/k3cloud/", False, False),
        ("http://127.0.0.1:8000", False, False),
        ("https://zoho.sandbox", False, False),
        ("http://127.0.0.1:8000", True, True),
        ("http://[::1]:8000", True, True),
        ("http://zoho.sandbox", True, True),
        ("https://www.zohoapis.com", True, False),
        ("http://127.0.0.1.example.com", True, False),
        ("http://user:word@localhost", True, False),
        ("ftp://localhost", True, False),
        ("localhost:80", True, False),
    ],
)
def test_real_connections_speak_tls_and_sandboxes_stay_on_this_machine(
    make: Callable[..., RemoteHttp], url: str, sandbox: bool, allowed: bool
) -> None:
    http = make(always(200), sandbox=sandbox)
    if allowed:
        assert http.check_url(url) == url.rstrip("/")
    else:
        with pytest.raises(ConfigError):
            http.check_url(url)
        with pytest.raises(ConfigError):
            http.read("GET", url)


def test_an_api_domain_outside_the_sandbox_is_refused(zoho: Any) -> None:
    zoho.server.settings.api_domain = zoho.server._base_url = "https://www.zohoapis.com"
    with pytest.raises(ConfigError, match="marked sandbox"):
        list(zoho.connector().read("customers", Cursor()))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("Fri, 20 Nov 2026 02:00:09 GMT", 9), ("Thu, 19 Nov 2026 02:00:00 GMT", 0)],
)
def test_retry_after_is_obeyed_as_seconds_and_as_date(
    make: Callable[..., RemoteHttp], zoho: Any, header: str, seconds: int
) -> None:
    answers = iter([httpx.Response(429, headers={"retry-after": header}), httpx.Response(200, content=b"{}")])
    http = make(lambda request: next(answers))
    assert http.read("GET", URL).status == 200
    waited = (http.env.clock.now() - NOW).total_seconds()
    assert seconds <= waited < seconds + 0.2
    assert zoho.budget.backoffs == [NOW + timedelta(seconds=seconds)] or seconds == 0


def test_a_long_retry_after_is_handed_to_the_caller(make: Callable[..., RemoteHttp]) -> None:
    http = make(always(429, **{"retry-after": "3600"}))
    with pytest.raises(RateLimited) as caught:
        http.read("GET", URL)
    assert caught.value.retry_at == NOW + timedelta(hours=1)
    assert http.env.clock.now() == NOW


def test_waits_grow_are_capped_and_jittered(make: Callable[..., RemoteHttp]) -> None:
    http = make(always(503), attempts=8, max_wait_seconds=5.0)
    with pytest.raises(Transient):
        http.read("GET", URL)
    waited = (http.env.clock.now() - NOW).total_seconds()
    assert 0.5 * 22.5 <= waited <= 22.5  # 0.5 1 2 4 5 5 5


@pytest.mark.parametrize("failure", [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError])
def test_a_write_is_sent_once_and_its_lost_answer_is_an_unknown_outcome(
    make: Callable[..., RemoteHttp], failure: type[Exception]
) -> None:
    sent: list[int] = []

    def lose(request: httpx.Request) -> httpx.Response:
        sent.append(1)
        raise failure("gone")

    with pytest.raises(UnknownOutcome):
        make(lose).write("POST", URL, json={})
    assert sent == [1]
    with pytest.raises(Transient):
        make(lose).read("GET", URL)


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_a_write_that_never_left_is_transient(make: Callable[..., RemoteHttp], failure: type[Exception]) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise failure("no route")

    with pytest.raises(Transient):
        make(refuse).write("POST", URL, json={})


def test_redirects_are_never_followed(make: Callable[..., RemoteHttp]) -> None:
    asked: list[str] = []

    def move(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"location": "https://evil.example/?t=1"})

    with pytest.raises(Rejected, match=r"evil\.example"):
        make(move).read("GET", URL)
    assert asked == [URL]


BAD_BODIES = {
    "html": (b"<!doctype html><title>Login</title>", {"content-type": "text/html"}),
    "html said to be json": (b"  <html>", {"content-type": "application/json"}),
    "truncated": (b'{"data":[{"id":"1"', {"content-type": "application/json"}),
    "charset": ('{"a":"é"}'.encode("latin-1"), {"content-type": "application/json; charset=ISO-8859-1"}),
    "not utf-8": (b'{"a":"\xe9"}', {"content-type": "application/json"}),
    "bom": (b'\xef\xbb\xbf{"a":1}', {"content-type": "application/json"}),
    "empty": (b"", {}),
    "nan": (b'{"a":NaN}', {}),
    "twins": (b'{"a":1,"a":2}', {}),
    "deep": (b"[" * 100_000, {}),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_cannot_be_read_is_named_and_after_a_write_its_fate_is_unknown(
    make: Callable[..., RemoteHttp], name: str
) -> None:
    body, headers = BAD_BODIES[name]
    http = make(lambda request: httpx.Response(200, content=body, headers=headers))
    with pytest.raises(BadPayload) as caught:
        http.decode(http.read("GET", URL))
    assert len(str(caught.value)) < 600
    with pytest.raises(UnknownOutcome):
        http.decode(http.write("POST", URL), safe=False)


def test_first_bytes_are_shown_without_secrets(make: Callable[..., RemoteHttp]) -> None:
    echo = f"<html>{SECRET} s3cret%2Fwith%2Bsigns live-session-42 Bearer abc.def a@b.example</html>".encode()
    http = make(always(502, echo))
    http.redactor.hide("live-session-42")
    with pytest.raises(UnknownOutcome) as caught:
        http.write("POST", URL)
    text = str(caught.value)
    assert "502" in text
    for hidden in (SECRET, "s3cret%2F", "live-session", "abc.def", "a@b.example"):
        assert hidden not in text


def test_large_and_compressed_bodies_are_capped(make: Callable[..., RemoteHttp]) -> None:
    bomb = gzip.compress(b"[" + b"0," * 2_000_000 + b"0]")
    http = make(
        lambda request: httpx.Response(200, content=bomb, headers={"content-encoding": "gzip"}), max_bytes=100_000
    )
    with pytest.raises(BadPayload, match="larger than 100000"):
        http.read("GET", URL)


def test_the_servers_clock_is_shown(make: Callable[..., RemoteHttp]) -> None:
    reply = make(always(200, date="Fri, 20 Nov 2026 01:59:00 GMT")).read("GET", URL)
    assert reply.server_at == NOW - timedelta(minutes=1)
    assert make(always(200, date="nonsense")).read("GET", URL).server_at is None


def test_settings_of_the_environment_are_ignored(
    make: Callable[..., RemoteHttp], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as port:
        assert make().read("GET", f"http://127.0.0.1:{port}/").body == b"{}"


@contextmanager
def raw_server(answer: bytes) -> Iterator[int]:
    """A socket that answers every request with the same bytes and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                peer, _ = listener.accept()
            except TimeoutError:
                continue
            with peer:
                peer.recv(65536)
                peer.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        thread.join(5)
        listener.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
    ],
)
def test_over_a_real_socket_a_cut_answer_is_transient_or_unknown(
    make: Callable[..., RemoteHttp], answer: bytes
) -> None:
    with raw_server(answer) as port:
        with pytest.raises(Transient):
            make(attempts=2).read("GET", f"http://127.0.0.1:{port}/")
        with pytest.raises(UnknownOutcome):
            make().write("POST", f"http://127.0.0.1:{port}/", json={})
    with pytest.raises(Transient):
        make(attempts=1).write("POST", f"http://127.0.0.1:{port}/", json={})


def test_tls_is_verified_and_a_private_authority_must_be_readable(
    make: Callable[..., RemoteHttp], tmp_path: Any
) -> None:
    with pytest.raises(ConfigError, match="ca_file"):
        make(ca_file=str(tmp_path / "none.pem"))
    http = make(sandbox=False)
    with raw_server(b"not tls") as port, pytest.raises(Transient):
        http.send("GET", f"https://127.0.0.1:{port}/", safe=True)


def test_a_faster_process_refreshes_for_us(zoho: Any) -> None:
    newer = Token("newer-token", NOW + timedelta(hours=1), {}, 5)
    old = Token("older-token", NOW + timedelta(hours=1), {}, 4)
    zoho.tokens.token = old
    minted: list[int] = []

    def mint() -> Token:
        minted.append(1)
        return newer

    credentials = Credentials(zoho.env(), mint, Redactor({}))
    assert credentials.token() == old
    zoho.tokens.token = newer
    used: list[str] = []

    def send(token: Token) -> Reply:
        used.append(token.value)
        return Reply(401 if token == old else 200, {}, b"", "GET /")

    assert credentials.call(send, lambda reply: reply.status == 401, "x").status == 200
    assert (used, minted) == (["older-token", "newer-token"], [])
    with pytest.raises(AuthError):
        credentials.call(lambda token: Reply(401, {}, b"", "x"), lambda reply: True, "x")


def test_a_token_about_to_lapse_is_renewed_before_it_is_used(zoho: Any) -> None:
    zoho.tokens.token = Token("old-token", zoho.clock.now() + timedelta(minutes=4), {}, 1)
    fresh = Token("fresh-token", zoho.clock.now() + timedelta(hours=1))
    assert Credentials(zoho.env(), lambda: fresh, Redactor({})).token().value == "fresh-token"


def test_loops_are_found() -> None:
    loop = LoopDetector("deals", max_pages=3)
    loop.token("a")
    with pytest.raises(BadPayload, match="page token"):
        loop.token("a")
    loop.page(b"1")
    loop.page(b"")
    loop.page(b"")
    with pytest.raises(BadPayload, match="do not end"):
        loop.page(b"2")


def test_settings_are_strict_and_name_the_key(rig: Any) -> None:
    vendor, given = rig.vendor, {key: value for key, value in rig.settings.items() if key != "sandbox"}
    checked = connectors.check_settings(vendor, given)
    assert checked["overlap_seconds"] in {120, 300}
    assert "sandbox" not in checked
    with pytest.raises(ConfigError, match="overlap_second"):
        connectors.check_settings(vendor, {**given, "overlap_second": 90})
    with pytest.raises(ConfigError, match="overlap_seconds"):
        connectors.check_settings(vendor, {**given, "overlap_seconds": "90"})
    with pytest.raises(ConfigError, match="Field required"):
        connectors.check_settings(vendor, {})
    assert connectors.limits(vendor, given).concurrency >= 1


def test_unknown_vendors_are_named() -> None:
    for ask in (connectors.settings_model, lambda vendor: connectors.webhook(vendor, ["x" * 16])):
        with pytest.raises(ConfigError, match="acme"):
            ask("acme")
    assert connectors.webhook("kingdee", []) is None
