"""What people ask of the workers over the API is a run: queued, running with counts, done or failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from sync import jobs
from sync.service import Service
from sync.sweep import due
from tests.flow.books import Synced, pick, receive, rows, writes_since
from tests.flow.harness import make_world, open_installation
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import outbox
from tieout.web.app import build


def api_of(service: Service) -> TestClient:
    made = TestClient(build(service.config, service=service))
    made.headers["X-API-Key"] = service.create_api_key("test", "admin", "cli:test")
    return made


def shown(api: TestClient, run: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/runs/{run}").json()
    return found


@pytest.fixture
def planned(tmp_path: Path) -> tuple[SandboxWorld, Service]:
    world = make_world(12, 40)
    service = open_installation(tmp_path, world, f"sqlite:///{tmp_path}/tieout.db", push_mode="plan")
    service.prepare()
    assert service.sync().ok
    return world, service


def test_a_sync_that_is_asked_for_is_queued_until_a_worker_has_done_it(synced: Synced) -> None:
    world, service = synced
    with service, api_of(service) as api:
        world.clock.advance(300)
        run = api.post("/v1/connections/zoho/sync").json()["run"]
        assert (shown(api, run)["state"], shown(api, run)["ended_at"]) == ("queued", None)
        assert api.post("/v1/connections/zoho/sync").json()["run"] == run, "asked twice, done once"
        assert "pull:zoho" in due(service.ctx)
        while jobs._STEPS["pull"](service.ctx, "zoho"):
            pass
        done = shown(api, run)
        assert done["state"] == "done"
        assert set(done["counts"]) == {"customers", "deals", "invoices"}
        assert api.get("/v1/runs?kind=sync&state=queued").json()["items"] == []
        world.clock.advance(10)
        assert api.post("/v1/connections/zoho/sync").json()["run"] != run


def test_a_plan_is_sent_by_the_workers_and_its_run_says_what_became_of_it(
    planned: tuple[SandboxWorld, Service],
) -> None:
    world, service = planned
    with service, api_of(service) as api:
        seq = world.store.effects.last_seq
        plan = api.get("/v1/plan").json()
        moved = pick(service)
        receive(world, moved.number, "1.00")
        world.clock.advance(120)
        service.pull(["kingdee"])
        service.apply()
        answer = api.post(f"/v1/plan/{plan['digest']}/push")
        assert answer.status_code == 202
        run = answer.json()["run"]
        assert shown(api, run)["state"] == "queued"
        assert writes_since(world, seq) == [], "the request itself writes nothing"
        assert f"plan:{run}" in due(service.ctx)
        while jobs._STEPS["plan"](service.ctx, run):
            assert shown(api, run)["state"] == "running"
        done = shown(api, run)
        assert done["state"] == "done", done
        moved_ids = {row["id"] for row in done["counts"]["moved_on"]}
        assert moved_ids
        assert done["counts"]["sent"] == len(plan["rows"]) - len(moved_ids)
        assert done["counts"]["unsent"] == []
        assert f"plan:{run}" not in due(service.ctx)
        sent = {(one.entity, str(one.record_id)) for one in writes_since(world, seq)}
        assert ("Invoices", moved.invoice) not in sent
        left = rows(service, select(outbox.c.id).where(outbox.c.state == "planned"))
        assert {row["id"] for row in left} == moved_ids
        assert not jobs._STEPS["plan"](service.ctx, run), "a run that has ended does nothing"


def test_a_plan_that_cannot_be_sent_fails_its_run_and_says_why(planned: tuple[SandboxWorld, Service]) -> None:
    _, service = planned
    with service, api_of(service) as api:
        digest = api.get("/v1/plan").json()["digest"]
        service.push_pause("ann", "stop")
        run = api.post(f"/v1/plan/{digest}/push").json()["run"]
        assert not jobs._STEPS["plan"](service.ctx, run)
        done = shown(api, run)
        assert done["state"] == "failed"
        assert "paused" in done["error"]
