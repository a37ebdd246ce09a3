"""Credits, concurrency and the plain faults."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tieout.sandbox.zoho import ZohoSettings

from .conftest import Crm, account

FIELDS = {"fields": "Account_Name"}


def too_many(answer: httpx.Response) -> bool:
    if answer.status_code != 429:
        return False
    assert answer.json()["code"] == "TOO_MANY_REQUESTS"
    assert "retry-after" not in answer.headers
    return True


def test_credits_of_calls(crm: Crm) -> None:
    rows = [{"Account_Name": f"N{n}"} for n in range(100)]
    crm.get("/Accounts", FIELDS)
    for count in (1, 10, 11, 100):
        crm.send(
            "POST",
            "/Accounts",
            {"data": [{**row, "Account_Name": f"{count}-{i}"} for i, row in enumerate(rows[:count])]},
        )
    crm.get("/Accounts/deleted")
    api = [entry for entry in crm.store.requests.since(0) if entry.path.startswith("/crm/")]
    assert [entry.credits for entry in api] == [1, 1, 1, 2, 10, 2]
    assert [entry.rows for entry in api[:5]] == [10, 1, 10, 11, 100]
    assert crm.server.limits.used() == 17


def test_remaining_header_shows_from_half_and_then_429_until_the_day_rolls(make_crm: Callable[..., Crm]) -> None:
    crm = make_crm(ZohoSettings(credits_per_day=10))
    seen = [crm.get("/Accounts", FIELDS).headers.get("x-api-credits-remaining") for _ in range(10)]
    assert seen == [None] * 4 + ["5", "4", "3", "2", "1", "0"]
    assert too_many(crm.get("/Accounts", FIELDS))
    crm.clock.advance(86_400)
    crm.login()
    assert crm.get("/Accounts", FIELDS).status_code == 204


@pytest.mark.parametrize(
    ("edition", "concurrency", "fields", "credits"),
    [
        ("free", 5, 10, 5_000),
        ("standard", 10, 10, 52_500),
        ("professional", 15, 155, 55_000),
        ("enterprise", 20, 300, 60_000),
        ("ultimate", 25, 500, 70_000),
    ],
)
def test_editions(edition: str, concurrency: int, fields: int, credits: int) -> None:
    settings = ZohoSettings(edition=edition)
    assert settings.limit_concurrency() == concurrency
    assert settings.limit_custom_fields() == fields
    assert settings.limit_credits() == credits


class Crowd:
    """Calls that all stand inside the server at once: its wait lets nobody go before `release`."""

    def __init__(self, crm: Crm, size: int) -> None:
        self.crm = crm
        self.inside = threading.Semaphore(0)
        self.gate = threading.Event()
        self.answers: list[httpx.Response] = []
        crm.faults.sleep = self._wait
        self._size = size

    def _wait(self, seconds: float) -> None:
        self.inside.release()
        assert self.gate.wait(20)

    def enter(self, call: Callable[[], httpx.Response]) -> list[threading.Thread]:
        threads = [threading.Thread(target=lambda: self.answers.append(call())) for _ in range(self._size)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert self.inside.acquire(timeout=20)
        return threads

    def leave(self, threads: list[threading.Thread]) -> None:
        self.gate.set()
        for thread in threads:
            thread.join(20)


def test_concurrency_limit(make_crm: Callable[..., Crm]) -> None:
    crm = make_crm(ZohoSettings(edition="free", latency_seconds=0.01))
    crowd = Crowd(crm, 5)
    threads = crowd.enter(lambda: crm.get("/Accounts", FIELDS))
    assert too_many(crm.get("/Accounts", FIELDS))
    assert "access_token" in crm.token(), "the accounts server does not count"
    crowd.leave(threads)
    assert [answer.status_code for answer in crowd.answers] == [204] * 5
    assert crm.get("/Accounts", FIELDS).status_code == 204


def test_a_slow_fault_holds_its_place(make_crm: Callable[..., Crm]) -> None:
    crm = make_crm(ZohoSettings(concurrency=1))
    crm.faults.add("zoho", "GET", "slow", seconds=3.0)
    crowd = Crowd(crm, 1)
    threads = crowd.enter(lambda: crm.get("/Accounts", FIELDS))
    assert too_many(crm.get("/Accounts", FIELDS))
    crowd.leave(threads)


def test_heavy_calls_have_their_own_limit_of_ten(make_crm: Callable[..., Crm]) -> None:
    crm = make_crm(ZohoSettings(latency_seconds=0.01))
    crm.server.seed("Accounts", [account(n) for n in range(11)])
    eleven = {"data": [{"id": account(n)["id"], "Phone": "1"} for n in range(11)]}
    crowd = Crowd(crm, 10)
    threads = crowd.enter(lambda: crm.send("PUT", "/Accounts", eleven))
    assert too_many(crm.send("PUT", "/Accounts", eleven))
    query = {"select_query": "select id from Accounts where id is not null"}
    assert too_many(crm.send("POST", "/coql", query))
    crowd.gate.set()  # light calls pass
    light: dict[str, Any] = {"data": eleven["data"][:10]}
    assert crm.send("PUT", "/Accounts", light).status_code == 200
    crowd.leave(threads)
    assert {answer.status_code for answer in crowd.answers} == {200}


def test_plain_faults(crm: Crm) -> None:
    crm.faults.add("zoho", "GET /crm/v8/Accounts", "status_500")
    crm.faults.add("zoho", "GET /crm/v8/Accounts", "html_502", after=1)
    crm.faults.add("zoho", "GET /crm/v8/Accounts", "rate_limit", after=0, times=1)
    first = crm.get("/Accounts", FIELDS)
    assert (first.status_code, first.json()["code"]) == (500, "INTERNAL_ERROR")
    second = crm.get("/Accounts", FIELDS)
    assert (second.status_code, second.headers["content-type"][:9]) == (502, "text/html")
    assert too_many(crm.get("/Accounts", FIELDS))
    assert crm.get("/Accounts", FIELDS).status_code == 200
    crm.faults.add("zoho", "GET /crm/v8/Accounts", "cut_body")
    with pytest.raises(httpx.RemoteProtocolError):
        crm.get("/Accounts", FIELDS)
    crm.faults.add("zoho", "GET /crm/v8/Accounts", "reset")
    with pytest.raises(httpx.ReadError):
        crm.get("/Accounts", FIELDS)
    crm.faults.add("zoho", "GET /crm/v8/Accounts", "slow", seconds=5.0, times=2)
    with pytest.raises(httpx.ReadTimeout):
        crm.client.get("/crm/v8/Accounts", params=FIELDS, timeout=4.0)
    assert crm.client.get("/crm/v8/Accounts", params=FIELDS, timeout=6.0).status_code == 200
    assert crm.waited == [5.0, 5.0]
