"""The skin: problem documents for every kind of error, limits, strict queries, headers, webhooks, health."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import structlog
from sqlalchemy import create_engine, make_url
from starlette.testclient import TestClient

from tests.web.conftest import Site
from tieout.core import logging
from tieout.core.errors import AuthError, ConfigError, Denied, Gone, LedgerError, RateLimited, StaleWrite, TieoutError


def _problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert set(found) == {"type", "title", "status", "code", "detail", "hint", "correlation_id", "fields"}
    assert found["correlation_id"] == answer.headers["X-Correlation-Id"] != ""
    assert found["type"] == f"urn:tieout:problem:{code}"
    return found


def test_unknown_paths_and_methods(api: TestClient) -> None:
    _problem(api.get("/v1/nothing"), 404, "no_route")
    answer = api.put("/v1/runs", json={})
    _problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET"
    assert api.put("/v1/conflicts/cfl_1/resolution").headers["Allow"] == "DELETE, POST"
    _problem(api.request("TRACE", "/v1/runs"), 405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/", "/login", "/healthz", "/v1/runs", "/static/console.css", "/v1/nothing"])
def test_head_is_answered_as_get_without_a_body(api: TestClient, path: str) -> None:
    """Uptime checks and proxies ask with HEAD."""
    asked, told = api.get(path, follow_redirects=False), api.head(path, follow_redirects=False)
    assert told.status_code == asked.status_code != 405
    assert told.content == b""
    same = ("content-type", "content-length", "location", "cache-control", "content-security-policy")
    assert [told.headers.get(name) for name in same] == [asked.headers.get(name) for name in same]


def test_head_does_what_get_may_do_and_no_more(api: TestClient) -> None:
    assert api.head("/v1/conflicts/cfl_1/resolution").status_code == 405


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=1.0",
        "limit=1_0",
        "limit= 1",
        "limit=",
        "cursor=",
        "cursor=a%00b",
        "kind=bogus",
        "state=OPEN",
        "blocks_balance=1",
        "connection=Zoho",
        "unknown=1",
    ],
)
def test_filters_are_read_strictly(api: TestClient, query: str) -> None:
    found = _problem(api.get(f"/v1/conflicts?{query}"), 422, "invalid")
    assert found["fields"][0]["at"].startswith("query")


@pytest.mark.parametrize("query", ["due_from=1700000000", "due_from=2026-02-30", "due_from=2026-1-1", "q=a%00", "q="])
def test_dates_and_words_are_read_strictly(api: TestClient, query: str) -> None:
    _problem(api.get(f"/v1/invoices?{query}"), 422, "invalid")


def test_routes_without_parameters_refuse_them(api: TestClient) -> None:
    for path in ("/v1/connections", "/v1/runs/run_1", "/healthz", "/metrics"):
        _problem(api.get(f"{path}?x=1"), 422, "invalid")


def test_cursors_of_another_list_or_of_nobody_are_unknown(site: Site, api: TestClient) -> None:
    for _ in range(2):
        site.books.run()
    foreign = api.get("/v1/runs?limit=1").json()["next"]
    for cursor in (foreign, "abcd", "W10", "WyJjb25mbGljdHMiLDEuNSwieCJd"):
        _problem(api.get(f"/v1/conflicts?cursor={cursor}"), 404, "unknown_cursor")


def test_ids_that_cannot_exist_never_reach_the_database(api: TestClient) -> None:
    _problem(api.get("/v1/customers/a%00b"), 422, "invalid")
    _problem(api.get("/v1/customers/" + "x" * 65), 422, "invalid")
    _problem(api.get("/v1/customers/cus_none"), 404, "no_customer")


def _send(api: TestClient, body: bytes, kind: str = "application/json") -> Any:
    return api.post("/v1/reconciliations", content=body, headers={"Content-Type": kind})


def test_bodies_must_be_plain_json(site: Site, api: TestClient) -> None:
    _problem(_send(api, b"as_of=1", "application/x-www-form-urlencoded"), 415, "unsupported_content_type")
    _problem(_send(api, b"{"), 422, "bad_json")
    _problem(_send(api, b'{"as_of": NaN}'), 422, "bad_json")
    _problem(_send(api, b'{"as_of": null, "as_of": null}'), 422, "bad_json")
    _problem(_send(api, b"\xff\xfe"), 422, "bad_json")
    _problem(_send(api, b"[" * 500 + b"]" * 500), 422, "too_deep")
    _problem(_send(api, b"[" * 30_000), 422, "bad_json")
    _problem(_send(api, b""), 422, "invalid")
    _problem(_send(api, b'"\\ud800"'), 422, "bad_json")
    _problem(_send(api, b'{"as_of": "\\ud800"}'), 422, "bad_json")
    _problem(_send(api, b'{"as_of": 20260101}'), 422, "invalid")
    assert site.service.asked == []


def test_large_bodies_are_refused_by_length_and_while_reading(site: Site, api: TestClient) -> None:
    _problem(_send(api, b" " * 70_000), 413, "too_large")

    def pieces() -> Any:
        for _ in range(80):
            yield b" " * 1000

    answer = api.post("/v1/reconciliations", content=pieces(), headers={"Content-Type": "application/json"})
    _problem(answer, 413, "too_large")
    hook = site.client(None)
    _problem(hook.post("/webhooks/zoho/s3cret", content=b"x" * (1024 * 1024 + 1)), 413, "too_large")
    assert hook.post("/webhooks/zoho/s3cret", content=b"x" * (1024 * 1024)).status_code == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Gone("no", code="x"), 404),
        (StaleWrite("no", code="x"), 409),
        (TieoutError("no", code="x"), 409),
        (Denied("no", code="x"), 403),
        (RateLimited("no", code="x"), 503),
        (AuthError("no", code="x"), 502),
    ],
)
def test_errors_of_the_flow_become_statuses(site: Site, api: TestClient, error: TieoutError, status: int) -> None:
    site.service.fail_with = error
    _problem(api.get("/v1/plan"), status, "x")


@pytest.mark.parametrize(
    "error", [RuntimeError("SELECT secret FROM x"), LedgerError("SELECT secret"), ConfigError("SELECT secret")]
)
def test_the_unexpected_is_a_500_that_tells_nothing(site: Site, api: TestClient, error: Exception) -> None:
    site.service.fail_with = error
    said = io.StringIO()
    logging.configure(stream=said)
    try:
        answer = api.get("/v1/plan", headers={"X-Correlation-Id": "ticket-4711"})
    finally:
        structlog.reset_defaults()
    found = _problem(answer, 500, "internal")
    assert found["correlation_id"] == "ticket-4711"
    assert "secret" not in answer.text
    assert "ticket-4711" in said.getvalue()


def test_every_answer_has_security_headers(site: Site) -> None:
    client = site.client(None)
    for path in ("/login", "/healthz", "/v1/runs", "/static/console.css", "/nothing"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers.get("Cache-Control", "") == ("no-store" if not path.startswith("/static") else "")


def test_a_webhook_is_handed_on_with_its_address_and_without_credentials(site: Site) -> None:
    client = site.client(None)
    headers = {"X-Hook": "1", "Cookie": "a=b", "Authorization": "Bearer x"}
    first = client.post("/webhooks/zoho/s3cret?channel=7", content=b'{"ids":["1"]}', headers=headers)
    assert (first.status_code, first.json()) == (200, {"status": "stored"})
    assert client.post("/webhooks/zoho/s3cret", content=b'{"ids":["1"]}').json() == {"status": "duplicate"}
    _, connection, secret, body, seen, query = site.service.asked[0]
    assert (connection, secret, body, query) == ("zoho", "s3cret", b'{"ids":["1"]}', {"channel": "7"})
    assert seen["x-hook"] == "1"
    assert not {"cookie", "authorization"} & set(seen)
    _problem(client.post("/webhooks/zoho", content=b"{}"), 403, "bad_token")
    _problem(client.post("/webhooks/xero/s3cret", content=b"{}"), 404, "no_route")


def test_health_and_readiness(site: Site) -> None:
    client = site.client(None)
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "problems": []}
    site.service.problems = [{"code": "redis", "message": "Redis does not answer"}, "stale: zoho/invoices"]
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == [
        {"code": "redis", "message": "Redis does not answer"},
        {"code": "stale", "message": "stale: zoho/invoices"},
    ]


def test_readiness_says_when_the_database_is_gone(site: Site) -> None:
    url = make_url("sqlite:////nonexistent/dir/x.db")
    if site.engine.dialect.name == "postgresql":
        url = site.engine.url.set(database="nonexistent")
    site.service.ctx.engine = create_engine(url)
    answer = site.client(None).get("/readyz")
    assert (answer.status_code, answer.json()["problems"][0]["code"]) == (503, "database")
    assert "nonexistent" not in answer.text


def test_the_description_declares_every_error_as_a_problem(site: Site) -> None:
    described = site.app.openapi()
    assert "HTTPValidationError" not in described["components"]["schemas"]
    assert described["components"]["schemas"]["Problem"]["required"]
    text = json.dumps(described)
    parameters = described["paths"]["/v1/runs"]["get"]["parameters"]
    limit = next(one["schema"] for one in parameters if one["name"] == "limit")
    assert (limit["minimum"], limit["maximum"]) == (1, 200)
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (method, path)
            declared = set(operation["responses"])
            assert {"405", "413", "422", "500"} <= declared, (method, path)
            if path.startswith("/v1"):
                assert {"401", "403", "404", "415", "429", "503"} <= declared, (method, path)
                assert operation["security"]
    assert text.count("examples") > 20
