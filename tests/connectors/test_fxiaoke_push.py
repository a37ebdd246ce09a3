"""Writing to Fxiaoke: one record a call, every receipt, nothing twice; what an administrator must create."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mapping.outbound_fields import own_fields, writable_fields
from tests.connectors.conftest import Rig, _fxiaoke
from tieout.core.errors import AuthError
from tieout.core.ports import Env, RemoteChange
from tieout.sandbox.fxiaoke.objects import KEY_FIELDS
from tieout.sandbox.fxiaoke.ownfields import OWN_FIELDS

NAMES = {name: {one["label"]: one["api_name"] for one in fields} for name, fields in OWN_FIELDS.items()}
INVOICES, CUSTOMERS, ACTIVITIES = "InvoiceApplicationObj", "AccountObj", "ActiveRecordObj"


def update(rig: Rig, number: int = 0, module: str = INVOICES, **fields: Any) -> RemoteChange:
    table = {INVOICES: "fx_invoices", CUSTOMERS: "fx_accounts"}[module]
    key = sorted(rig.company.truth[table])[number]
    shown = fields or {"ar_payment_status__c": "overdue", "ar_open_amount__c": Decimal("10.00")}
    return RemoteChange(f"chg_{module}_{number}", module, "update", key, shown)


def create(rig: Rig, key: str) -> RemoteChange:
    parent = sorted(rig.company.truth["fx_accounts"])[0]
    return RemoteChange(
        f"chg_{key}", ACTIVITIES, "create", "", {"active_record_content": "催款提醒"}, key=key, key_field="ar_key__c",
        parent_module=CUSTOMERS, parent_id=parent,
    )  # fmt: skip


def stored(rig: Rig, module: str, key: str) -> dict[str, Any]:
    return dict(rig.store.collection("fxiaoke", module).get(key) or {})


def writes(rig: Rig) -> list[Any]:
    return [one for one in rig.store.effects.since(0) if one.actor == "api"]


def test_values_travel_in_the_forms_of_the_platform_and_wake_nothing(fxiaoke: Rig) -> None:
    change = update(
        fxiaoke,
        ar_payment_status__c="partially_paid",
        ar_open_amount__c=Decimal("1234567.80"),
        ar_next_due_date__c="2026-12-01",
        ar_aging_bucket__c=">365",
        ar_overdue_since__c=None,
    )
    (receipt,) = fxiaoke.connector().write([change])
    assert (receipt.outcome, receipt.remote_id) == ("done", change.remote_id)
    row, names = stored(fxiaoke, INVOICES, change.remote_id), NAMES[INVOICES]
    assert row[names["AR Payment Status"]] == "option2"
    assert row[names["AR Open Amount"]] == "1234567.80"
    assert row[names["AR Next Due Date"]] == 1_796_054_400_000  # 2026-12-01 00:00 in Shanghai
    assert row[names["AR Aging Bucket"]] == "option7"
    (effect,) = writes(fxiaoke)
    assert effect.trigger == []
    (seen,) = fxiaoke.connector().read_back([change])
    assert seen.found
    assert seen.fields == change.fields
    woken = update(fxiaoke, 1)
    fxiaoke.connector(trigger_workflow=True).write([woken])
    assert writes(fxiaoke)[-1].trigger == ["triggerWorkFlow"]


def test_one_call_a_record_and_a_receipt_for_each_in_order(fxiaoke: Rig) -> None:
    changes = [update(fxiaoke, number) for number in range(5)]
    broken = update(fxiaoke, 5, ar_payment_status__c="unheard_of")
    unknown = update(fxiaoke, 6, ar_missing__c="x")
    receipts = fxiaoke.connector().write([*changes, broken, unknown])
    assert [(one.outcome, one.code) for one in receipts] == [("done", "0")] * 5 + [
        ("rejected", "no_option"), ("rejected", "no_field"),
    ]  # fmt: skip
    assert "it has open, partially_paid" in receipts[5].message
    calls = [entry for entry in fxiaoke.requests() if entry.path.endswith("/update")]
    assert len(calls) == len(writes(fxiaoke)) == 5


def test_a_refused_record_is_looked_at(fxiaoke: Rig) -> None:
    locked, approving, gone, invalid = (update(fxiaoke, number) for number in range(4))
    fxiaoke.server.user_change("lock", INVOICES, locked.remote_id)
    fxiaoke.server.user_change("life_status", INVOICES, approving.remote_id, {"life_status": "in_change"})
    fxiaoke.server.user_change("purge", INVOICES, gone.remote_id)
    fxiaoke.server.user_change("invalid", INVOICES, invalid.remote_id)
    receipts = fxiaoke.connector().write([locked, approving, gone, invalid])
    assert [one.outcome for one in receipts] == ["locked", "locked", "not_found", "not_found"]
    assert receipts[0].retry_at is not None
    assert writes(fxiaoke) == []


def test_after_an_unknown_outcome_nothing_more_is_sent(fxiaoke: Rig) -> None:
    changes = [update(fxiaoke, number) for number in range(3)]
    for action, applied in (("service_timeout_after", 1), ("service_timeout", 0), ("timeout_after", 1), ("reset", 0)):
        rig = _fxiaoke()
        list(rig.connector().ids("invoices"))
        rig.fault(action, match="data/update$")
        receipts = rig.connector().write(changes)
        assert [(one.outcome, one.code == "not_sent") for one in receipts] == [
            ("uncertain", False), ("retry", True), ("retry", True),
        ]  # fmt: skip
        assert len(writes(rig)) == applied
        (seen,) = rig.connector().read_back(changes[:1])
        assert (seen.fields == changes[0].fields) == bool(applied)


def test_a_throttled_write_tells_everybody_to_wait(fxiaoke: Rig) -> None:
    fxiaoke.fault("rate_limit", match="data/update$", after=1)
    receipts = fxiaoke.connector().write([update(fxiaoke, number) for number in range(3)])
    assert [(one.outcome, one.code) for one in receipts] == [
        ("done", "0"),
        ("retry", "not_sent"),
        ("retry", "not_sent"),
    ]
    assert receipts[1].retry_at is not None
    assert fxiaoke.budget.backoffs == [receipts[1].retry_at]
    fxiaoke.budget.limit = fxiaoke.budget.spent
    (ours,) = fxiaoke.connector().write([update(fxiaoke, 4)])  # our own budget: nothing was sent
    assert (ours.outcome, ours.retry_at is not None) == ("retry", True)
    dead = _fxiaoke()
    dead.settings["permanent_code"] = "wrong-code-1234"
    with pytest.raises(AuthError):
        dead.connector().write([update(dead)])


def test_a_slow_platform_ends_the_slice_before_the_claims_run_out(fxiaoke: Rig) -> None:
    fxiaoke.connector().check()
    slow = _fxiaoke(latency_seconds=25.0)
    slow.faults.sleep = slow.clock.sleep
    receipts = slow.connector().write([update(slow, number) for number in range(6)])
    done = [one for one in receipts if one.outcome == "done"]
    assert 0 < len(done) < 6
    assert {one.code for one in receipts[len(done) :]} == {"not_sent"}


def test_a_reminder_is_created_once_by_its_key(fxiaoke: Rig) -> None:
    first, second = create(fxiaoke, "rem:1"), create(fxiaoke, "rem:2")
    made = fxiaoke.connector().write([first, second])
    assert [one.outcome for one in made] == ["done", "done"]
    row = stored(fxiaoke, ACTIVITIES, made[0].remote_id)
    assert row["ar_key__c"] == "rem:1"
    assert row["active_record_content"] == "催款提醒\n[rem:1]"
    assert row["related_object_data"] == [{"id": first.parent_id, "describe_api_name": CUSTOMERS}]
    again = fxiaoke.connector().write([first])
    assert [(one.outcome, one.code, one.remote_id) for one in again] == [("done", "FOUND", made[0].remote_id)]
    assert len(writes(fxiaoke)) == 2
    (seen,) = fxiaoke.connector().read_back([second])
    assert (seen.found, seen.remote_id) == (True, made[1].remote_id)


def test_without_a_field_the_key_is_found_in_the_text() -> None:
    rig = _fxiaoke(custom_fields=KEY_FIELDS)
    for number in range(2):
        rig.fault("service_timeout_after", match="data/create$")
        change = create(rig, f"rem:{number}")
        (lost,) = rig.connector().write([change])
        assert lost.outcome == "uncertain"
        (seen,) = rig.connector().read_back([change])
        assert seen.found
        (again,) = rig.connector().write([change])
        assert (again.outcome, again.remote_id) == ("done", seen.remote_id)
    (missing,) = rig.connector().read_back([create(rig, "rem:")])
    assert not missing.found  # a part of another key is not the key
    assert len(writes(rig)) == 2


def test_setup_prints_what_to_create_and_sees_when_it_was_done() -> None:
    rig = _fxiaoke(custom_fields=KEY_FIELDS)
    wanted = writable_fields("fxiaoke")
    found = rig.connector().setup(wanted, dry_run=False)
    assert len(found) == len(wanted) == 3 * 10 + 9 + 1
    text = next(one.message for one in found if "ar_payment_status__c" in one.message)
    assert "label 'AR Payment Status', type 单选 (select_one)" in text
    assert "options open / partially_paid / overdue / paid / void" in text
    assert {one.code for one in found} == {"create_by_hand"}
    assert {one.level for one in rig.connector().setup(wanted, dry_run=True)} == {"warning"}
    for name, fields in OWN_FIELDS.items():
        for one in fields:
            rig.server.user_change("create_field", name, None, one)
    assert {one.level for one in rig.connector().setup(wanted, dry_run=False)} == {"ok"}
    short = {**OWN_FIELDS[CUSTOMERS][0], "api_name": "field_short__c", "label": "AR Status Two", "options": ["ok"]}
    rig.server.user_change("create_field", CUSTOMERS, None, short)
    told = rig.connector(labels={"ar_credit_status__c": "AR Status Two"}).setup(wanted, dry_run=False)
    assert "lacks the options watch / hold" in next(one.message for one in told if one.code == "options_missing")


def test_the_objects_of_the_enterprise_stand_for_our_modules() -> None:
    extra = [{"api_name": "object_Rk__c", "label": "应收单", "fields": OWN_FIELDS[INVOICES]}]
    rig = _fxiaoke(extra_objects=extra)
    rig.server.seed("object_Rk__c", [{"_id": "5f9cd4e6e4400e0001217faa", "name": "YS1"}])
    connector = rig.connector(invoice_object="object_Rk__c")
    change = RemoteChange("c1", INVOICES, "update", "5f9cd4e6e4400e0001217faa", {"ar_open_amount__c": Decimal("7.00")})
    (receipt,) = connector.write([change])
    assert receipt.outcome == "done"
    (seen,) = connector.read_back([change])
    assert (seen.module, seen.fields) == (INVOICES, change.fields)
    assert own_fields("fxiaoke", {"open_amount": "offen__c"})[INVOICES][3] == "offen__c"


def test_messages_hide_every_secret(fxiaoke: Rig) -> None:
    env: Env = fxiaoke.env(callback_key=fxiaoke.server.settings.callback_key)
    from connectors.redaction import Redactor

    shown = Redactor(env.settings).clean(f"{fxiaoke.secrets} {fxiaoke.server.settings.callback_key}")
    assert not any(secret in shown for secret in (*fxiaoke.secrets, fxiaoke.server.settings.callback_key))
