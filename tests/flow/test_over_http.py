"""The main job over HTTP: a webhook wakes it up to the field in Zoho; a conflict is answered and taken back by API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from sync.apply import run_apply
from sync.channels import ensure_channel
from sync.inbox import run_inbox
from sync.push import run_push
from sync.service import Service
from tests.flow.books import own_fields, pick, receive, zoho_record
from tests.flow.harness import make_world, open_installation
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading
from tieout.store.tables import accounts, conflicts
from tieout.web.app import build


@pytest.fixture
def world() -> SandboxWorld:
    return make_world(20, 80)


@pytest.fixture
def service(tmp_path: Path, world: SandboxWorld, engine_url: str) -> Iterator[Service]:
    with open_installation(tmp_path, world, engine_url) as opened:
        config = opened.ctx.config.model_copy(update={"public_url": "http://127.0.0.1:8000"})
        opened.ctx.config = config
        assert opened.sync().ok
        world.clock.advance(60)
        yield opened


@pytest.fixture
def api(service: Service) -> Iterator[TestClient]:
    with TestClient(build(service.config, service=service)) as client:
        client.headers["X-API-Key"] = service.create_api_key("test", "operator", "cli:test")
        yield client


def answerable(service: Service) -> Any:
    """An open question about a CRM invoice that nothing else claims, with a document to bind it to."""
    with reading(service.ctx.engine) as conn:
        rows = conn.execute(
            select(conflicts).where(conflicts.c.kind == "unlinked_document", conflicts.c.state == "open")
        ).mappings()
        return next(row for row in rows.all() if row["suggestions"])


def shown(world: SandboxWorld, record: str) -> dict[str, Any]:
    return dict(world.store.collection("zoho", "Invoices").get(record) or {})


def push(service: Service) -> None:
    assert run_push(service.ctx, "zoho", limit_seconds=None).ok


def test_binding_by_api_writes_the_status_and_taking_it_back_clears_it(
    api: TestClient, service: Service, world: SandboxWorld
) -> None:
    found = answerable(service)
    record, target = found["external_id"], found["suggestions"][0]["target"]
    assert shown(world, record).get("AR_Payment_Status") is None
    answer = api.post(f"/v1/conflicts/{found['id']}/resolution", json={"action": "bind", "target": target})
    assert answer.status_code == 200, answer.text
    push(service)
    status = api.get(f"/v1/invoices/{target}").json()["status"]
    assert shown(world, record)["AR_Payment_Status"] == (status["value"] if isinstance(status, dict) else status)
    assert api.delete(f"/v1/conflicts/{found['id']}/resolution").status_code == 200
    push(service)
    assert shown(world, record)["AR_Payment_Status"] is None
    assert api.get(f"/v1/conflicts/{found['id']}").json()["state"] == "open"


def test_a_webhook_over_http_ends_in_the_field_and_a_forged_one_in_nothing(
    api: TestClient, service: Service, world: SandboxWorld
) -> None:
    calls: list[tuple[str, bytes]] = []
    world.zoho.callbacks.deliver = lambda url, body, headers: calls.append((url, body))
    assert ensure_channel(service.ctx, "zoho").action == "created"
    found = answerable(service)
    number = found["suggestions"][0]["label"]
    world.clock.advance(30)
    world.zoho.user_change("update", "Invoices", found["external_id"], {"ERP_Bill_No": number})
    assert calls
    url, body = calls[-1]
    path = url.removeprefix("http://127.0.0.1:8000")
    forged = json.loads(body)
    forged["token"] = "somebody else"
    assert api.post(path, content=json.dumps(forged), headers={"Content-Type": "application/json"}).status_code == 403
    for status in ("stored", "duplicate"):
        answer = api.post(path, content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    assert run_inbox(service.ctx, "zoho").new == 1
    run_apply(service.ctx)
    push(service)
    assert shown(world, found["external_id"])["ERP_Bill_No"] == number
    with reading(service.ctx.engine) as conn:
        state = conn.execute(select(conflicts.c.state).where(conflicts.c.id == found["id"])).scalar()
    assert state == "superseded"
    assert shown(world, found["external_id"])["AR_Payment_Status"] in ("open", "partially_paid", "overdue", "paid")


def test_linking_a_customer_by_api_shows_what_it_owes_and_taking_it_back_clears_it(
    api: TestClient, service: Service, world: SandboxWorld
) -> None:
    truth = world.truth
    asked = api.get("/v1/conflicts", params={"kind": "identity", "state": "open", "limit": 200}).json()["items"]
    for found in asked:
        record = found["external_id"]
        home = truth["accounts"][record]["customer"]
        owed = truth["open"].get(home, {})
        currency = zoho_record(world, "Accounts", record)["Currency"]
        target = _account_of(api, found, home, service)
        if target and list(owed) == [currency] and owed[currency] > 0:
            break
    else:
        raise AssertionError("the seeded world asks about no customer that owes in its own currency")
    assert own_fields(zoho_record(world, "Accounts", record)) == {}
    answer = api.post(f"/v1/conflicts/{found['id']}/resolution", json={"action": "link", "target": target})
    assert answer.status_code == 200, answer.text
    push(service)
    shown_now = own_fields(zoho_record(world, "Accounts", record))
    assert Decimal(str(shown_now["AR_Open_Amount"])) == Decimal(owed[currency]) / 100
    assert shown_now["AR_Credit_Status"] in ("ok", "watch", "hold")
    assert shown_now["AR_Credit_Reasons"]
    assert api.get(f"/v1/conflicts/{found['id']}").json()["state"] == "resolved"
    world.clock.advance(60)
    assert api.delete(f"/v1/conflicts/{found['id']}/resolution").status_code == 200
    push(service)
    assert set(own_fields(zoho_record(world, "Accounts", record))) <= {"AR_As_Of"}
    assert api.get(f"/v1/conflicts/{found['id']}").json()["state"] == "open"
    assert service.rebuild_check().as_dict()["differences"] == []


def _account_of(api: TestClient, found: Any, customer: str, service: Service) -> str:
    """The suggested account that the books keep for that customer."""
    suggested = [one["target"] for one in api.get(f"/v1/conflicts/{found['id']}").json()["suggestions"]]
    with reading(service.ctx.engine) as conn:
        held = conn.execute(select(accounts.c.id).where(accounts.c.party_ref == customer)).scalars().all()
    return next((one for one in suggested if one in held), "")


def test_a_row_that_zoho_refuses_is_seen_dead_and_arrives_after_a_retry_by_api(
    api: TestClient, service: Service, world: SandboxWorld
) -> None:
    one = pick(service, lambda e: e.currency == "CNY" and e.open_minor > 10_000 and bool(e.deals))
    before = zoho_record(world, "Invoices", one.invoice)["AR_Open_Amount"]
    narrowed = world.zoho.tables.catalog.fields("Invoices")["AR_Open_Amount"]
    length, narrowed.length = narrowed.length, 1  # an administrator of Zoho makes the field too short
    receive(world, one.number, "12.34")
    world.clock.advance(60)
    assert all(pull.ok for pull in service.pull())
    service.apply()
    assert run_push(service.ctx, "zoho", limit_seconds=None).dead == 1
    (dead,) = api.get("/v1/pushes", params={"state": "dead"}).json()["items"]
    assert (dead["module"], dead["remote_id"], dead["error_code"]) == ("Invoices", one.invoice, "INVALID_DATA")
    assert zoho_record(world, "Invoices", one.invoice)["AR_Open_Amount"] == before
    # What stood beside it in the same run has arrived.
    assert _paid_in_deals(world, one.deals), "one refused row held up the others"

    narrowed.length = length
    world.clock.advance(60)
    push(service)
    assert zoho_record(world, "Invoices", one.invoice)["AR_Open_Amount"] == before, "sent again without being asked"
    assert api.post(f"/v1/pushes/{dead['id']}/retry").status_code == 200
    push(service)
    after = zoho_record(world, "Invoices", one.invoice)
    assert Decimal(str(after["AR_Open_Amount"])) == Decimal(one.open_minor) / 100 - Decimal("12.34")
    assert after["AR_Payment_Status"] in ("partially_paid", "overdue")
    assert api.get("/v1/pushes", params={"state": "dead"}).json()["items"] == []
    assert api.get(f"/v1/pushes/{dead['id']}").json()["state"] == "done"


def _paid_in_deals(world: SandboxWorld, deals: tuple[str, ...]) -> list[str]:
    """Deals whose last payment is of today."""
    today = world.clock.now().date().isoformat()
    return [deal for deal in deals if zoho_record(world, "Deals", deal)["AR_Last_Payment_Date"] == today]
