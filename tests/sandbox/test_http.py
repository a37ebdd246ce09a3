"""The HTTP layer: the same handler over ASGI with uvicorn and in process, with the same faults seen by a client."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import uvicorn

from tieout.core import exact_json
from tieout.core.clock import SystemClock
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.http import AsgiApp, InProcessTransport, Request, Response, json_response

AMOUNT = Decimal("1234567890123456.78")


class Echo:
    """Answers with what it got; counts what it applied."""

    def __init__(self) -> None:
        self.faults = FaultRegistry()
        self.applied: list[str] = []

    def handle(self, req: Request) -> Response:
        return self.faults.around("echo", req, self._answer)

    def _answer(self, req: Request, faults: frozenset[str]) -> Response:
        self.applied.append(req.path)
        if req.path == "/none":
            return Response(204, b"never sent")
        query = [list(pair) for pair in req.query]
        body = {"method": req.method, "path": req.path, "query": query, "amount": AMOUNT, "faults": sorted(faults)}
        return json_response({**body, "header": req.headers.get("x-one"), "sent": req.body.decode()})


@pytest.fixture(scope="module")
def echo() -> Echo:
    return Echo()


@pytest.fixture(scope="module")
def port(echo: Echo) -> Iterator[int]:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    config = uvicorn.Config(AsgiApp(echo), log_level="critical", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    clock = SystemClock()
    give_up = clock.monotonic() + 20
    while not server.started:
        assert clock.monotonic() < give_up
        clock.sleep(0.02)
    yield sock.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()
    sock.close()


@pytest.fixture(params=["in process", "asgi"])
def client(request: pytest.FixtureRequest, echo: Echo, port: int) -> Iterator[httpx.Client]:
    echo.faults.clear()
    echo.applied.clear()
    base = f"http://127.0.0.1:{port}"
    transport = InProcessTransport({f"127.0.0.1:{port}": echo}) if request.param == "in process" else None
    with httpx.Client(base_url=base, transport=transport, timeout=2.0, trust_env=False) as made:
        yield made


def test_request_and_answer(client: httpx.Client) -> None:
    answer = client.post("/单/a b", params=[("x", "1"), ("x", "2+3"), ("e", "")], content="收", headers={"X-One": "1"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    assert b"1234567890123456.78" in answer.content
    assert exact_json.loads(answer.content) == {
        "method": "POST",
        "path": "/单/a b",
        "query": [["x", "1"], ["x", "2+3"], ["e", ""]],
        "amount": AMOUNT,
        "faults": [],
        "header": "1",
        "sent": "收",
    }


def test_204_has_no_body(client: httpx.Client) -> None:
    answer = client.get("/none")
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("action", "error", "applied"),
    [
        ("timeout_before", httpx.ReadTimeout, 0),
        ("timeout_after", httpx.ReadTimeout, 1),
        ("reset", (httpx.NetworkError, httpx.RemoteProtocolError), 0),
        ("cut_body", httpx.RemoteProtocolError, 1),
    ],
)
def test_lost_answers(client: httpx.Client, echo: Echo, action: str, error: Any, applied: int) -> None:
    echo.faults.add("echo", "^POST /w", action)
    with pytest.raises(error):
        client.post("/w", timeout=0.5)
    assert len(echo.applied) == applied
    assert client.post("/w").status_code == 200


def test_own_faults_reach_the_handler_and_rules_count(client: httpx.Client, echo: Echo) -> None:
    echo.faults.add("echo", "GET /p", "empty_page", times=2, after=1)
    echo.faults.add("other", "GET /p", "bad_row", times=None)
    seen = [client.get("/p").json()["faults"] for _ in range(4)]
    assert seen == [[], ["empty_page"], ["empty_page"], []]


def test_slow_is_a_timeout_only_for_the_impatient(client: httpx.Client, echo: Echo) -> None:
    echo.faults.add("echo", "GET /s", "slow", seconds=0.3, times=2)
    with pytest.raises(httpx.ReadTimeout):
        client.get("/s", timeout=0.1)
    assert client.get("/s", timeout=5.0).status_code == 200


def test_an_unknown_host_refuses_the_connection(echo: Echo) -> None:
    with httpx.Client(transport=InProcessTransport({"a.sandbox": echo})) as made, pytest.raises(httpx.ConnectError):
        made.get("http://b.sandbox/")


@pytest.mark.parametrize("given", [("echo", "GET", "explode"), ("echo", "(", "reset")])
def test_bad_rules_are_refused(given: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError):
        FaultRegistry().add(*given)
