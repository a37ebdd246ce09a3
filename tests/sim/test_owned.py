"""The simulator's own idea of what a CRM record shows, and that it notices when one shows something else."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.sim import owned
from tests.sim.plan import Plan
from tests.sim.twin import Theatre

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("items", "word", "overdue", "since", "coming"),
    [
        ([(date(2026, 11, 24), 100, 100)], "open", 0, None, "2026-11-24"),  # due today is not late
        ([(date(2026, 11, 23), 100, 100)], "overdue", 100, "2026-11-24", None),
        ([(date(2026, 10, 1), 60, 0), (date(2026, 12, 1), 40, 40)], "partially_paid", 0, None, "2026-12-01"),
        ([(date(2026, 10, 1), 60, 10), (date(2026, 11, 1), 40, 40)], "overdue", 50, "2026-10-02", None),
        ([(date(2026, 10, 1), 60, 0)], "paid", 0, None, None),
    ],
)
def test_what_a_bill_comes_to(
    items: list[tuple[date, int, int]], word: str, overdue: int, since: str | None, coming: str | None
) -> None:
    made = owned.expected([(due, Decimal(total), Decimal(left)) for due, total, left in items], TODAY)
    assert made["AR_Payment_Status"] == word
    assert (made["AR_Overdue_Amount"], made["AR_Overdue_Since"]) == (overdue, since)
    assert made["AR_Next_Due_Date"] == coming
    assert made["AR_Paid_Amount"] + made["AR_Open_Amount"] == made["AR_Invoiced_Amount"]


def _decided(**other: Any) -> tuple[str, Any, Any]:
    body = {
        "invoiced_minor": 100,
        "paid_minor": 40,
        "open_minor": 60,
        "overdue_minor": 60,
        "overdue_since": "2026-11-24",
    }
    facts = {"as_of": "2026-11-24", "kind": "invoice", "state": "posted", "items": [["2026-11-23", 100, 60]]}
    return "overdue", {**body, **other}, json.dumps({**facts, "credited_minor": 0})


def test_a_status_that_does_not_follow_from_its_inputs_is_noticed() -> None:
    assert owned.misjudged("inv_1", *_decided()) == ""
    assert owned.misjudged("inv_1", *_decided(paid_minor=41))
    _, body, facts = _decided()
    assert owned.misjudged("inv_1", "open", body, facts)


def _judged(value: str, amounts: tuple[int, int, int], **facts: Any) -> str:
    invoiced, paid, left = amounts
    body = {"invoiced_minor": invoiced, "paid_minor": paid, "open_minor": left}
    body |= {"overdue_minor": 0, "overdue_since": None}
    return owned.misjudged("inv_1", value, body, {"as_of": "2026-11-24", "credited_minor": 0, **facts})


def test_a_credit_note_and_what_was_undone_are_judged_too() -> None:
    note = {"kind": "credit_note", "state": "posted", "items": [["2026-10-01", -100, -60]]}
    assert _judged("partially_paid", (-100, -40, -60), **note) == ""
    assert _judged("overdue", (-100, -40, -60), **note)
    assert _judged("paid", (-100, -100, 0), **note)
    gone = {"kind": "invoice", "state": "void", "items": [["2026-10-01", 100, 100]]}
    assert _judged("void", (0, 0, 0), **gone) == ""
    assert _judged("void", (100, 0, 100), **gone)
    assert _judged("open", (0, 0, 0), **gone)


def test_the_words_about_balances() -> None:
    sums = {"USD": [Decimal(5), Decimal(0), Decimal(0)], "CNY": [Decimal("1250"), Decimal(200), Decimal(-50)]}
    assert owned.balances(sums) == "CNY 1,200.00 (overdue 200.00, unapplied 50.00); USD 5.00"
    assert owned.balances({"CNY": [Decimal(50), Decimal(0), Decimal(-50)]}) == "CNY 0.00 (unapplied 50.00)"
    assert owned.balances({"CNY": [Decimal(0)] * 3}) == ""


@pytest.mark.parametrize(
    ("module", "field", "value"),
    [
        ("Invoices", "AR_Open_Amount", Decimal("0.07")),
        ("Invoices", "AR_Payment_Status", "open"),
        ("Deals", "AR_Open_Amount", Decimal("0.07")),
        ("Accounts", "AR_Credit_Grade", "A"),
        ("Accounts", "AR_Balances", "CNY 0.07"),
    ],
)
def test_a_field_that_shows_something_else_is_noticed(theatre: Theatre, module: str, field: str, value: Any) -> None:
    world = theatre._world(Plan(1000, 0, "sqlite", "auto", starts_empty=False, steps=(), faults=()), "rough")
    try:
        assert owned.shown(world) == []
        record = next(one for one in world.vendors.records()[module] if one.get(field) not in (None, "", value))
        world.vendors.zoho.user_change("update", module, str(record["id"]), {field: value})
        assert any(f"{module} {record['id']} shows {field}" in problem for problem in owned.shown(world))
    finally:
        world.close()
