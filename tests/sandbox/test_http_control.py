"""The control plane over HTTP, with the Zoho sandbox behind it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.control import ControlPlane
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.http import InProcessTransport
from tieout.sandbox.state import SandboxStore
from tieout.sandbox.zoho import ZohoServer
from tieout.sandbox.zoho.sender import Callback

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
ID = "4150868000002000001"


class Bench:
    def __init__(self) -> None:
        self.clock = SandboxClock(NOW, running=False)
        self.store = SandboxStore(None)
        self.faults = FaultRegistry()
        self.zoho = ZohoServer(self.store, self.clock, self.faults)
        self.loaded: list[dict[str, Any]] = []
        control = ControlPlane(
            {"zoho": self.zoho}, self.store, self.clock, self.faults, load=self._load, truth=lambda: {"a": "b"}
        )
        self.client = httpx.Client(
            transport=InProcessTransport({"control.sandbox": control, "zoho.sandbox": self.zoho}),
            base_url="http://control.sandbox/_control",
        )

    def _load(self, body: dict[str, Any]) -> dict[str, Any]:
        self.loaded.append(body)
        row = {"id": ID, "Account_Name": "A", "Created_Time": "2026-02-01T08:00:00+08:00"}
        return {"accounts": self.zoho.seed("Accounts", [row])}

    def change(self, status: int = 200, **body: Any) -> dict[str, Any]:
        answer = self.client.post("/change", json={"vendor": "zoho", "module": "Accounts", **body})
        assert answer.status_code == status, answer.text
        return dict(answer.json())


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    assert made.client.post("/load", json={"seed": 7, "scale": 2}).json() == {"accounts": 1}
    return made


def test_health_load_and_truth(bench: Bench) -> None:
    health = bench.client.get("/health").json()
    assert health == {"status": "ok", "vendors": ["zoho"], "now": "2026-03-02T01:00:00.000000Z"}
    assert bench.loaded == [{"seed": 7, "scale": 2}]
    assert bench.client.get("/truth").json() == {"a": "b"}
    assert bench.client.get("/nothing").status_code == 404
    assert bench.client.get("http://control.sandbox/else").status_code == 404


def test_change_as_a_user_and_the_oracle(bench: Bench) -> None:
    done = bench.change(operation="update", id=ID, fields={"Phone": "1"})
    assert (done["record"]["Phone"], done["effect_seq"]) == ("1", 1)
    assert done["record"]["Modified_Time"] == "2026-03-02T09:00:00+08:00"
    bench.change(operation="update", id=ID, fields={"Phone": "1"})
    made = bench.change(operation="create", fields={"Account_Name": "B"})["record"]["id"]
    bench.change(operation="delete", id=made)
    bench.change(operation="undelete", id=made)
    effects = bench.client.get("/effects").json()
    assert [(one["operation"], one["kind"], one["actor"]) for one in effects["effects"]] == [
        ("update", "effective", "user"),
        ("update", "noop", "user"),
        ("insert", "effective", "user"),
        ("delete", "effective", "user"),
        ("undelete", "effective", "user"),
    ]
    assert effects["effects"][0]["changes"] == {"Phone": [None, "1"]}
    assert effects["last_seq"] == 5
    later = bench.client.get("/effects", params={"since": 2, "kind": "effective"}).json()["effects"]
    assert [one["seq"] for one in later] == [3, 4, 5]
    assert bench.client.get("/effects", params={"actor": "api"}).json()["effects"] == []


def test_a_row_may_arrive_late_with_an_old_stamp(bench: Bench) -> None:
    old = "2026-02-20T10:00:00+08:00"
    made = bench.change(operation="create", fields={"Account_Name": "Late"}, modified_at=old)["record"]
    assert (made["Created_Time"], made["Modified_Time"]) == (old, old)
    back = bench.change(operation="update", id=ID, fields={"Phone": "2"}, modified_at="2026-02-21T02:00:00Z")
    assert back["record"]["Modified_Time"] == "2026-02-21T10:00:00+08:00"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"vendor": "sap", "operation": "update"}, 404),
        ({"operation": "update", "id": "1"}, 404),
        ({"operation": "explode", "id": ID}, 400),
        ({"operation": "update"}, 400),
        ({"operation": "create", "module": "Nope"}, 404),
        ({"operation": "update", "id": ID, "modified_at": "2026-02-20T10:00:00"}, 400),
        ({"module": ""}, 400),
    ],
)
def test_bad_changes(bench: Bench, body: dict[str, Any], status: int) -> None:
    assert "error" in bench.change(status, **body)
    assert bench.client.get("/effects").json()["last_seq"] == 0


def test_faults_requests_and_their_totals(bench: Bench) -> None:
    rule = {"vendor": "zoho", "match": "POST /oauth", "action": "status_500", "times": 1}
    made = bench.client.post("/faults", json=rule)
    assert (made.status_code, made.json()["id"]) == (201, 1)
    assert bench.client.post("http://zoho.sandbox/oauth/v2/token").status_code == 500
    assert bench.client.post("http://zoho.sandbox/oauth/v2/token").json() == {"error": "invalid_client"}
    assert [one["fired"] for one in bench.client.get("/faults").json()["faults"]] == [1]
    assert bench.client.post("/faults", json={**rule, "action": "boom"}).status_code == 400
    assert bench.client.post("/faults", json={**rule, "often": 1}).status_code == 400
    assert bench.client.post("/faults", json={"vendor": "zoho"}).status_code == 400
    assert bench.client.delete("/faults").json() == {"cleared": 1}
    log = bench.client.get("/requests", params={"vendor": "zoho"}).json()
    assert [(one["path"], one["status"]) for one in log["requests"]] == [
        ("/oauth/v2/token", 500),
        ("/oauth/v2/token", 200),
    ]
    assert log["totals"] == {"calls": 2, "credits": 0}
    assert len(bench.client.get("/requests", params={"since": 1}).json()["requests"]) == 1
    bench.client.delete("/requests")
    assert bench.client.get("/requests").json()["requests"] == []


def test_notifications_and_what_became_of_them(bench: Bench) -> None:
    assert bench.client.get("/callbacks").json() == {"callbacks": []}
    answers = iter([200, 503])
    bench.zoho.callbacks.deliver = lambda *_: next(answers)
    for number in range(3):  # the third answer is missing: the subscriber fails
        bench.zoho.callbacks.send([Callback("Accounts", "http://a/", b'{"ids": ["%d"]}' % number, {})])
    told = bench.client.get("/callbacks").json()["callbacks"]
    assert [(one["vendor"], one["about"], one["outcome"].split(":")[0]) for one in told] == [
        ("zoho", '{"ids": ["0"]}', "200"),
        ("zoho", '{"ids": ["1"]}', "503"),
        ("zoho", '{"ids": ["2"]}', "StopIteration"),
    ]


def test_clock(bench: Bench) -> None:
    moved = bench.client.post("/clock", json={"advance": 3600}).json()
    assert moved == {"now": "2026-03-02T02:00:00.000000Z", "running": False}
    assert bench.client.post("/clock", json={"set": "2026-05-01T08:00:00+08:00"}).json()["now"][:13] == "2026-05-01T00"
    assert bench.client.post("/clock", json={"run": True}).json()["running"] is True
    assert bench.client.post("/clock", json={"freeze": True}).json()["running"] is False
    for bad in ({}, {"back": 1}, {"advance": -1}, {"set": "2026-05-01"}):
        assert bench.client.post("/clock", json=bad).status_code == 400


def test_state(bench: Bench) -> None:
    assert bench.client.get("/state/zoho").json()["collections"]["Accounts"] == 1
    assert [doc["id"] for doc in bench.client.get("/state/zoho/Accounts").json()["documents"]] == [ID]
    assert bench.client.get(f"/state/zoho/Accounts/{ID}").json()["Account_Name"] == "A"
    for gone in ("/state/sap", "/state/zoho/Nope", "/state/zoho/Accounts/1"):
        assert bench.client.get(gone).status_code == 404
