"""Stored decisions judged again from their stored inputs: what comes out is what was stored, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tieout.core import exact_json
from tieout.receivables.again import combined_status, credit_by_rule, document_status, is_known
from tieout.receivables.aging import AgingScheme
from tieout.receivables.combine import combine
from tieout.receivables.credit import CreditDecision, CreditPolicy, CreditState, OwedItem, credit_status
from tieout.receivables.exposure import Rate, exposure_of
from tieout.receivables.status import ItemState, StatusDecision, invoice_status

DAY = date(2026, 4, 10)


def days(n: int) -> timedelta:
    return timedelta(days=n)


def stored(value: Any) -> Any:
    """As the database holds it."""
    return exact_json.loads_fast(exact_json.dumps(value))


def reasons(decision: StatusDecision | CreditDecision) -> list[dict[str, Any]]:
    return [{"code": one.code, "params": one.params} for one in decision.reasons]


def test_rules_of_this_version_are_known_and_others_are_not() -> None:
    assert is_known("payment-status-1")
    assert is_known("credit-1")
    assert not is_known("credit-0")


def test_an_overdue_invoice_is_judged_from_its_stored_inputs() -> None:
    items = [ItemState(DAY - days(40), 1000, 600), ItemState(DAY + days(3), 500, 500)]
    scheme = AgingScheme((0, 45, 90))
    made = invoice_status("posted", "invoice", items, DAY, DAY - days(2), "USD", credited_minor=100, scheme=scheme)
    again = document_status(stored(made.inputs), "USD")
    assert again == {
        "value": "overdue",
        "body": {
            "payment_status": "overdue",
            "currency": "USD",
            "invoiced_minor": 1500,
            "paid_minor": 400,
            "open_minor": 1100,
            "overdue_minor": 600,
            "overdue_since": "2026-03-02",
            "aging_bucket": "1-45",
            "next_due_on": "2026-04-13",
            "last_payment_on": "2026-04-08",
        },
        "reasons": [
            {"code": "past_due", "params": {"overdue_minor": 600, "oldest_due_on": "2026-03-01"}},
            {"code": "paid_in_part", "params": {"paid_minor": 400}},
            {"code": "paid_includes_credit_notes", "params": {"credited_minor": 100}},
        ],
    }


def test_a_credit_note_and_a_void_document_are_judged_as_what_they_are() -> None:
    note = invoice_status("posted", "credit_note", [ItemState(DAY, -200, -50)], DAY, None, "CNY")
    again = document_status(stored(note.inputs), "CNY")
    assert (again["value"], again["body"]["last_payment_on"]) == ("partially_paid", None)
    assert again["reasons"] == [{"code": "credit_partly_used", "params": {"paid_minor": -150}}]
    gone = invoice_status("void", "invoice", [], DAY, None, "CNY")
    assert document_status(stored(gone.inputs), "CNY")["reasons"] == [{"code": "voided", "params": {}}]


@pytest.mark.parametrize("of_customer", [False, True])
def test_a_combined_status_is_that_of_its_documents(of_customer: bool) -> None:
    documents = {
        "i1": invoice_status("posted", "invoice", [ItemState(DAY - days(40), 1000, 600)], DAY, DAY, "CNY"),
        "i2": invoice_status("posted", "invoice", [ItemState(DAY, 9, 9)], DAY, None, "USD"),
    }
    made = combine(documents, "CNY")
    again = combined_status(documents, "CNY", of_customer=of_customer)
    assert again["value"] == "overdue"
    assert again["body"] == stored(made.pushed())
    past_due = {"code": "past_due", "params": {"overdue_minor": 600, "overdue_since": "2026-03-02"}}
    left_out = {"code": "other_currency_left_out", "params": {"currency": "USD"}}
    assert again["reasons"] == ([past_due] if of_customer else [past_due, left_out])


def test_with_no_document_a_deal_says_nothing_and_a_customer_owes_nothing() -> None:
    none: Mapping[str, StatusDecision] = {}
    assert combined_status(none, "CNY", of_customer=False)["value"] == "none"
    assert combined_status(none, "CNY", of_customer=True)["value"] == "paid"
    assert combined_status(none, "CNY", of_customer=True)["reasons"] == [{"code": "no_documents", "params": {}}]


POLICY = CreditPolicy(version="p7", hold_days=20, watch_above_percent=80)


def credit(
    *,
    previous: CreditState | None = None,
    owes: Mapping[str, int] | None = None,
    cash: Mapping[str, int] | None = None,
    rates: Mapping[str, Rate] | None = None,
    limit: int | None = 100_000,
    items: tuple[OwedItem, ...] = (),
    broken: int = 0,
    by_hand: str = "",
) -> tuple[CreditDecision, Mapping[str, Any], Mapping[str, Any]]:
    """A decision with its inputs and body as they are stored."""
    owes, cash, rates = owes or {}, cash or {}, rates or {}
    exposure = exposure_of(owes, cash, "CNY", rates)
    made = credit_status(
        previous, exposure, limit, items, DAY, POLICY, grade="B", broken_promises=broken, manual_hold=by_hand
    )
    inputs = {**made.inputs, "policy": asdict(POLICY), "rates": {f"{code}/CNY": "7.1" for code in rates}}
    body = {"currency": "CNY", "grade": "B", "open_by_currency": owes, "unapplied_by_currency": cash}
    return made, stored(inputs), stored(body)


def same(case: tuple[CreditDecision, Mapping[str, Any], Mapping[str, Any]]) -> Mapping[str, Any]:
    """What comes out again, held against the decision itself."""
    made, inputs, body = case
    again = credit_by_rule(inputs, body)
    assert again == stored(
        {
            "by_rule": made.status,
            "hold_since": made.hold_since,
            "exposure_minor": made.exposure_minor,
            "limit_minor": made.limit_minor,
            "grade": "B",
            "reasons": reasons(made),
        }
    )
    return again


def codes(again: Mapping[str, Any]) -> list[str]:
    return [one["code"] for one in again["reasons"]]


def test_a_hold_that_goes_on_keeps_the_day_it_began() -> None:
    before = CreditState("hold", DAY - days(9))
    again = same(credit(previous=before, owes={"CNY": 95_000}))
    assert (again["by_rule"], again["hold_since"], codes(again)) == ("hold", "2026-04-01", ["above_release_level"])
    over = same(credit(previous=before, owes={"CNY": 100_001}))
    assert (over["hold_since"], codes(over)) == ("2026-04-01", ["over_limit"])


def test_a_customer_who_was_free_is_free_or_watched() -> None:
    calm = same(credit(previous=CreditState("ok"), owes={"CNY": 80_000}))
    assert (calm["by_rule"], calm["hold_since"], calm["reasons"]) == ("ok", None, [])
    near = same(credit(previous=CreditState("watch"), owes={"CNY": 80_001}))
    assert (near["by_rule"], codes(near)) == ("watch", ["near_limit"])
    assert same(credit())["by_rule"] == "ok"


def test_items_promises_and_orders_by_hand_hold_again() -> None:
    late = OwedItem("i1", "CNY", DAY - days(21), 20_001)
    again = same(credit(items=(late,), broken=2, by_hand="insolvency"))
    assert codes(again) == ["overdue_beyond_hold_days", "broken_promises", "manual_hold"]
    assert again["reasons"][0]["params"] == {
        "hold_days": 20,
        "oldest_due_on": "2026-03-20",
        "overdue_minor": {"CNY": 20_001},
    }
    assert again["reasons"][2]["params"] == {"reason": "insolvency"}


def test_a_rate_that_was_missing_is_missing_again_and_one_that_stood_is_not() -> None:
    usd = Rate("USD", Decimal("7.1"), DAY)
    again = same(
        credit(
            previous=CreditState("hold", DAY - days(9)),
            owes={"CNY": 10, "EUR": 700, "GBP": 0, "USD": 100},
            cash={"JPY": -30, "GBP": 0},
            rates={"USD": usd},
        )
    )
    assert again["exposure_minor"] == 720  # 0.10 yuan and 1.00 dollar at 7.1
    assert codes(again) == ["release_needs_rate", "rate_missing", "rate_missing"]
    assert [one["params"] for one in again["reasons"][1:]] == [
        {"currency": "EUR", "open_minor": 700},
        {"currency": "JPY", "open_minor": 0},
    ]
    inputs = credit(owes={"EUR": 1}, cash={"EUR": -1})[1]
    body = {"currency": "CNY", "grade": "B", "open_by_currency": {"EUR": 1}, "unapplied_by_currency": {"EUR": -1}}
    assert credit_by_rule(inputs, body)["reasons"] == [
        {"code": "rate_missing", "params": {"currency": "EUR", "open_minor": 1}}
    ]


def test_without_a_limit_the_reasons_say_so() -> None:
    again = same(credit(owes={"CNY": 10**9}, limit=None))
    assert (again["by_rule"], again["limit_minor"], codes(again)) == ("ok", None, ["no_limit_known"])
