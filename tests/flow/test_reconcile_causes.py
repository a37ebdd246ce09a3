"""Every difference has a cause people can act on, both sides' values, and an age that is carried from run to run."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from connectors.zoho.connector import ZohoConnector
from sync.reconcile import run_reconcile
from sync.reconcile.asked import Shown, StreamAnswer
from tests.flow.books import (
    BILL,
    Synced,
    pick,
    receive,
    rows,
    zoho_record,
)
from tests.flow.harness import make_world
from tests.flow.two_crms import open_three
from tieout.core.errors import TieoutError
from tieout.core.ports import StatedTotal
from tieout.store.breaks import of_run
from tieout.store.session import reading
from tieout.store.tables import break_ages, commits, documents


def run(service: Any, **asked: Any) -> dict[str, dict[str, Any]]:
    return {one["counterpart"]: one for one in run_reconcile(service.ctx, **asked).as_dict()["sections"]}


def causes(section: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["kind"], one["cause"]) for one in section["breaks"]}


def test_everything_we_write_is_compared_and_zoho_states_its_own_sums(synced: Synced) -> None:
    _, service = synced
    zoho = run(service)["zoho"]
    assert zoho["is_valid"]
    assert {(one["stream"], one["not_stated"]) for one in zoho["streams"]} == {
        ("customers", ""),
        ("deals", ""),
        ("invoices", ""),
    }
    assert all(one["equal"] == one["records"] > 20 for one in zoho["streams"])
    assert all(total["is_stated"] and total["is_valid"] for one in zoho["streams"] for total in one["totals"])
    assert causes(zoho) <= {("missing_in_right", "no_crm_record")}
    book = run(service)["kingdee"]
    assert (book["break_count"], book["not_stated"]) == (0, "sum_of_documents")


def test_hand_edits_of_any_field_are_named_with_both_values_and_their_age_is_carried(synced: Synced) -> None:
    world, service = synced
    one = pick(service, lambda found: bool(found.deals) and found.open_minor > 0)
    paid = Decimal(one.open_minor) / 100 - 1
    world.zoho.user_change("update", "Invoices", one.invoice, {"AR_Open_Amount": paid})
    world.zoho.user_change("update", "Deals", one.deals[0], {"AR_Aging_Bucket": ">365"})
    account = zoho_record(world, "Accounts", one.crm_accounts[0])
    other = "hold" if account["AR_Credit_Status"] != "hold" else "ok"
    world.zoho.user_change("update", "Accounts", one.crm_accounts[0], {"AR_Credit_Status": other})

    section = run(service)["zoho"]
    assert section["is_valid"]
    found = {(b["counterpart"], b["field"] or b["kind"]): b for b in section["breaks"] if b["cause"] == "hand_edit"}
    assert set(found) == {
        (one.invoice, "amount"),
        (one.deals[0], "AR_Aging_Bucket"),
        (one.crm_accounts[0], "AR_Credit_Status"),
    }
    money = found[one.invoice, "amount"]
    assert (money["ledger_minor"], money["counterpart_minor"]) == (one.open_minor, one.open_minor - 100)
    assert (money["number"], money["by_currency"]) == (one.number, {one.currency: 100})
    status = found[one.crm_accounts[0], "AR_Credit_Status"]
    assert (status["ledger_value"], status["counterpart_value"]) == (account["AR_Credit_Status"], other)
    assert status["explanation"]["params"]["written"] == account["AR_Credit_Status"]

    world.clock.advance(3 * 86400)
    again = {b["key"]: b for b in run(service)["zoho"]["breaks"]}
    assert (again[money["key"]]["age_days"], again[money["key"]]["runs"]) == (3, 2)

    # The next sync writes our values back; what was broken is gone and said to be.
    assert service.sync().ok
    view = run_reconcile(service.ctx).as_dict()
    assert not [b for s in view["sections"] for b in s["breaks"] if b["cause"] == "hand_edit"]
    assert {money["key"], status["key"]} <= {gone["key"] for gone in view["gone"]}
    ended = rows(service, select(break_ages).where(break_ages.c.key == money["key"]))
    assert ended[0]["gone_at"] is not None


def test_a_payment_that_is_not_pulled_yet_is_in_flight_and_not_an_unknown_difference(synced: Synced) -> None:
    world, service = synced
    one = pick(service, lambda found: found.open_minor > 10000)
    receive(world, one.number, Decimal("50.00"))
    book = run(service)["kingdee"]
    assert book["is_valid"]
    assert {b["cause"] for b in book["breaks"]} == {"in_flight"}
    bill = next(b for b in book["breaks"] if b["number"] == one.number)
    assert (bill["kind"], bill["by_currency"]) == ("amount", {one.currency: 5000})
    assert bill["explanation"]["params"] == {"stream": "allocations"}
    assert service.sync().ok
    assert run(service)["kingdee"]["break_count"] == 0


def test_a_bill_deleted_at_the_source_is_said_to_be_deleted(synced: Synced) -> None:
    world, service = synced
    whole = rows(service, select(documents).where(documents.c.open_minor == documents.c.total_minor))
    untouched = {row["number"] for row in whole if row["kind"] == "invoice"}
    one = pick(service, lambda found: found.number in untouched)
    world.kingdee.user_change("delete", BILL, one.number)
    book = run(service)["kingdee"]
    assert [b["cause"] for b in book["breaks"] if b["number"] == one.number] == ["deleted_at_source"]
    assert book["is_valid"]


def test_a_record_bound_twice_and_an_unbound_one_are_told_apart(synced: Synced) -> None:
    world, service = synced
    one = pick(service, lambda found: found.open_minor > 0)
    record = zoho_record(world, "Invoices", one.invoice)
    alone = {key: record[key] for key in ("Subject", "Account_Name", "Currency", "Grand_Total")}
    made = world.zoho.user_change("create", "Invoices", "", {**alone, "AR_Open_Amount": Decimal("12.34")})
    section = run(service)["zoho"]
    assert section["is_valid"]
    found = [b for b in section["breaks"] if b["counterpart"] == str(made["id"])]
    assert [(b["kind"], b["counterpart_minor"], b["by_currency"]) for b in found] == [
        ("missing_in_left", 1234, {record["Currency"]: -1234})
    ]
    assert found[0]["cause"] in ("hand_edit", "unbound", "conflict_pending")


def test_a_past_day_is_compared_where_it_can_be_and_the_rest_is_named(synced: Synced) -> None:
    world, service = synced
    one = pick(service, lambda found: found.open_minor > 10000)
    before = run_reconcile(service.ctx).as_dict()["sections"][0]["totals"]
    day = world.clock.now().date()
    world.clock.advance(86400)
    receive(world, one.number, Decimal("50.00"))
    assert service.sync().ok
    view = run_reconcile(service.ctx, as_of=day).as_dict()
    assert view["not_compared"] == [{"counterpart": "zoho", "side": "crm", "reason": "shows_today_only"}]
    (book,) = view["sections"]
    assert (book["is_valid"], book["break_count"], book["totals"]) == (True, 0, before)
    later = run_reconcile(service.ctx, as_of=day + timedelta(days=1)).as_dict()
    assert not later["is_past"]
    assert later["sections"][0]["totals"] != before
    # The same day as it was known before the payment: an earlier commit, printed with the run.
    with reading(service.ctx.engine) as conn:
        first = int(conn.execute(select(func.min(commits.c.seq))).scalar_one())
    known = run_reconcile(service.ctx, as_of=day, known_at=first)
    assert known.known_seq == first
    with pytest.raises(TieoutError, match="has not come yet"):
        run_reconcile(service.ctx, as_of=date(2030, 1, 1))


def test_a_sum_that_the_records_do_not_reach_makes_the_side_invalid(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, service = synced
    honest = ZohoConnector.stated

    def one_more(self: ZohoConnector, stream: str, field: str) -> list[StatedTotal]:
        return [StatedTotal(t.currency, t.total_minor + 1, t.records) for t in honest(self, stream, field)]

    monkeypatch.setattr(ZohoConnector, "stated", one_more)
    zoho = run(service)["zoho"]
    assert not zoho["is_valid"]
    assert "invoices: CNY" in zoho["invalid_reason"]


def test_every_break_is_stored_with_its_run(synced: Synced) -> None:
    _, service = synced
    view = run_reconcile(service.ctx)
    with reading(service.ctx.engine) as conn:
        stored = of_run(conn, view.id)
    assert len(stored) == view.breaks > 0
    assert {one["connection"] for one in stored} == {"zoho"}
    assert stored[0]["customer"]


def test_records_agree_with_a_statement_only_in_sum_and_number(synced: Synced) -> None:
    at = synced[0].clock.now()
    answer = StreamAnswer("invoices", "Invoices", "invoice")
    answer.records = {
        name: Shown(name, {}, "CNY", "", "", amount, "", None, at) for name, amount in (("a", 5), ("b", 7))
    }
    for stated, agrees in (
        (None, True),
        ([("CNY", 12, 2)], True),
        ([("CNY", 12, 3)], False),
        ([("CNY", 11, 2)], False),
    ):
        answer.stated = None if stated is None else [StatedTotal(*one) for one in stated]
        assert answer.agrees() is agrees


def test_two_crms_and_the_books_are_one_run_and_a_document_of_the_other_crm_is_said_to_be_there(tmp_path: Path) -> None:
    world = make_world(16, 40, seed=11)
    with open_three(tmp_path, world, f"sqlite:///{tmp_path / 'tieout.db'}") as service:
        assert service.sync().ok
        world.clock.advance(60)
        found = run(service)
        assert set(found) == {"zoho", "kingdee", "fxiaoke"}
        assert all(section["is_valid"] for section in found.values())
        assert found["kingdee"]["break_count"] == 0
        assert {one["stream"] for one in found["fxiaoke"]["streams"]} == {"customers", "deals", "invoices", "orders"}
        assert found["fxiaoke"]["not_stated"] == "no_own_sums"
        assert causes(found["fxiaoke"]) <= {
            ("missing_in_right", "other_crm"),
            ("missing_in_right", "no_crm_record"),
            ("missing_in_right", "conflict_pending"),
        }
        assert ("missing_in_right", "other_crm") in causes(found["fxiaoke"])
