"""What two worlds may differ in about credit: only what the way there explains."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.sim.canon import differences
from tests.sim.credit import Dump
from tieout.core import exact_json

SUBJECT = "account kingdee:C1+zoho/customers/77|cn"
BODY: dict[str, Any] = {
    "by_rule": "ok",
    "override": "",
    "grade": "B",
    "score": Decimal("73.9"),
    "contributions": {"billing_percentile": Decimal("11.48"), "days_late": Decimal("22.13")},
    "suggested_limit_minor": 100,
    "confidence": Decimal("0.85"),
    "missing_sub_scores": ["promises_kept"],
    "review_on": "2026-10-01",
    "better_since": None,
    "hold_since": None,
    "exposure_minor": 95,
}
LOWER: dict[str, Any] = {
    "grade": "C",
    "score": Decimal("68.2"),
    "contributions": {"billing_percentile": Decimal("5.74"), "days_late": Decimal("22.13")},
    "suggested_limit_minor": 50,
}


UNPLACED: dict[str, Any] = {  # too few facts for a score either way
    "grade": "N",
    "score": None,
    "contributions": {},
    "suggested_limit_minor": None,
}
NOWHERE = {**UNPLACED, "confidence": Decimal("0.075"), "missing_sub_scores": ["billing_percentile", "promises_kept"]}


def world(value: str = "ok", reasons: tuple[str, ...] = (), yard: int = 1, shown: str = "", **body: Any) -> Dump:
    """The dump of a world with one customer."""
    made = {**BODY, "by_rule": value, **body}
    fields = {"AR_Credit_Grade": shown or made["grade"], "AR_Credit_Status": value, "AR_Credit_Reasons": str(reasons)}
    fact = [SUBJECT, value, made, [{"code": code, "params": {}} for code in reasons]]
    return {
        "credit": [exact_json.canonical(fact).decode()],
        "yardsticks": [str(yard)],
        "met": [],
        "conflicts": [],
        "shown": [],
        "crm fields": [exact_json.canonical(["Accounts", "77", fields]).decode()],
    }


@pytest.mark.parametrize(
    ("calm", "rough"),
    [
        (world(), world()),
        (world(), world(yard=2, **LOWER)),  # judged by another yardstick
        (world(), world(grade="C", suggested_limit_minor=50, better_since="2026-10-01")),  # waits to rise
        (world(**UNPLACED), world(yard=2, **NOWHERE)),  # judged before there was a yardstick
        (world(), world(yard=2, **{**UNPLACED, "missing_sub_scores": ["billing_percentile", "promises_kept"]})),
        (world(), world("hold", ("above_release_level",), hold_since="2026-10-02")),
        (world(), world("hold", ("hold_waits", "no_limit_known"), hold_since="2026-10-02")),
    ],
)  # fmt: skip
def test_what_the_way_there_explains_is_no_difference(calm: Dump, rough: Dump) -> None:
    assert differences(calm, rough) == []
    assert differences(rough, calm) == []


@pytest.mark.parametrize(
    ("calm", "rough"),
    [
        (world(), world(**LOWER)),  # the same yardstick and another score
        (world(**UNPLACED), world(**NOWHERE)),
        (world(**UNPLACED), world(yard=2, **{**UNPLACED, "missing_sub_scores": []})),  # other facts are missing
        (world(), world(yard=2, **{**LOWER, "contributions": {"days_late": Decimal(1)}})),  # other facts
        (world(), world(**{**UNPLACED, "missing_sub_scores": ["billing_percentile", "promises_kept"]})),
        (world(), world(grade="C")),  # lower, and no better grade is on its way
        (world(), world(yard=2, shown="A", **LOWER)),  # the CRM says what nobody decided
        (world(), world("hold", ("over_limit",), hold_since="2026-10-02")),  # something holds it now
        (world("hold", ("over_limit",)), world("hold", ("above_release_level",))),
        (world(), world("hold", ("above_release_level",), exposure_minor=96)),
        (world(), world("watch", ("overdue",))),
        (world(), {**world(), "credit": [], "crm fields": []}),
    ],
)
def test_everything_else_is(calm: Dump, rough: Dump) -> None:
    assert differences(calm, rough)
    assert differences(rough, calm)


STRANDED = '["payment_match","kingdee/allocation/300019/2027-03-28T00:00:00/AR_RECEIVEBILL:5/6/AR_receivable:100020/1"]'


def test_a_payment_of_a_bill_that_one_world_never_read_is_asked_about_in_the_other_only() -> None:
    asked = {**world(), "conflicts": [STRANDED], "met": ["AR_RECEIVEBILL:5", "AR_receivable:100020"]}
    assert differences(asked, {**world(), "met": ["AR_RECEIVEBILL:5"]}) == []
    assert differences(asked, {**world(), "met": asked["met"]})
