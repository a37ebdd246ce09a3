"""The whole sandbox in process: three hosts, one clock, a control plane that changes both vendors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tieout.core import exact_json
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.world import SandboxWorld

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


@pytest.fixture
def world() -> Iterator[SandboxWorld]:
    made = SandboxWorld(None, 5, 30, 120, SandboxClock(NOON, running=False))
    yield made
    made.close()


def _control(world: SandboxWorld) -> httpx.Client:
    return httpx.Client(transport=world.transport(), base_url="http://control.sandbox/_control")


def test_both_vendors_hold_the_company(world: SandboxWorld) -> None:
    with httpx.Client(transport=world.transport()) as http:
        keys = world.connections()["zoho"]
        grant = {k: keys[k] for k in ("client_id", "client_secret", "refresh_token")} | {"grant_type": "refresh_token"}
        token = http.post("http://zoho.sandbox/oauth/v2/token", params=grant).json()["access_token"]
        headers = {"Authorization": f"Zoho-oauthtoken {token}"}
        params = {"fields": "Account_Name,Tax_ID", "per_page": "200"}
        listed = http.get("http://zoho.sandbox/crm/v8/Accounts", params=params, headers=headers).json()["data"]
        assert {row["id"] for row in listed} == set(world.truth["accounts"])
        control = http.get("http://control.sandbox/_control/truth").json()
        assert control["counts"] == world.truth["counts"]
        assert control["counts"]["zoho_accounts"] == len(listed)


def test_changes_through_the_control_plane(world: SandboxWorld) -> None:
    with _control(world) as http:
        created = http.post(
            "/change",
            content=exact_json.dumps(
                {
                    "vendor": "kingdee",
                    "operation": "create",
                    "form": "AR_RECEIVEBILL",
                    "fields": {"FCONTACTUNIT": "CUST0001", "FRECAMOUNTFOR": "113000.00"},
                }
            ),
        ).json()["record"]
        fields = {"source": created["FBillNo"], "bill": "AR00000001", "amount": "113000.00"}
        change: dict[str, Any] = {"vendor": "kingdee", "operation": "settle", "form": "AR_RECMacthLog"}
        settled = http.post("/change", json={**change, "fields": fields}).json()["record"]
        assert settled["FTARGETBILLNO"] == "AR00000001"
        bill = http.get("/state/kingdee/AR_receivable/100001").json()
        assert bill["FWRITTENOFFSTATUS"] == "C"
        again = http.post("/change", json={**change, "fields": fields})
        assert again.status_code == 400
        assert "未核销金额" in again.json()["error"]
        update = {"vendor": "kingdee", "operation": "update", "form": "BD_Customer", "id": "CUST0002"}
        late = {**update, "fields": {"FShortName": "x"}, "modified_at": "2026-11-01T08:00:00+08:00"}
        assert http.post("/change", json=late).json()["record"]["FModifyDate"] == "2026-11-01T08:00:00"
        operations = [effect["operation"] for effect in http.get("/effects").json()["effects"]]
        assert operations == ["create", "settle", "update"]
        # The slow fault of a world whose clock stands still moves that clock and nobody waits.
        http.post("/faults", json={"vendor": "kingdee", "match": "kdsvc", "action": "slow", "seconds": 3600})
    with httpx.Client(transport=world.transport()) as plain:
        with pytest.raises(httpx.ReadTimeout):
            plain.post("http://kingdee.sandbox/k3cloud/X.common.kdsvc", json={}, timeout=30)
        assert (world.clock.now() - NOON).total_seconds() == 3600


def test_load_once() -> None:
    world = SandboxWorld(None, customers=0, clock=SandboxClock(NOON, running=False))
    with _control(world) as http:
        assert http.get("/truth").json() == {}
        assert http.post("/load", json={"seed": 3, "what": 1}).status_code == 400
        counts = http.post("/load", json={"seed": 3, "customers": 30, "invoices": 90}).json()
        assert (counts["customers"], counts["bills"]) == (30, 90)
        assert http.post("/load", json={"seed": 3}).status_code == 400
        assert http.get("/truth").json()["seed"] == 3
