"""A record that cannot be used is a conflict of its own: the stream goes on and what stood before stands."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from sync import answering
from sync.service import Service
from tests.flow.books import (
    BILL,
    RECEIPT,
    Synced,
    decision,
    document,
    examples,
    kingdee_doc,
    open_conflicts,
    own_fields,
    rows,
    zoho_record,
)
from tieout.sandbox.kingdee.forms import FORMS
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import conflicts, documents


def _spoil(world: SandboxWorld, number: str, form: str = BILL, **fields: Any) -> dict[str, Any]:
    """A document as no user could enter it: an import or another program wrote it. Gives what was there."""
    world.clock.advance(3600)
    before = kingdee_doc(world, form, number)
    world.kingdee.user_change("update", form, number, {})  # moves the stamp
    fresh = kingdee_doc(world, form, number)
    world.kingdee.library.put(FORMS[form], {**fresh, **fields})
    world.clock.advance(60)
    return before


def _repair(world: SandboxWorld, before: dict[str, Any], form: str = BILL) -> None:
    world.clock.advance(3600)
    world.kingdee.user_change("update", form, before[FORMS[form].number], {})
    stamp = kingdee_doc(world, form, before[FORMS[form].number])["FModifyDate"]
    world.kingdee.library.put(FORMS[form], {**before, "FModifyDate": stamp})
    world.clock.advance(60)


def _new_bill(world: SandboxWorld, party: str) -> str:
    fields = {"FCUSTOMERID": party, "FALLAMOUNTFOR": Decimal("11.00")}
    return str(world.kingdee.user_change("create", BILL, "", fields)["FBillNo"])


def _holds(service: Service, world: SandboxWorld, number: str, kind: str, before: dict[str, Any]) -> None:
    """One conflict for the spoilt bill, a bill after it posted all the same, figures kept, repaired by the source."""
    party = before["FCUSTOMERID"]["FNumber"]
    stood = document(service, number)
    other = _new_bill(world, party)
    summary = service.sync()
    assert summary.ok, "one bad record stopped a stream"
    assert document(service, other)["state"] == "posted"
    (conflict,) = [c for c in open_conflicts(service, kind).values() if str(before["FID"]) in c["external_id"]]
    assert conflict["blocks_balance"]
    assert conflict["money_minor"] == abs(stood["total_minor"])
    now = document(service, number)
    assert {k: now[k] for k in ("total_minor", "open_minor", "state", "due_on")} == {
        k: stood[k] for k in ("total_minor", "open_minor", "state", "due_on")
    }
    assert service.verify() == []
    world.clock.advance(600)
    assert service.sync().ok
    assert len([c for c in open_conflicts(service, kind).values() if str(before["FID"]) in c["external_id"]]) == 1
    _repair(world, before)
    assert service.sync().ok
    assert [c for c in open_conflicts(service, kind).values() if str(before["FID"]) in c["external_id"]] == []
    (closed,) = rows(service, select(conflicts).where(conflicts.c.id == conflict["id"]))
    assert closed["state"] == "superseded"
    assert service.verify() == []
    assert service.rebuild_check().as_dict()["differences"] == []


def test_an_unknown_currency(synced: Synced) -> None:
    world, service = synced
    with service:
        one = examples(service)[0]
        before = _spoil(world, one.number, FCURRENCYID={"FNumber": "PRE999", "FName": "?", "FCode": "ZZQ"})
        _holds(service, world, one.number, "invalid_record", before)


def test_a_plan_that_does_not_sum_to_its_bill(synced: Synced) -> None:
    world, service = synced
    with service:
        one = examples(service)[0]
        plan = kingdee_doc(world, BILL, one.number)["FEntityPlan"]
        short = [{**plan[0], "FPAYAMOUNTFOR": plan[0]["FPAYAMOUNTFOR"] - 1}, *plan[1:]]
        before = _spoil(world, one.number, FEntityPlan=short)
        _holds(service, world, one.number, "invalid_record", before)


def test_a_document_status_nobody_mapped(synced: Synced) -> None:
    world, service = synced
    with service:
        one = examples(service)[0]
        before = _spoil(world, one.number, FDOCUMENTSTATUS="X")
        _holds(service, world, one.number, "unmapped_value", before)


def test_a_row_that_cannot_be_read_and_a_payment_in_an_unknown_currency(synced: Synced) -> None:
    world, service = synced
    with service:
        one = examples(service)[0]
        (paid,) = rows(
            service, select(documents).where(documents.c.kind == "payment").order_by(documents.c.number).limit(1)
        )
        world.clock.advance(3600)
        world.kingdee.user_change("update", BILL, one.number, {"FAR_Remark": "touched"})
        world.faults.add("kingdee", "ExecuteBillQuery", "bad_row", times=1)
        _spoil(world, paid["number"], RECEIPT, FCURRENCYID={"FNumber": "PRE999", "FName": "?", "FCode": "ZZQ"})
        assert service.sync().ok
        assert document(service, paid["number"])["total_minor"] == paid["total_minor"]
        assert any(paid["external_id"] in c["cause"] for c in open_conflicts(service, "invalid_record").values())
        world.clock.advance(3600)
        world.kingdee.user_change("update", RECEIPT, paid["number"], {"FCURRENCYID": paid["currency"]})
        world.kingdee.user_change("update", BILL, one.number, {"FAR_Remark": "touched again"})
        world.clock.advance(60)
        assert service.sync().ok
        assert open_conflicts(service, "invalid_record") == {}
        assert service.verify() == []


def test_a_crm_record_with_an_unmapped_status_keeps_what_it_showed(synced: Synced) -> None:
    world, service = synced
    with service:
        one = examples(service)[0]
        shown = own_fields(zoho_record(world, "Invoices", one.invoice))
        status = zoho_record(world, "Invoices", one.invoice)["Status"]
        world.clock.advance(3600)
        world.zoho.user_change("update", "Invoices", one.invoice, {"Status": "On hold by legal"})
        world.clock.advance(60)
        assert service.sync().ok
        cause = f"zoho/invoices/{one.invoice}"
        assert cause in open_conflicts(service, "unmapped_value")
        assert own_fields(zoho_record(world, "Invoices", one.invoice)) == shown
        assert decision(service, "payment_status", one.document_id)["body"]["open_minor"] == one.open_minor
        world.clock.advance(3600)
        world.zoho.user_change("update", "Invoices", one.invoice, {"Status": status})
        world.clock.advance(60)
        assert service.sync().ok
        assert cause not in open_conflicts(service, "unmapped_value")
        assert own_fields(zoho_record(world, "Invoices", one.invoice)) == shown


def test_a_record_that_fails_for_another_reason_now_asks_about_that_one_only(synced: Synced) -> None:
    """The question about a word that is gone from the record would be answered for nothing, or become a rule."""
    world, service = synced
    with service:
        record = examples(service)[0].invoice
        world.clock.advance(3600)
        world.zoho.user_change("update", "Invoices", record, {"Status": "待确认"})
        world.clock.advance(60)
        assert service.sync().ok
        (asked,) = [c for c in open_conflicts(service, "unmapped_value").values() if c["external_id"] == record]
        world.clock.advance(3600)
        world.zoho.user_change("update", "Invoices", record, {"Status": "Created", "Grand_Total": "1e3"})
        world.clock.advance(60)
        assert service.sync().ok
        assert [c for c in open_conflicts(service, "unmapped_value").values() if c["external_id"] == record] == []
        assert [c["external_id"] for c in open_conflicts(service, "invalid_record").values()].count(record) == 1
        (closed,) = rows(service, select(conflicts).where(conflicts.c.id == asked["id"]))
        assert closed["state"] == "superseded"
        assert service.rebuild_check().as_dict()["differences"] == []


@pytest.mark.parametrize("is_taken_back", [False, True])
def test_a_record_left_as_it_is_asks_again_when_it_moved_before_the_answer_was_folded(
    synced: Synced, is_taken_back: bool
) -> None:
    """The answer counts for what was seen; folding the log again finds the same, also when the answer is undone."""
    world, service = synced
    with service:
        record = examples(service)[0].invoice
        world.clock.advance(3600)
        world.zoho.user_change("update", "Invoices", record, {"Status": "待确认"})
        world.clock.advance(60)
        assert service.sync().ok
        (asked,) = [c for c in open_conflicts(service, "unmapped_value").values() if c["external_id"] == record]
        answering.resolve(service.ctx, asked["id"], {"action": "leave"}, "li")  # the lane is busy: it is folded later
        if is_taken_back:
            answering.undo(service.ctx, asked["id"], "li")
        world.zoho.user_change("update", "Invoices", record, {"Subject": "another one"})
        world.clock.advance(60)
        assert service.sync().ok
        (again,) = [c for c in open_conflicts(service, "unmapped_value").values() if c["external_id"] == record]
        assert (again["id"] == asked["id"]) is is_taken_back
        assert "another one" in again["evidence"]["record"]
        assert service.rebuild_check().as_dict()["differences"] == []
        service.resolve(again["id"], {"action": "leave"}, "li")
        world.clock.advance(60)
        assert service.sync().ok
        assert again["cause"] not in open_conflicts(service, "unmapped_value")
        assert service.rebuild_check().as_dict()["differences"] == []
