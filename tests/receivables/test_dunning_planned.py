"""The days a policy plans for one item: grace, the first time late, days off, and what the cooldown makes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.receivables.test_dunning_timeline import DUE, EMAIL, POLICY, WEEKENDS
from tieout.receivables.dunning.policy import Policy, Step
from tieout.receivables.dunning.timeline import timeline

ANY_DAY = replace(POLICY, any_day=True, cooldown_days=0)


def offsets(policy: Policy, *, was_late: bool = True, due: date = DUE) -> dict[str, int]:
    """Days after the due date, by step."""
    return {one.step.id: (one.on - due).days for one in timeline(due, policy, WEEKENDS, was_late=was_late)}


@pytest.mark.parametrize(
    ("grace", "extra", "was_late", "first"), [(3, 10, True, 7), (9, 10, True, 10), (3, 10, False, 14), (0, 0, False, 7)]
)
def test_claims_wait_for_the_days_of_grace_and_longer_for_who_was_never_late(
    grace: int, extra: int, was_late: bool, first: int
) -> None:
    policy = replace(ANY_DAY, grace_days=grace, first_time_late_extra_grace=extra)
    found = offsets(policy, was_late=was_late)
    assert (found["L1"], found["L2"], found["L3"]) == (first, 15, 30)
    assert (found["P7"], found["D0"]) == (-7, 0), "what asks for nothing yet does not wait"


def test_a_step_on_a_day_off_is_planned_for_the_next_open_day_unless_any_day_will_do() -> None:
    saturday = date(2026, 4, 4)
    due = saturday - timedelta(days=7)
    assert offsets(replace(POLICY, cooldown_days=0), due=due)["L1"] == 9
    assert offsets(ANY_DAY, due=due)["L1"] == 7


def planned(*steps: Step, cooldown: int = 5) -> Sequence[str]:
    policy = replace(ANY_DAY, steps=steps, cooldown_days=cooldown, grace_days=0)
    return [one.superseded_by for one in timeline(DUE, policy, WEEKENDS)]


def test_a_step_gives_way_to_the_next_one_within_the_cooldown_and_not_on_its_last_day() -> None:
    def step(name: str, offset: int, level: int) -> Step:
        return Step(name, offset, level, EMAIL)

    assert planned(step("P3", -3, 0), step("D0", 0, 0)) == ["D0", ""]
    assert planned(step("P3", -5, 0), step("D0", 0, 0)) == ["", ""]
    assert planned(step("P3", -4, 0), step("D0", 0, 0)) == ["D0", ""]
    assert planned(step("D0", 0, 0), step("L1", 3, 1)) == ["L1", ""], "a courtesy gives way to the first claim"
    assert planned(step("D0", 0, 0), step("L1", 3, 1), step("L1b", 4, 1)) == ["L1", "L1b", ""]
    assert planned(step("L1", 7, 1), step("L2", 9, 2)) == ["", ""], "a claim is not left out for a harder one"
    assert planned(step("D0", 0, 0), step("L2", 3, 2)) == ["L2", ""], "the next level that the policy knows"
    assert planned(step("L1", 7, 1), step("L1b", 9, 1), cooldown=2) == ["", ""]
