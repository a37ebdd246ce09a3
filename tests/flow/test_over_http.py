"""The main job over HTTP: a webhook wakes it up to the field in Zoho; a conflict is answered and taken back by API."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
from tests.flow.harness import make_world, open_installation
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading
from tieout.store.tables import conflicts
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
