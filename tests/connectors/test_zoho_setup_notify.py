"""Zoho: write-back fields, notification channels and what they deliver."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import connectors
from connectors.zoho.webhook import ZohoWebhook
from tieout.core import exact_json
from tieout.core.errors import BadPayload, ConfigError, Denied
from tieout.core.ports import WritableField

TOKEN = "a-secret-token-of-the-channel"
URL = "http://127.0.0.1:8000/webhooks/zoho?k=unguessable"
FIELDS = [WritableField("Invoices", f"AR_Field_{n}", f"AR Field {n}", "currency") for n in range(7)]


def levels(findings: Any) -> list[str]:
    return [finding.level for finding in findings]


def test_setup_creates_what_is_missing_five_a_call_and_is_repeatable(zoho: Any) -> None:
    dry = zoho.connector().setup(FIELDS, dry_run=True)
    assert levels(dry) == ["warning"] * 7
    before = len(zoho.requests())
    assert levels(zoho.connector().setup(FIELDS, dry_run=False)) == ["ok"] * 7
    calls = [entry for entry in zoho.requests()[before:] if entry.method == "POST"]
    assert len(calls) == 2
    assert {f"AR_Field_{n}" for n in range(7)} <= set(zoho.server.catalog.fields("Invoices"))
    again = zoho.connector().setup(FIELDS, dry_run=False)
    assert {finding.code for finding in again} == {"field_exists"}


def test_a_lost_answer_of_setup_is_settled_by_looking_again(zoho: Any) -> None:
    zoho.fault("timeout_after", "POST /crm/v8/settings/fields")
    assert levels(zoho.connector().setup(FIELDS[:3], dry_run=False)) == ["ok"] * 3


def test_a_field_made_by_another_process_meanwhile_is_taken_as_there(zoho: Any) -> None:
    late = zoho.connector()
    late.setup(FIELDS[:1], dry_run=True)  # it has looked, and saw nothing
    zoho.connector().setup(FIELDS[:1], dry_run=False)
    before = len(zoho.requests())
    assert levels(late.setup(FIELDS[:1], dry_run=False)) == ["ok"]
    assert [entry.status for entry in zoho.requests()[before:] if entry.method == "POST"] != [201]


def test_plan_limits_are_reported_with_what_to_do(zoho: Any) -> None:
    have = len(zoho.server.catalog.custom_fields("Invoices"))
    zoho.server.settings.custom_field_limit = have + 2
    findings = zoho.connector().setup(FIELDS[:4], dry_run=False)
    refused = [finding for finding in findings if finding.level == "error"]
    assert refused
    assert all("Enterprise" in finding.hint for finding in refused)


def test_a_third_unique_field_is_refused_before_it_is_asked(zoho: Any) -> None:
    fields = [WritableField("Tasks", f"AR_Key_{n}", f"AR Key {n}", "text", unique=True) for n in range(3)]
    findings = zoho.connector().setup(fields, dry_run=False)
    assert [finding.code for finding in findings if finding.level == "error"] == ["unique_limit"]


def test_a_field_of_another_type_is_an_error_and_not_touched(zoho: Any) -> None:
    (finding,) = zoho.connector().setup([WritableField("Invoices", "Order_No", "Order No", "date")], dry_run=False)
    assert (finding.level, finding.code) == ("error", "field_type")


def test_a_channel_is_made_once_kept_and_renewed_at_half_life(zoho: Any) -> None:
    connector = zoho.connector()
    now = zoho.clock.now()
    channel = connector.ensure_channel(URL, TOKEN, now)
    assert timedelta(days=6) < channel.expires_at - now <= timedelta(days=7)
    before = len(zoho.requests())
    assert connector.ensure_channel(URL, TOKEN, now + timedelta(days=1), channel) == channel
    assert len(zoho.requests()) == before
    zoho.clock.sleep(4 * 86400)
    renewed = connector.ensure_channel(URL, TOKEN, zoho.clock.now(), channel)
    assert renewed.channel_id == channel.channel_id
    assert renewed.expires_at > channel.expires_at
    assert [item.channel_id for item in connector.channels()] == [channel.channel_id]
    assert zoho.requests()[-2].method == "PATCH"


def test_a_lapsed_channel_is_made_anew_and_a_dropped_one_is_gone(zoho: Any) -> None:
    connector = zoho.connector()
    channel = connector.ensure_channel(URL, TOKEN, zoho.clock.now())
    zoho.clock.sleep(8 * 86400)
    assert connector.channels() == []
    again = connector.ensure_channel(URL, TOKEN, zoho.clock.now(), channel)
    assert again.expires_at > zoho.clock.now()
    connector.drop_channel(again.channel_id)
    connector.drop_channel(again.channel_id)
    assert connector.channels() == []


def test_a_short_channel_token_is_refused(zoho: Any) -> None:
    with pytest.raises(ConfigError):
        zoho.connector().ensure_channel(URL, "short", zoho.clock.now())


def test_what_the_sandbox_delivers_verifies_and_names_every_id(zoho: Any) -> None:
    delivered: list[bytes] = []
    zoho.server.callbacks.deliver = lambda url, body, headers: delivered.append(body)
    zoho.connector().ensure_channel(URL, TOKEN, zoho.clock.now())
    external_id = zoho.company.zoho["Invoices"][0]["id"]
    zoho.server.user_change("update", "Invoices", external_id, {"Subject": "changed"})
    zoho.server.user_change("delete", "Invoices", external_id)
    verifier = connectors.webhook("zoho_crm", [TOKEN])
    assert verifier is not None
    hints = [
        hint
        for body in delivered
        for hint in verifier.verify(body, {"Content-Type": "application/json"}, {}, zoho.clock.now())
    ]
    assert [(hint.stream, list(hint.external_ids), hint.deleted) for hint in hints] == [
        ("invoices", [external_id], False),
        ("invoices", [external_id], True),
    ]
    assert len({hint.message_key for hint in hints}) == 2


def message(**changed: Any) -> bytes:
    facts = {
        "server_time": 1767571200473,
        "module": "Deals",
        "ids": ["5725767000003000064", "5725767000003000065"],
        "operation": "update",
        "channel_id": "1000000068001",
        "token": TOKEN,
    }
    return exact_json.dumps({**facts, **changed})


def test_json_and_form_bodies_say_the_same(zoho: Any) -> None:
    webhook, now = ZohoWebhook(["an-old-token-being-replaced", TOKEN]), zoho.clock.now()
    (hint,) = webhook.verify(message(), {}, {}, now)
    assert (hint.stream, hint.external_ids) == ("deals", ["5725767000003000064", "5725767000003000065"])
    assert hint.sent_at is not None
    assert webhook.verify(message(), {}, {}, now)[0].message_key == hint.message_key
    assert webhook.verify(message(server_time=1767571200999), {}, {}, now)[0].message_key != hint.message_key
    edit = {"record_id": "5725767000003000064", "values": {"Stage": "Closed Won"}}
    other = message(affected_values=[edit])  # within the same millisecond
    assert webhook.verify(other, {}, {}, now)[0].message_key != hint.message_key
    assert ZohoWebhook([TOKEN * 2]).verify(message(token=TOKEN * 2), {}, {}, now)[0].message_key == hint.message_key
    form = b"module=Deals&ids=5725767000003000064&operation=edit&token=" + TOKEN.encode()
    (same,) = webhook.verify(form, {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, {}, now)
    assert same.external_ids == ["5725767000003000064"]
    assert webhook.verify(message(module="Leads"), {}, {}, now) == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (message(token="wrong"), Denied),
        (message(token=None), Denied),
        (message(token=["x"]), Denied),
        (b"{}", Denied),
        (message(operation="explode"), BadPayload),
        (message(ids=[{"id": 1}]), BadPayload),
        (message(ids=["1 or 1=1"]), BadPayload),
        (b"[" * 200, BadPayload),
        (b'{"a":' * 20 + b"1" + b"}" * 20, BadPayload),
        (b"not json", BadPayload),
        (b"[]", BadPayload),
        (b" " * 1_000_001, BadPayload),
        (b'{"token": "x", "token": "y"}', BadPayload),
    ],
)
def test_forged_broken_and_oversized_notifications_are_refused(zoho: Any, body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        ZohoWebhook([TOKEN]).verify(body, {"content-type": "application/json"}, {}, zoho.clock.now())
