"""The timeline of one item under a policy: on which day each step is planned, and which later step replaces it.

Anchored to the item's due date, never to the last run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tieout.receivables.dunning.calendar import WorkCalendar
from tieout.receivables.dunning.policy import Policy, Step


@dataclass(frozen=True, slots=True)
class Planned:
    """One step of an item on the day it is planned for; `superseded_by` names the step that is sent instead."""

    step: Step
    on: date
    superseded_by: str = ""


def timeline(due_on: date, policy: Policy, calendar: WorkCalendar, *, was_late: bool = True) -> Sequence[Planned]:
    """Every step of a policy for an item due on `due_on`, in order.

    A day off moves a step to the next open day. Steps above level 0 wait for the days of grace, and for some more if
    the customer was never late before. A step followed within the cooldown by the next one that may be sent in its
    place is superseded by it.
    """
    grace = policy.grace_days + (0 if was_late else policy.first_time_late_extra_grace)
    days = []
    for step in policy.steps:
        day = due_on + timedelta(days=step.offset if step.level == 0 else max(step.offset, grace + 1))
        days.append(day if policy.any_day else calendar.following(day))
    out = []
    for at, (step, day) in enumerate(zip(policy.steps, days, strict=True)):
        later = ""
        if at + 1 < len(policy.steps):
            nxt, its_day = policy.steps[at + 1], days[at + 1]
            if (its_day - day).days < policy.cooldown_days and nxt.level <= next_level(policy, step.level):
                later = nxt.id if nxt.level == step.level or step.level == 0 else ""
        out.append(Planned(step, day, later))
    return out


def next_level(policy: Policy, level: int) -> int:
    """The level above this one that the policy knows: an item never rises further in one run."""
    return min((step.level for step in policy.steps if step.level > level), default=level)
