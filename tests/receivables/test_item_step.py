"""Which step one item is due for: after a rejected dispute, under a changed policy, and what was passed over."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tieout.receivables.dunning.calendar import WorkCalendar
from tieout.receivables.dunning.item_step import ItemStep, has_reached, item_step
from tieout.receivables.dunning.items import Block, DunningItem, History
from tieout.receivables.dunning.policy import Policy, Step
from tieout.receivables.dunning.timeline import timeline

DUE = date(2026, 6, 1)


def days(n: int) -> date:
    return DUE + timedelta(days=n)


def step(name: str, offset: int, level: int, minimum: int = 0) -> Step:
    return Step(name, offset, level, ("crm_task",), min_amount_minor={"CNY": minimum} if minimum else {})


COURTESY, FIRST, SECOND, THIRD = step("P", -5, 0), step("A", 7, 1), step("B", 20, 2, 1000), step("C", 40, 3)
POLICY = Policy("own", "1", (COURTESY, FIRST, SECOND, THIRD), any_day=True, cooldown_days=5)
PLANNED = timeline(DUE, POLICY, WorkCalendar())


def item(**more: object) -> DunningItem:
    return DunningItem("i:1", "i", "I", "cn", "cus", "CNY", DUE, 500, **more)  # type: ignore[arg-type]  # free keywords


def at(day: int, reach: int = 5000, **more: object) -> ItemStep:
    return item_step(item(**more), POLICY, PLANNED, days(day), reach_minor=reach)


def test_after_a_rejected_dispute_the_step_of_before_is_said_again_once() -> None:
    last = History("B", 2, 20, days(20))
    again = at(30, last=last, resumed_on=days(30))
    assert (again.step, again.is_resumed, again.why, again.next_on) == (SECOND, True, "", days(40))
    assert at(29, last=last, resumed_on=days(30)).why == "already_sent"
    said = History("B", 2, 20, days(30))
    waits = at(31, last=said, resumed_on=days(30), pay_by_on=days(44))
    assert (waits.step, waits.why, waits.next_on) == (None, "pay_by", days(40))
    assert at(41, last=said, resumed_on=days(30), pay_by_on=days(44)).next_on == days(45)
    assert at(44, last=said, resumed_on=days(30), pay_by_on=days(44)).why == "pay_by"
    assert at(45, last=said, resumed_on=days(30), pay_by_on=days(44)).step == THIRD


@pytest.mark.parametrize(
    ("offset", "stands"),
    [(-9, COURTESY), (-5, COURTESY), (6, COURTESY), (7, FIRST), (39, SECOND), (40, THIRD), (99, THIRD)],
)
def test_where_the_policy_no_longer_knows_the_step_the_one_in_its_place_is_said(offset: int, stands: Step) -> None:
    gone = History("gone", 1, offset, days(20))
    assert at(30, last=gone, resumed_on=days(30)).step == stands


def test_a_step_waits_for_its_minimum_and_for_the_level_before_it() -> None:
    assert at(20, reach=1000, last=History("A", 1, 7, days(7))).step == SECOND
    small = at(20, reach=999, last=History("A", 1, 7, days(7)))
    assert (small.step, small.why, small.next_on) == (None, "not_due", days(40))
    fresh = at(50)
    assert (fresh.step, fresh.skipped) == (FIRST, (("P", "A"),))  # one level at a time, the courtesy makes no sense now
    nothing = at(50, last=History("C", 3, 40, days(40)))
    assert (nothing.step, nothing.why, nothing.next_on) == (None, "already_sent", None)


def test_before_anything_is_planned_to_come_the_first_day_is_named() -> None:
    early = at(-6)
    assert (early.step, early.why, early.next_on) == (None, "not_due", days(-5))
    assert at(-5).step == COURTESY
    assert at(-5).next_on == days(1)  # overdue from then on
    assert at(0).step == COURTESY
    late = at(1)
    assert (late.step, late.why, late.skipped, late.next_on) == (None, "not_due", (("P", "missed"),), days(7))
    moved = at(-2, last=History("P", 0, -5, days(-5)))
    assert (moved.why, moved.next_on) == ("already_sent", DUE)


def test_without_any_step_the_item_says_whether_it_was_ever_asked_for() -> None:
    assert item_step(item(), POLICY, (), days(3)).why == "not_due"
    assert item_step(item(last=History("A", 1, 7, days(7))), POLICY, (), days(9)).why == "already_sent"


def test_a_block_names_its_case_and_the_day_after_its_last() -> None:
    held = at(7, blocks=(Block("promised", days(10), "p1"),))
    assert (held.why, held.case, held.next_on, held.is_blocked) == ("promised", "p1", days(11), True)
    for_ever = at(7, blocks=(Block("paused", None, "x"),))
    assert (for_ever.why, for_ever.next_on) == ("paused", days(20))
    longest = at(7, blocks=(Block("promised", days(10), "p1"), Block("disputed", None, "d1"), Block("plan", days(9))))
    assert longest.case == "d1"
    assert at(11, blocks=(Block("promised", days(10), "p1"),)).step == FIRST
    assert not at(11).is_blocked


def test_whether_any_step_has_come() -> None:
    assert not has_reached(PLANNED, days(-6))
    assert has_reached(PLANNED, days(-5))
