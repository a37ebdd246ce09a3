"""Writing to Zoho: one receipt a row, uncertain outcomes named, tasks made once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.zoho.push import batches
from tieout.core.errors import AuthError, Rejected, Transient
from tieout.core.ports import RemoteChange, WritableField

FIELDS = [
    WritableField("Invoices", "AR_Payment_Status", "AR Payment Status", "picklist", ("open", "paid", "overdue")),
    WritableField("Invoices", "AR_Open_Amount", "AR Open Amount", "currency"),
    WritableField("Accounts", "AR_Credit_Status", "AR Credit Status", "picklist", ("ok", "watch", "hold")),
    WritableField("Tasks", "AR_Key", "AR Key", "text", unique=True),
]

MORE = {"Subject": "one more", "Currency": "CNY", "Grand_Total": 10, "Status": "Created", "Invoice_Date": "2026-11-24"}


def update(number: int, remote_id: str, module: str = "Invoices", **fields: Any) -> RemoteChange:
    given = fields or {"AR_Payment_Status": "paid", "AR_Open_Amount": Decimal("0.10")}
    return RemoteChange(f"c{number}", module, "update", remote_id, given)


def task(number: int, key: str, parent: str = "") -> RemoteChange:
    fields = {"Subject": f"Reminder {key}", "Due_Date": date(2026, 12, 1), "Status": "Not Started"}
    return RemoteChange(f"t{number}", "Tasks", "create", "", fields, key, "AR_Key", "Accounts", parent)


@pytest.fixture
def ready(zoho: Any) -> Any:
    connector = zoho.connector()
    connector.setup(FIELDS, dry_run=False)
    zoho.clock.sleep(60)
    return connector


def invoices(zoho: Any) -> list[str]:
    return sorted(doc["id"] for doc in zoho.company.zoho["Invoices"])


def invoices_now(zoho: Any) -> list[str]:
    return sorted(doc["id"] for doc in zoho.server.tables["Invoices"].rows.values())


def accounts(zoho: Any) -> list[str]:
    return sorted(doc["id"] for doc in zoho.company.zoho["Accounts"])


def effects(zoho: Any, entity: str) -> list[Any]:
    return [item for item in zoho.store.effects.since(0) if item.entity == entity and item.kind == "effective"]


def test_an_update_sets_the_fields_exactly_and_answers_the_new_stamp(zoho: Any, ready: Any) -> None:
    big = Decimal("1234567890123456.78")
    change = update(1, invoices(zoho)[0], AR_Open_Amount=big, AR_Payment_Status="paid")
    (receipt,) = ready.write([change])
    assert (receipt.outcome, receipt.change_id, receipt.remote_id) == ("done", "c1", change.remote_id)
    assert receipt.remote_modified_at == zoho.clock.now()
    (seen,) = ready.read_back([change])
    assert seen.found
    assert seen.fields == {"AR_Open_Amount": big, "AR_Payment_Status": "paid"}


def test_an_echo_of_our_write_has_the_same_hash_and_shows_our_fields(zoho: Any, ready: Any) -> None:
    external_id = invoices(zoho)[0]
    before = ready.fetch("invoices", [external_id]).rows[0]
    ready.write([update(1, external_id)])
    after = ready.fetch("invoices", [external_id]).rows[0]
    assert after.source_hash == before.source_hash
    assert after.version.modified_at > before.version.modified_at
    assert after.own == {"AR_Payment_Status": "paid", "AR_Open_Amount": Decimal("0.10")}
    zoho.server.user_change("update", "Invoices", external_id, {"Due_Date": "2027-01-31"})
    assert ready.fetch("invoices", [external_id]).rows[0].source_hash != before.source_hash


def test_no_automation_runs_unless_configured(zoho: Any, ready: Any) -> None:
    sent: list[bytes] = []
    handle = zoho.server.handle

    def spy(req: Any) -> Any:
        if req.method == "PUT":
            sent.append(req.body)
        return handle(req)

    zoho.server.handle = spy
    ready.write([update(1, invoices(zoho)[0])])
    zoho.connector(triggers=["workflow"]).write([update(2, invoices(zoho)[1])])
    assert b'"trigger":[]' in sent[0]
    assert b'"trigger":["workflow"]' in sent[1]


def test_rows_go_out_in_hundreds_and_each_has_its_receipt_in_order(zoho: Any, ready: Any) -> None:
    while len(invoices_now(zoho)) < 230:
        zoho.server.user_change("create", "Invoices", None, dict(MORE, Account_Name={"id": accounts(zoho)[0]}))
    ids, some = invoices_now(zoho)[:230], accounts(zoho)
    assert 0 < len(some) < 100
    before, cost = len(zoho.requests()), zoho.budget.cost
    changes = [update(n, one, AR_Open_Amount=Decimal(n)) for n, one in enumerate(ids)]
    changes += [update(900 + n, one, "Accounts", AR_Credit_Status="hold") for n, one in enumerate(some)]
    receipts = ready.write(changes)
    assert [receipt.change_id for receipt in receipts] == [change.change_id for change in changes]
    assert {receipt.outcome for receipt in receipts} == {"done"}
    assert [receipt.remote_id for receipt in receipts] == [change.remote_id for change in changes]
    writes = [entry for entry in zoho.requests()[before:] if entry.method == "PUT"]
    assert [(entry.path.rpartition("/")[2], entry.rows) for entry in writes] == [
        ("Invoices", 100), ("Invoices", 100), ("Invoices", 30), ("Accounts", len(some)),
    ]  # fmt: skip
    assert len(zoho.requests()) - before == len(writes) + 2  # and each module's fields once
    assert zoho.budget.cost - cost == 2 + 10 + 10 + 3 + -(-len(some) // 10)
    shown = {one.record_id: one.changes["AR_Open_Amount"][1] for one in effects(zoho, "Invoices") if one.actor == "api"}
    assert shown == {one: Decimal(n) for n, one in enumerate(ids)}


def test_batches_never_name_a_record_twice_and_guarded_changes_travel_alone() -> None:
    guarded = RemoteChange("g", "Invoices", "update", "9", {}, if_unmodified_since=datetime(2026, 1, 1, tzinfo=UTC))
    made = batches([update(1, "1"), update(2, "2"), update(3, "1"), guarded, update(4, "5", "Deals")], 2)
    assert [[change.change_id for change in batch] for batch in made] == [["c1", "c2"], ["c3"], ["g"], ["c4"]]
    many = batches([update(n, str(n)) for n in range(250)], 100)
    assert [len(batch) for batch in many] == [100, 100, 50]


def test_a_mixed_batch_is_read_row_by_row(zoho: Any, ready: Any) -> None:
    good, other, locked = invoices(zoho)[:3]
    zoho.server.user_change("lock", "Invoices", locked)
    receipts = ready.write(
        [
            update(1, good),
            update(2, "4150868000099999999"),
            update(3, other, AR_Open_Amount="not a number"),
            update(4, locked),
        ]
    )
    assert [receipt.outcome for receipt in receipts] == ["done", "not_found", "rejected", "locked"]
    assert receipts[2].code == "INVALID_DATA"
    assert receipts[2].detail["api_name"] == "AR_Open_Amount"
    assert receipts[3].retry_at == zoho.clock.now() + timedelta(hours=4)
    assert len(effects(zoho, "Invoices")) == 1


def test_a_batch_refused_as_a_whole_has_receipts_too(zoho: Any, ready: Any) -> None:
    receipts = ready.write([update(1, "4150868000099999999"), update(2, "4150868000099999998")])
    assert [receipt.outcome for receipt in receipts] == ["not_found", "not_found"]


def test_a_record_that_changed_since_we_looked_is_not_written(zoho: Any, ready: Any) -> None:
    external_id = invoices(zoho)[0]
    looked_at = zoho.clock.now()
    zoho.clock.sleep(30)
    zoho.server.user_change("update", "Invoices", external_id, {"Subject": "moved"})
    stale = RemoteChange(
        "c1", "Invoices", "update", external_id, {"AR_Payment_Status": "paid"}, if_unmodified_since=looked_at
    )
    fresh = RemoteChange(
        "c2", "Invoices", "update", external_id, {"AR_Payment_Status": "open"}, if_unmodified_since=zoho.clock.now()
    )
    assert [item.outcome for item in ready.write([stale, fresh])] == ["version_moved", "done"]


@pytest.mark.parametrize(
    ("action", "applied"),
    [("timeout_before", False), ("timeout_after", True), ("reset", False), ("status_500", False), ("html_502", False),
     ("cut_body", True)],
)  # fmt: skip
def test_an_unknown_outcome_is_uncertain_and_is_read_back(zoho: Any, ready: Any, action: str, applied: bool) -> None:
    first, second = invoices(zoho)[0], accounts(zoho)[0]
    zoho.fault(action, "PUT /crm/v8/Invoices$")
    changes = [update(1, first), update(2, second, "Accounts", AR_Credit_Status="hold")]
    before = len(zoho.requests())
    receipts = ready.write(changes)
    assert [receipt.outcome for receipt in receipts] == ["uncertain", "retry"]
    assert receipts[1].code == "not_sent"
    assert [entry.method for entry in zoho.requests()[before:]] == ["GET", "PUT"]  # never sent again by itself
    seen = ready.read_back(changes)
    assert [item.found for item in seen] == [True, True]
    assert (seen[0].fields["AR_Payment_Status"] == "paid") is applied
    assert seen[1].fields["AR_Credit_Status"] is None
    assert len(effects(zoho, "Invoices")) == int(applied)


def test_429_and_no_connection_leave_everything_to_be_sent_again(zoho: Any, ready: Any) -> None:
    zoho.fault("rate_limit", "PUT /crm/v8/Invoices$")
    receipts = ready.write(
        [update(1, invoices(zoho)[0]), update(2, accounts(zoho)[0], "Accounts", AR_Credit_Status="ok")]
    )
    assert [receipt.outcome for receipt in receipts] == ["retry", "retry"]
    assert all(receipt.retry_at is not None for receipt in receipts)
    inner = zoho.transport

    class Unplugged(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "PUT":
                raise httpx.ConnectError("no route")
            return inner.handle_request(request)

    zoho.transport = Unplugged()
    (receipt,) = zoho.connector().write([update(3, invoices(zoho)[0])])
    assert (receipt.outcome, receipt.code) == ("retry", "transient")
    with pytest.raises(Transient):  # nothing at all was sent: not even the fields could be looked up
        zoho.connector(base_url="http://nowhere.sandbox").write([update(3, invoices(zoho)[0])])
    assert effects(zoho, "Invoices") == []


def test_a_token_that_lapses_at_a_write_is_renewed_and_the_write_sent_once(zoho: Any, ready: Any) -> None:
    zoho.fault("expire_token", "PUT /crm/v8/Invoices$")
    (receipt,) = ready.write([update(1, invoices(zoho)[0])])
    assert receipt.outcome == "done"
    assert len(effects(zoho, "Invoices")) == 1


def test_dead_credentials_raise_before_anything_is_sent(zoho: Any) -> None:
    with pytest.raises(AuthError):
        zoho.connector(refresh_token="1000.dead.deaddead").write([update(1, invoices(zoho)[0])])


def test_a_task_is_made_once_however_often_it_is_sent(zoho: Any, ready: Any) -> None:
    parent = accounts(zoho)[0]
    first = ready.write([task(1, "inv-1/step-1", parent), task(2, "inv-2/step-1", parent)])
    assert [receipt.outcome for receipt in first] == ["done", "done"]
    again = zoho.connector().write([task(1, "inv-1/step-1", parent)])
    assert [(item.outcome, item.remote_id) for item in again] == [("done", first[0].remote_id)]
    assert len(effects(zoho, "Tasks")) == 2
    made = zoho.server.tables["Tasks"].get(first[0].remote_id)
    assert made["What_Id"]["id"] == parent
    assert made["AR_Key"] == "inv-1/step-1"


def test_a_task_whose_answer_was_lost_is_found_by_its_key(zoho: Any, ready: Any) -> None:
    zoho.fault("timeout_after", "POST /crm/v8/Tasks$")
    change = task(1, "it's/step-1", accounts(zoho)[0])
    (receipt,) = ready.write([change])
    assert receipt.outcome == "uncertain"
    (seen,) = ready.read_back([change])
    assert seen.found
    assert seen.fields["Subject"] == change.fields["Subject"]
    (again,) = ready.write([change])
    assert (again.outcome, again.remote_id) == ("done", seen.remote_id)
    assert len(effects(zoho, "Tasks")) == 1
    (absent,) = ready.read_back([task(9, "never/step-1")])
    assert not absent.found


def test_without_a_unique_key_field_the_key_is_looked_up_first(zoho: Any) -> None:
    connector = zoho.connector()
    connector.setup([WritableField("Tasks", "AR_Key", "AR Key", "text")], dry_run=False)
    change = task(1, "inv-1/step-1", accounts(zoho)[0])
    (made,) = connector.write([change])
    (again,) = zoho.connector().write([change])
    assert (made.outcome, again.outcome, again.code) == ("done", "done", "FOUND")
    assert again.remote_id == made.remote_id
    assert len(effects(zoho, "Tasks")) == 1


def test_a_task_without_its_key_field_is_refused_before_it_is_sent(zoho: Any) -> None:
    (receipt,) = zoho.connector().write([task(1, "inv-1/step-1", accounts(zoho)[0])])
    assert (receipt.outcome, receipt.code) == ("rejected", "no_key_field")
    assert "tieout setup" in receipt.message
    assert effects(zoho, "Tasks") == []


def note(number: int, key: str, parent: str) -> RemoteChange:
    fields = {"Note_Title": f"Reminder {key}", "Note_Content": "two lines\nof text"}
    return RemoteChange(f"n{number}", "Notes", "create", "", fields, key, "", "Accounts", parent)


def test_where_the_key_field_was_never_made_a_read_back_finds_no_task(zoho: Any) -> None:
    """As after a restore in an organisation that `tieout setup` has not prepared: pushing must be able to go on."""
    (seen,) = zoho.connector().read_back([task(1, "inv-1/step-1", accounts(zoho)[0])])
    assert not seen.found
    assert seen.is_known
    with pytest.raises(Rejected) as refused:  # a query that is wrong for another reason is no proof of anything
        zoho.connector().read_back([replace(task(2, "back\\slash"), key_field="Subject")])
    assert refused.value.code == "bad_key"


def test_a_note_is_made_once_however_often_it_is_sent(zoho: Any) -> None:
    connector, (first, second) = zoho.connector(), accounts(zoho)[:2]
    for n in range(3):  # users write notes too
        zoho.server.user_change("create", "Notes", None, {"Note_Content": f"called {n}", "Parent_Id": {"id": first}})
    changes = [note(1, "k/L1/note", first), note(2, "k/L1/note", second), note(3, "k/L2/note", first)]
    made = connector.write(changes)
    assert [receipt.outcome for receipt in made] == ["done", "done", "done"]
    stored = zoho.server.tables["Notes"].get(made[0].remote_id)
    assert stored["Note_Content"] == "two lines\nof text\n[k/L1/note]"
    assert (stored["Parent_Id"]["id"], stored["$se_module"]) == (first, "Accounts")
    again = zoho.connector().write(changes)
    assert [(one.outcome, one.code, one.remote_id) for one in again] == [
        ("done", "FOUND", one.remote_id) for one in made
    ]
    assert len([one for one in effects(zoho, "Notes") if one.actor == "api"]) == 3


def test_a_note_whose_answer_was_lost_is_found_on_its_record(zoho: Any) -> None:
    connector, parent = zoho.connector(), accounts(zoho)[0]
    zoho.fault("timeout_after", "POST /crm/v8/Notes$")
    change = note(1, "k/L1/note", parent)
    (receipt,) = connector.write([change])
    assert receipt.outcome == "uncertain"
    other, gone = note(2, "k/L3/note", parent), note(3, "k/L1/note", "5725767000009999999")
    seen = connector.read_back([other, change, gone])
    assert [one.found for one in seen] == [False, True, False]
    assert seen[1].fields == change.fields
    done = connector.write([gone, change])
    assert [(one.outcome, one.code) for one in done] == [("rejected", "INVALID_DATA"), ("done", "FOUND")]
    assert done[1].remote_id == seen[1].remote_id
    assert len(effects(zoho, "Notes")) == 1


def test_notes_beyond_the_first_page_are_looked_through(zoho: Any) -> None:
    connector, parent = zoho.connector(), accounts(zoho)[0]
    (made,) = connector.write([note(1, "k/L1/note", parent)])
    for n in range(230):
        values = {"Note_Content": f"talk {n}", "Parent_Id": {"id": parent}, "$se_module": "Accounts"}
        zoho.server.user_change("create", "Notes", None, values)
    (again,) = connector.write([note(1, "k/L1/note", parent)])
    assert (again.code, again.remote_id) == ("FOUND", made.remote_id)


def test_among_more_notes_than_can_be_looked_through_none_is_made(zoho: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.zoho.notes._PAGES", 1)
    connector, (full, other) = zoho.connector(), accounts(zoho)[:2]
    for n in range(201):
        values = {"Note_Content": f"talk {n}", "Parent_Id": {"id": full}, "$se_module": "Accounts"}
        zoho.server.user_change("create", "Notes", None, values)
    receipts = connector.write([note(1, "k/L1/note", full), note(2, "k/L1/note", other)])
    assert [(one.outcome, one.code) for one in receipts] == [("rejected", "too_many_notes"), ("done", "SUCCESS")]
    assert "more than 200 notes" in receipts[0].message
    assert len([one for one in effects(zoho, "Notes") if one.actor == "api"]) == 1


def test_a_read_back_of_a_gone_record_is_not_found(zoho: Any, ready: Any) -> None:
    external_id = invoices(zoho)[0]
    zoho.server.user_change("delete", "Invoices", external_id)
    alive, gone = ready.read_back([update(1, invoices(zoho)[1]), update(2, external_id)])
    assert (alive.found, gone.found) == (True, False)


def test_a_field_that_zoho_lacks_is_refused_because_zoho_would_ignore_it(zoho: Any) -> None:
    connector = zoho.connector()
    connector.setup([FIELDS[0]], dry_run=False)
    receipts = connector.write([update(1, invoices(zoho)[0]), update(2, invoices(zoho)[1], AR_Payment_Status="paid")])
    assert [(receipt.outcome, receipt.code) for receipt in receipts] == [("rejected", "no_field"), ("done", "SUCCESS")]
    assert "AR_Open_Amount" in receipts[0].message
    zoho.connector().setup(FIELDS, dry_run=False)
    assert [receipt.outcome for receipt in connector.write([update(1, invoices(zoho)[0])])] == ["done"]


def test_fields_are_looked_up_once_an_hour_and_not_for_every_push(zoho: Any, ready: Any) -> None:
    ready.write([update(1, invoices(zoho)[0])])
    before = len(zoho.requests())
    zoho.connector().write([update(2, invoices(zoho)[1])])
    assert len(zoho.requests()) - before == 1
    zoho.clock.sleep(3700)
    zoho.connector().write([update(3, invoices(zoho)[2])])
    assert len(zoho.requests()) - before == 3


def test_a_failure_after_an_earlier_batch_went_out_keeps_its_receipts(zoho: Any, ready: Any) -> None:
    zoho.fault("status_500", "GET /crm/v8/settings/fields", times=None, after=1)
    changes = [update(1, invoices(zoho)[0]), update(2, accounts(zoho)[0], "Accounts", AR_Credit_Status="ok")]
    receipts = zoho.connector(attempts=1).write(changes)
    assert [(receipt.outcome, receipt.code) for receipt in receipts] == [("done", "SUCCESS"), ("retry", "not_sent")]
