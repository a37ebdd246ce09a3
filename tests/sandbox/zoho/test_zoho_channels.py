"""Notification channels: subscription rules, expiry, callbacks with several ids, and faults on the way."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tieout.core import exact_json
from tieout.core.clock import SystemClock
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.faults import FaultRegistry
from tieout.sandbox.http import Request
from tieout.sandbox.state import SandboxStore
from tieout.sandbox.zoho import ZohoServer

from .conftest import Crm, account

FIRST = "4150868000002000000"
URL = "http://127.0.0.1:9/hooks/zoho/secret?k=v&c=zoho"


def channel(**more: Any) -> dict[str, Any]:
    made = {"channel_id": "1000000068001", "events": ["Accounts.all", "Invoices.edit"], "token": "s3cret"}
    return {**made, "notify_url": URL, "channel_expiry": "2026-03-05T09:00:00+08:00", **more}


def watch(crm: Crm, row: dict[str, Any], method: str = "POST", status: int = 201) -> dict[str, Any]:
    answer = crm.send(method, "/actions/watch", {"watch": [row]})
    assert answer.status_code == status, answer.text
    return dict(answer.json()["watch"][0])


def told(crm: Crm) -> list[tuple[str, str, list[str]]]:
    return [(body["module"], body["operation"], body["ids"]) for _, body in crm.told]


def test_subscription_answer(crm: Crm) -> None:
    done = watch(crm, channel())
    assert done["message"] == "Successfully subscribed for actions-watch of the given module"
    events = done["details"]["events"]
    assert [event["resource_name"] for event in events] == ["Accounts", "Invoices"]
    assert events[0]["channel_expiry"] == "2026-03-05T09:00:00+08:00"
    assert events[0]["channel_id"] == "1000000068001"
    assert events[0]["resource_uri"].endswith("/crm/v2/Accounts")


@pytest.mark.parametrize(
    ("asked", "expiry"),
    [
        (None, "2026-03-02T10:00:00+08:00"),
        ("2026-03-09T09:00:00+08:00", "2026-03-09T09:00:00+08:00"),
        ("2026-03-09T09:00:01+08:00", "2026-03-02T10:00:00+08:00"),
    ],
)
def test_expiry_is_an_hour_when_absent_or_beyond_a_week(crm: Crm, asked: str | None, expiry: str) -> None:
    done = watch(crm, channel(channel_expiry=asked))
    assert done["details"]["events"][0]["channel_expiry"] == expiry


@pytest.mark.parametrize(
    ("more", "code", "name"),
    [
        ({"channel_id": None}, "MANDATORY_NOT_FOUND", "channel_id"),
        ({"events": None}, "MANDATORY_NOT_FOUND", "events"),
        ({"notify_url": None}, "MANDATORY_NOT_FOUND", "notify_url"),
        ({"token": "t" * 51}, "INVALID_DATA", "token"),
        ({"events": ["Nope.all"]}, "INVALID_DATA", "events"),
        ({"events": ["Accounts.changed"]}, "INVALID_DATA", "events"),
        ({"channel_expiry": "2026-03-05T09:00:00.000+08:00"}, "INVALID_DATA", "channel_expiry"),
        ({"channel_expiry": "2026-03-01T09:00:00+08:00"}, "INVALID_DATA", "channel_expiry"),
    ],
)
def test_bad_subscriptions(crm: Crm, more: dict[str, Any], code: str, name: str) -> None:
    done = watch(crm, channel(**more), status=400)
    assert (done["code"], done["details"]["api_name"]) == (code, name)
    assert crm.get("/actions/watch").status_code == 204


def test_callback_of_a_user_change(crm: Crm) -> None:
    watch(crm, channel(return_affected_field_values=True))
    crm.server.user_change("update", "Accounts", FIRST, {"Phone": "1", "Account_Name": "Company 0"})
    (url, body), *rest = crm.told
    assert (url, rest) == (URL, [])
    assert body == {
        "server_time": 1772413200000,
        "query_params": {"k": "v", "c": "zoho"},
        "module": "Accounts",
        "resource_uri": "http://zoho.sandbox/crm/v2/Accounts",
        "ids": [FIRST],
        "affected_fields": [],
        "operation": "update",
        "channel_id": "1000000068001",
        "token": "s3cret",
        "affected_values": [{"record_id": FIRST, "values": {"Phone": "1"}}],
    }


def test_operations_and_events(crm: Crm) -> None:
    watch(crm, channel())
    made = crm.server.user_change("create", "Accounts", None, {"Account_Name": "N"})["id"]
    crm.server.user_change("delete", "Accounts", made)
    crm.server.user_change("undelete", "Accounts", made)
    crm.server.user_change("delete", "Invoices", "4150868000003000000")  # only edits are watched there
    crm.server.user_change("create", "Deals", None, {"Deal_Name": "D"})
    assert told(crm) == [("Accounts", op, [made]) for op in ("insert", "delete", "insert")]


def test_api_writes_tell_too_and_several_ids_share_one_callback(crm: Crm) -> None:
    watch(crm, channel())
    ids = [str(int(FIRST) + n) for n in range(4)]
    rows: list[dict[str, Any]] = [{"id": one, "Phone": "1"} for one in ids]
    rows.insert(2, {"id": "77", "Phone": "1"})
    crm.send("PUT", "/Accounts", {"data": rows, "trigger": []})
    assert told(crm) == [("Accounts", "update", ids)]


def test_channels_lapse_and_are_renewed_by_patch(crm: Crm) -> None:
    watch(crm, channel(channel_expiry="2026-03-02T09:10:00+08:00"))
    crm.clock.advance(599)
    renewal = {"channel_id": "1000000068001", "channel_expiry": "2026-03-02T09:20:00+08:00"}
    watch(crm, renewal, "PATCH", 200)
    crm.clock.advance(600)
    listed = crm.get("/actions/watch", {"channel_id": "1000000068001"}).json()["watch"]
    assert {row["channel_expiry"] for row in listed} == {"2026-03-02T09:20:00+08:00"}
    assert {row["notify_url"] for row in listed} == {URL}
    crm.server.user_change("update", "Accounts", FIRST, {"Phone": "1"})
    assert len(crm.told) == 1
    crm.clock.advance(1)
    crm.server.user_change("update", "Accounts", FIRST, {"Phone": "2"})
    assert len(crm.told) == 1
    assert crm.get("/actions/watch").status_code == 204


def test_a_lapsed_channel_cannot_be_renewed(crm: Crm) -> None:
    watch(crm, channel(channel_expiry="2026-03-02T09:10:00+08:00"))
    crm.clock.advance(600)
    renewal = {"channel_id": "1000000068001", "channel_expiry": "2026-03-02T09:20:00+08:00"}
    assert watch(crm, renewal, "PATCH", 400)["code"] == "NOT_SUBSCRIBED"
    watch(crm, channel())


def test_an_edited_contact_tells_its_account_unless_switched_off(crm: Crm) -> None:
    contact = crm.server.user_change("create", "Contacts", None, {"Last_Name": "C", "Account_Name": {"id": FIRST}})
    watch(crm, channel())
    crm.server.user_change("update", "Contacts", contact["id"], {"Phone": "1"})
    assert told(crm) == [("Accounts", "update", [FIRST])]
    watch(crm, channel(notify_on_related_action=False))
    crm.server.user_change("update", "Contacts", contact["id"], {"Phone": "2"})
    assert len(crm.told) == 1


def test_a_condition_lets_only_chosen_fields_through(crm: Crm) -> None:
    def condition(*names: str) -> list[dict[str, Any]]:
        group = [{"field": {"api_name": name}} for name in names]
        selection = {"group_operator": "or", "group": group}
        return [{"type": "field_selection", "module": {"api_name": "Accounts"}, "field_selection": selection}]

    watch(crm, channel(notification_condition=condition("Account_Name", "Phone")))
    crm.server.user_change("update", "Accounts", FIRST, {"Website": "x.cn"})
    assert crm.told == []
    crm.server.user_change("update", "Accounts", FIRST, {"Phone": "1"})
    crm.server.user_change("delete", "Accounts", FIRST)
    assert [operation for _, operation, _ in told(crm)] == ["update", "delete"]
    eleven = condition(*(f"F{n}" for n in range(11)))
    assert watch(crm, channel(notification_condition=eleven), status=400)["code"] == "INVALID_DATA"


def test_put_replaces_and_drops_what_is_omitted(crm: Crm) -> None:
    watch(crm, channel())
    watch(crm, {"channel_id": "1000000068001", "events": ["Accounts.edit"], "notify_url": URL}, "PUT", 200)
    crm.server.user_change("update", "Accounts", FIRST, {"Phone": "1"})
    assert crm.told[0][1]["token"] is None
    assert watch(crm, channel(channel_id="9"), "PUT", 400)["code"] == "NOT_SUBSCRIBED"


def test_unsubscribing(crm: Crm) -> None:
    watch(crm, channel())
    answer = crm.client.delete("/crm/v8/actions/watch", params={"channel_ids": "1000000068001,5"})
    assert answer.status_code == 207
    assert [row["code"] for row in answer.json()["watch"]] == ["SUCCESS", "NOT_SUBSCRIBED"]
    crm.server.user_change("update", "Accounts", FIRST, {"Phone": "1"})
    assert crm.told == []


def test_callbacks_may_be_dropped_doubled_and_reordered(crm: Crm) -> None:
    watch(crm, channel())
    for action in ("drop_callback", "duplicate_callback", "reorder_callbacks"):
        crm.faults.add("zoho", "CALLBACK Accounts", action)
        crm.server.user_change("update", "Accounts", FIRST, {"Phone": action})
        crm.server.user_change("update", "Invoices", "4150868000003000000", {"Status": action})
        modules = [module for module, _, _ in told(crm)]
        crm.told.clear()
        expected = {
            "drop_callback": ["Invoices"],
            "duplicate_callback": ["Accounts", "Accounts", "Invoices"],
            "reorder_callbacks": ["Invoices", "Accounts"],
        }
        assert modules == expected[action]


def test_a_failing_subscriber_is_not_the_vendors_failure(crm: Crm) -> None:
    def refuse(url: str, body: bytes, headers: dict[str, str]) -> None:
        raise ConnectionError("nobody there")

    watch(crm, channel())
    crm.server.callbacks.deliver = refuse
    answer = crm.send("PUT", "/Accounts", {"data": [{"id": FIRST, "Phone": "1"}]})
    assert answer.status_code == 200
    assert crm.server.callbacks.history[-1].outcome == "ConnectionError: nobody there"


def test_a_subscriber_may_call_back_while_it_is_told(crm: Crm) -> None:
    seen: list[int] = []
    watch(crm, channel())
    crm.server.callbacks.deliver = lambda url, body, headers: seen.append(crm.get(f"/Accounts/{FIRST}").status_code)
    crm.send("PUT", "/Accounts", {"data": [{"id": FIRST, "Phone": "1"}]})
    assert seen == [200]


def test_the_sending_thread_posts_over_http() -> None:
    got: list[tuple[str, dict[str, Any]]] = []
    arrived = threading.Event()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, exact_json.loads(body)))
            self.send_response(202)
            self.end_headers()
            arrived.set()

        def log_message(self, format: str, *args: Any) -> None:
            return

    hook = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=hook.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    server = ZohoServer(SandboxStore(None), SandboxClock(), FaultRegistry())
    server.seed("Accounts", [account(0)])
    row = channel(notify_url=f"http://127.0.0.1:{hook.server_port}/hook?k=v", channel_expiry=None)
    token = {"watch": [row]}
    server.start_callbacks()
    try:
        form = (
            f"grant_type=refresh_token&client_id={server.settings.client_id}"
            f"&client_secret={server.settings.client_secret}&refresh_token={server.settings.refresh_token}"
        )
        minted = exact_json.loads(server.handle(Request("POST", "/oauth/v2/token", body=form.encode())).body)
        headers = {"authorization": f"Zoho-oauthtoken {minted['access_token']}"}
        subscribed = server.handle(
            Request("POST", "/crm/v8/actions/watch", headers=headers, body=exact_json.dumps(token))
        )
        assert subscribed.status == 201
        server.user_change("update", "Accounts", FIRST, {"Phone": "1"})
        assert arrived.wait(10)
        clock = SystemClock()
        give_up = clock.monotonic() + 5
        while not server.callbacks.history and clock.monotonic() < give_up:
            clock.sleep(0.01)
        assert server.callbacks.history[-1].outcome == "202"
        assert [(path, body["ids"], body["token"]) for path, body in got] == [("/hook?k=v", [FIRST], "s3cret")]
    finally:
        server.close()
        hook.shutdown()
        thread.join()
        hook.server_close()
