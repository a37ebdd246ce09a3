"""The local Fxiaoke enterprise: recorded answers, limits, tokens, derived amounts, events. Asked by plain HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.fxiaoke import FxiaokeServer, FxiaokeSettings
from tieout.sandbox.fxiaoke.callbacks import decrypt, encrypt, sha1
from tieout.sandbox.http import InProcessTransport
from tieout.sandbox.state import SandboxStore

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


class Tenant:
    """A server and a caller that knows nothing of the connector."""

    def __init__(self, **settings: Any) -> None:
        self.settings = FxiaokeSettings(**settings)
        self.clock = SandboxClock(NOW, running=False)
        self.server = FxiaokeServer(SandboxStore(None), self.clock, FaultRegistry(), self.settings)
        self.http = httpx.Client(
            transport=InProcessTransport({"fx.sandbox": self.server}), base_url="http://fx.sandbox"
        )
        self.token = ""

    def post(self, path: str, body: Any, **headers: str) -> dict[str, Any]:
        answer = self.http.post(path, json=body, headers=headers)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    def ask_token(self, **changed: str) -> dict[str, Any]:
        keys = {
            "appId": self.settings.app_id,
            "appSecret": self.settings.app_secret,
            "permanentCode": self.settings.permanent_code,
            "grantType": "app_secret",
        }
        return self.post("/oauth2.0/token?thirdTraceId=1", {**keys, **changed})

    def call(self, path: str, data: dict[str, Any], **top: Any) -> dict[str, Any]:
        if not self.token:
            self.token = self.ask_token()["accessToken"]
        headers = {"authorization": f"Bearer {self.token}", "x-fs-ea": self.settings.ea, "x-fs-userid": "1000"}
        return self.post(path, {"data": data, **top}, **headers)

    def query(self, name: str, filters: list[Any], **info: Any) -> dict[str, Any]:
        wanted = {"limit": 100, "offset": 0, "filters": filters, **info}
        return self.call("/cgi/crm/v2/data/query", {"dataObjectApiName": name, "search_query_info": wanted})

    def create(self, api_name: str, details: Any = None, /, **fields: Any) -> str:
        data: dict[str, Any] = {"object_data": {"dataObjectApiName": api_name, **fields}}
        if details:
            data["details"] = details
        quiet = {"triggerApprovalFlow": False, "triggerWorkFlow": False}
        made = self.call("/cgi/crm/v2/data/create", data, **quiet)
        assert made["errorCode"] == 0, made
        return str(made["dataId"])

    def get(self, name: str, record_id: str) -> dict[str, Any]:
        found = self.call("/cgi/crm/v2/data/get", {"dataObjectApiName": name, "objectDataId": record_id})
        data: dict[str, Any] = found["data"]
        return data


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


def test_refusals_are_http_200_with_the_recorded_bodies(tenant: Tenant) -> None:
    unknown = tenant.post("/cgi/nope", {"a": 1})
    assert (unknown["errorCode"], unknown["errorMessage"]) == (
        10006, "the request uri=[/cgi/nope], apiName=[null] is not exists",
    )  # fmt: skip
    path = "/cgi/crm/v2/data/query"
    assert tenant.post(path, {"data": {}})["errorCode"] == 20017
    refused = tenant.post(path, {"data": {}}, authorization="Bearer nothing")
    assert (refused["errorCode"], refused["errorMessage"]) == (
        20016, "the cropId,cropAccessToken or authorization is error",
    )  # fmt: skip
    assert tenant.post("/oauth2.0/token", {"appId": "x"})["errorCode"] == 10006
    assert tenant.ask_token(appSecret="wrong")["errorCode"] == 20006
    assert tenant.ask_token(permanentCode="wrong")["errorCode"] == 20015


def test_one_token_until_6600_seconds_then_a_new_one_beside_the_old(tenant: Tenant) -> None:
    first = tenant.ask_token()
    assert (first["expiresIn"], first["openUserId"][:6]) == (7200, "FSCID_")
    tenant.clock.advance(6599)
    again = tenant.ask_token()
    assert (again["accessToken"], again["expiresIn"]) == (first["accessToken"], 601)
    tenant.clock.advance(1)
    new = tenant.ask_token()
    assert new["accessToken"] != first["accessToken"]
    tenant.token = first["accessToken"]
    assert tenant.query("AccountObj", [])["errorCode"] == 0
    tenant.clock.advance(600)
    assert tenant.query("AccountObj", [])["errorCode"] == 20016
    legacy = tenant.post(
        "/cgi/corpAccessToken/get/V2",
        {
            "appId": tenant.settings.app_id,
            "appSecret": tenant.settings.app_secret,
            "permanentCode": tenant.settings.permanent_code,
        },
    )
    assert legacy["corpAccessToken"] == new["accessToken"]


def test_tokens_are_given_ten_a_minute_and_to_one_at_a_time(tenant: Tenant) -> None:
    assert [tenant.ask_token()["errorCode"] for _ in range(11)] == [0] * 10 + [14001]
    tenant.clock.advance(61)
    with tenant.server.tokens.one_at_a_time():
        assert tenant.ask_token()["errorCode"] == 14001
    assert tenant.ask_token()["errorCode"] == 0


def test_a_hundred_calls_in_twenty_seconds_per_interface_and_packs_per_day() -> None:
    tenant = Tenant(calls_per_day=150)
    assert [tenant.query("AccountObj", [])["errorCode"] for _ in range(101)] == [0] * 100 + [30004]
    listed = tenant.call("/cgi/crm/v2/object/list", {})
    assert listed["errorCode"] == 0  # another interface
    tenant.clock.advance(20)
    codes = [tenant.query("AccountObj", [])["errorCode"] for _ in range(50)]
    assert codes == [0] * 49 + [30002]
    tenant.clock.advance(14 * 3600)  # past midnight in Shanghai
    tenant.token = ""
    assert tenant.query("AccountObj", [])["errorCode"] == 0
    assert Tenant(calls_per_day=0).query("AccountObj", [])["errorCode"] == 30003


def test_pages_are_bounded_and_the_offset_ends() -> None:
    tenant = Tenant(offset_cap=20)
    tenant.server.seed("AccountObj", [{"name": f"客户{number}"} for number in range(45)])
    assert tenant.query("AccountObj", [], limit=101)["errorCode"] == 32000
    assert tenant.query("AccountObj", [], limit=10, offset=5)["errorCode"] == 32000
    capped = tenant.query("AccountObj", [], limit=10, offset=30)
    assert (capped["errorCode"], capped["errorMessage"]) == (10013, "offset out of range 20")
    seen: list[str] = []
    last = ""
    while True:
        after = [{"field_name": "_id", "field_values": [last], "operator": "GT"}] if last else []
        page = tenant.query("AccountObj", after, limit=10, orders=[{"fieldName": "_id", "isAsc": True}])["data"]
        seen += [row["_id"] for row in page["dataList"]]
        if len(page["dataList"]) < 10:
            break
        last = seen[-1]
    assert len(seen) == len(set(seen)) == 45
    assert page["total"] == 5
    unknown = [{"field_name": "name", "field_values": ["x"], "operator": "NEQ"}]
    assert tenant.query("AccountObj", unknown)["errorCode"] == 32000


def test_a_receipt_with_lines_moves_its_order_and_plan(tenant: Tenant) -> None:
    account = tenant.create("AccountObj", name="杭州示例")
    order = tenant.create("SalesOrderObj", name="SO1", account_id=account, order_amount="100.00")
    due = int(NOW.timestamp() * 1000) + 86_400_000
    plan = tenant.create(
        "PaymentPlanObj", account_id=account, order_id=order, plan_payment_amount="60.00", plan_payment_time=due
    )
    lines = {"OrderPaymentObj": [{"order_id": order, "payment_plan_id": plan, "payment_amount": "59.99"}]}
    stamp = tenant.get("SalesOrderObj", order)["last_modified_time"]
    tenant.clock.advance(5)
    payment = tenant.create("PaymentObj", lines, account_id=account, payment_amount="59.99")
    shown = tenant.get("SalesOrderObj", order)
    assert (shown["payment_amount"], shown["receivable_amount"]) == ("59.99", "40.01")
    assert shown["last_modified_time"] == stamp  # statistic fields do not move it
    assert shown["account_id__r"] == "杭州示例"
    assert tenant.get("PaymentPlanObj", plan)["plan_payment_status"] == "incomplete"
    tenant.clock.advance(2 * 86_400)
    tenant.token = ""
    assert tenant.get("PaymentPlanObj", plan)["plan_payment_status"] == "overdue"
    (line,) = tenant.get("PaymentObj", payment)["details"]["OrderPaymentObj"]
    assert line["payment_id"] == payment
    assert line["containerDocument"]["payment_amount"] == "59.99"


def test_locked_missing_and_living_records_refuse(tenant: Tenant) -> None:
    account = tenant.create("AccountObj", name="甲")
    lost = {"object_data": {"dataObjectApiName": "SalesOrderObj", "name": "SO2", "account_id": "ffff"}}
    assert "关联关系不存在" in tenant.call("/cgi/crm/v2/data/create", lost)["errorMessage"]
    tenant.server.user_change("lock", "AccountObj", account)
    change = {"object_data": {"_id": account, "dataObjectApiName": "AccountObj", "tel": "1"}}
    refused = tenant.call("/cgi/crm/v2/data/update", change)
    assert refused["errorCode"] == 50009
    assert "锁定" in refused["errorMessage"]
    tenant.server.user_change("unlock", "AccountObj", account)
    assert tenant.call("/cgi/crm/v2/data/update", change)["errorCode"] == 0
    ids = {"dataObjectApiName": "AccountObj", "idList": [account]}
    assert tenant.call("/cgi/crm/v2/data/delete", ids)["errorCode"] == 32000  # not invalid yet
    gone = {"dataObjectApiName": "AccountObj", "object_data_id": account}
    assert tenant.call("/cgi/crm/v2/data/invalid", gone)["errorCode"] == 0
    assert tenant.query("AccountObj", [])["data"]["dataList"] == []
    invalid = [{"field_name": "life_status", "field_values": ["invalid"], "operator": "EQ"}]
    assert [row["_id"] for row in tenant.query("AccountObj", invalid)["data"]["dataList"]] == [account]
    assert tenant.call("/cgi/crm/v2/data/recover", ids)["errorCode"] == 0
    custom = tenant.call(
        "/cgi/crm/custom/v2/data/query",
        {"dataObjectApiName": "AccountObj", "search_query_info": {"limit": 1, "filters": []}},
    )
    assert custom["errorCode"] == 32000  # a preset object on the custom path


def test_approval_flows_run_unless_switched_off(tenant: Tenant) -> None:
    account = tenant.create("AccountObj", name="甲")
    data = {"object_data": {"dataObjectApiName": "PaymentObj", "account_id": account, "payment_amount": "1.00"}}
    made = tenant.call("/cgi/crm/v2/data/create", data)["dataId"]
    assert tenant.get("PaymentObj", made)["life_status"] == "under_review"
    effects = tenant.server.store.effects.since(0)
    assert effects[-1].trigger == ["triggerApprovalFlow", "triggerWorkFlow"]
    assert effects[0].trigger == []


def test_events_are_signed_sealed_and_sent_again_until_answered(tenant: Tenant) -> None:
    account = tenant.create("AccountObj", name="甲")
    key, sent = tenant.settings.callback_key, []

    def deliver(url: str, body: bytes, headers: dict[str, str]) -> bytes:
        sent.append(httpx.Response(200, content=body).json())
        if len(sent) == 1:
            return b"{}"
        result = encrypt(b"success", key)
        return httpx.Request(
            "POST", "http://x", json={
                "signature": sha1("1", "n", result, key), "timestamp": "1", "nonce": "n", "encryptedResult": result,
            },
        ).content  # fmt: skip

    tenant.server.callbacks.deliver = deliver
    tenant.server.user_change("set_callback", "", None, {"url": "http://127.0.0.1:1/hook"})
    tenant.server.user_change("update", "AccountObj", account, {"tel": "2"})
    first, second = sent
    assert "retryTimes" not in first
    assert second["retryTimes"] == "1"
    assert first["messageId"] == second["messageId"]
    parts = [second[name] for name in ("timestamp", "nonce", "messageId")]
    assert second["signature"] == sha1(*parts, "1", second["enterpriseAccount"], second["encryptedContent"], key)
    assert f'"dataId":"{account}"'.encode() in decrypt(second["encryptedContent"], key)
    assert [one.outcome for one in tenant.server.callbacks.history] == ["not acknowledged", "ok"]
