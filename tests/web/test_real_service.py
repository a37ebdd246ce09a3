"""The application over the real service: what the fake of the other tests stands in for, answers the same way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from sync.service import Service
from tests.web.factory import Books
from tieout.core import faults
from tieout.store import channels
from tieout.store.channels import StoredChannel
from tieout.store.session import reading
from tieout.store.tables import inbox
from tieout.web.app import build


@pytest.fixture
def real(service: Service) -> Iterator[TestClient]:
    with TestClient(build(service.config, service=service), raise_server_exceptions=False) as client:
        client.headers["X-API-Key"] = service.create_api_key("test", "admin", "cli:test")
        yield client


def test_reading_and_refusing_over_the_real_service(real: TestClient, service: Service) -> None:
    books = Books(service.ctx.engine)
    books.customer("北京远航贸易有限公司")
    invoice = books.document("invoice", books.named["北京远航贸易有限公司"], "AR1", 100_00, status="overdue")
    books.push("planned", minor=100_00, subject=invoice)
    plan = real.get("/v1/plan")
    assert plan.status_code == 200, plan.text
    row = plan.json()["rows"][0]
    assert row["changes"] == [{"field": "AR_Payment_Status", "before": "open", "after": "overdue"}]
    assert row["money"]["text"] == "100.00"
    assert real.get(f"/v1/invoices/{invoice}/explain").json()["document"]["number"] == "AR1"
    assert real.get("/v1/invoices/inv_none/explain").status_code == 404
    assert real.post("/v1/plan/ffff0000ffff0000/push").status_code == 404
    assert real.post("/v1/conflicts/cfl_none/resolution", json={"action": "leave"}).status_code == 404
    assert real.delete("/v1/conflicts/cfl_none/resolution").status_code == 404
    assert real.post("/v1/pushes/psh_none/retry").status_code == 404
    assert real.post("/v1/customers/cus_a/merge", json={"other": "cus_b"}).status_code == 404
    assert real.post("/v1/reconciliations", json={"as_of": "2999-01-01"}).status_code == 409
    codes = {problem["code"] for problem in real.get("/readyz").json()["problems"]}
    assert codes == {"never_read", "redis"}


def test_a_conflict_is_answered_and_taken_back_over_the_real_service(real: TestClient, service: Service) -> None:
    made = Books(service.ctx.engine).conflict("A 公司", 100_00)
    answer = real.post(f"/v1/conflicts/{made}/resolution", json={"action": "leave", "note": "另一家"})
    assert answer.status_code == 200, answer.text
    shown = real.get(f"/v1/conflicts/{made}").json()
    assert (shown["state"], shown["answer"]["note"]) == ("resolved", "另一家")
    assert shown["answered_by"].startswith("key:tok_")
    again = real.post(f"/v1/conflicts/{made}/resolution", json={"action": "leave"})
    assert (again.status_code, again.json()["code"]) == (409, "conflict_closed")
    assert real.post(f"/v1/conflicts/{made}/resolution", json={"action": "bind"}).status_code == 409
    assert real.delete(f"/v1/conflicts/{made}/resolution").status_code == 200
    assert real.get(f"/v1/conflicts/{made}").json()["state"] == "open"
    actions = [line["action"] for line in real.get("/v1/audit").json()["items"]]
    assert actions[:2] == ["conflict.undo", "conflict.resolve"]


def test_the_first_administrator_signs_in_with_the_printed_link(service: Service, real: TestClient) -> None:
    link = service.login_link()
    answer = real.post("/login/link", data={"token": link}, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer.url.path == "/"
    assert "admin" in answer.text


@pytest.fixture
def _without_faults() -> Iterator[None]:
    yield
    faults.set_hook(None)


@pytest.mark.usefixtures("_without_faults")
@pytest.mark.parametrize(
    ("point", "stored", "repeated"),
    [("before:inbox.insert", 0, "stored"), ("after:inbox.insert", 1, "duplicate")],
)
def test_a_webhook_is_answered_with_2xx_only_after_its_commit(
    real: TestClient, service: Service, point: str, stored: int, repeated: str
) -> None:
    """What fails before the commit leaves no row and a 5xx, so that the vendor sends it again, and that one is kept."""
    token, secret, now = "a-token-of-enough-length", "an-unguessable-path", datetime.now(UTC)
    lapses = now + timedelta(days=6)
    channels.save(
        service.ctx.engine,
        service.ctx.sealer,
        StoredChannel("zoho", "100", token, secret, "https://x", lapses, now, ""),
    )
    facts = {"module": "Invoices", "ids": ["1"], "operation": "update", "server_time": 1, "token": token}
    body = json.dumps({**facts, "channel_id": "100"})

    def sent() -> tuple[int, str]:
        answer = real.post(f"/webhooks/zoho/{secret}", content=body, headers={"Content-Type": "application/json"})
        return answer.status_code, answer.json().get("status", "")

    def kept() -> list[str]:
        with reading(service.ctx.engine) as conn:
            return list(conn.execute(select(inbox.c.state)).scalars())

    hits = []

    def fail(name: str) -> None:
        if name == point:
            hits.append(name)
            raise OSError("the disk is gone")

    faults.set_hook(fail)
    status, _ = sent()
    assert hits == [point]
    assert status >= 500
    assert kept() == ["new"] * stored
    faults.set_hook(None)
    assert sent() == (200, repeated)
    assert sent() == (200, "duplicate")
    assert kept() == ["new"]
