"""Orders by hand on a credit status: which one counts, on which days, up to what amount, and what is said of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tieout.receivables.credit import CreditStatus
from tieout.receivables.override import Overridden, Override, hold_by_hand, overridden
from tieout.receivables.status import Reason

DAY = date(2026, 4, 10)
END = DAY + timedelta(days=5)
AFTER = END + timedelta(days=1)


def order(status: CreditStatus, seq: int, *, until: date = END, cap: int | None = 500) -> Override:
    return Override(f"{status}{seq}", status, seq, until, cap, "on its way", "Li", "Wang")


def test_an_order_counts_on_its_last_day_and_not_the_day_after() -> None:
    one = order("ok", 1)
    said = Reason("override", {"status": "ok", "until": END, "reason": "on its way"})
    assert overridden("hold", 500, True, [one], END) == Overridden("ok", (said,), "ok1", AFTER)
    assert overridden("hold", 500, True, [one], AFTER) == Overridden("hold", (), "", None)
    held = order("hold", 1, cap=None)
    assert hold_by_hand([held], END) == held
    assert hold_by_hand([held], AFTER) is None


@pytest.mark.parametrize(
    ("exposure", "complete", "cap"), [(501, True, 500), (500, False, 500), (0, True, None), (0, False, None)]
)
def test_an_order_that_the_exposure_has_outgrown_is_named_and_not_applied(
    exposure: int, complete: bool, cap: int | None
) -> None:
    said = Reason("override_outgrown", {"exposure_minor": exposure, "cap_minor": cap, "until": END})
    one = order("watch", 3, cap=cap)
    assert overridden("hold", exposure, complete, [one], DAY) == Overridden("hold", (said,), "", AFTER)


def test_the_latest_order_decides_whatever_the_list_says_first() -> None:
    early, late = order("watch", 1, until=DAY), order("ok", 2)
    for listed in ([early, late], [late, early]):
        made = overridden("hold", 1, True, listed, DAY)
        assert (made.status, made.applied) == ("ok", "ok2")
        assert made.next_change_on == DAY + timedelta(days=1)  # the earlier one ends first: look again then
        assert overridden("hold", 1, True, listed, DAY + timedelta(days=1)).next_change_on == AFTER


def test_a_later_hold_stands_over_an_order_to_ok_and_leaves_the_rule_its_status() -> None:
    ok, hold = order("ok", 1), order("hold", 2, cap=None)
    for listed in ([ok, hold], [hold, ok]):
        assert overridden("hold", 1, True, listed, DAY) == Overridden("hold", (), "hold2", AFTER)
        assert hold_by_hand(listed, DAY) == hold
    released = order("ok", 3)
    assert overridden("hold", 1, True, [ok, hold, released], DAY).applied == "ok3"


def test_only_orders_to_hold_hold_and_the_latest_of_them_is_named() -> None:
    assert hold_by_hand([order("ok", 9), order("watch", 8)], DAY) is None
    first, second = order("hold", 1, cap=None), order("hold", 2, cap=None)
    assert hold_by_hand([first, second], DAY) == second
    assert hold_by_hand([second, first], DAY) == second
    assert hold_by_hand([], DAY) is None
    assert overridden("watch", 7, True, [], DAY) == Overridden("watch", (), "", None)
