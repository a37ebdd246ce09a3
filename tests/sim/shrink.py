"""Makes a failing plan small: first faults go, then steps, as long as it still fails in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from tests.sim.plan import Plan

T = TypeVar("T")
Fails = Callable[[Plan], bool]


def shrink(plan: Plan, fails: Fails, budget: int = 80) -> Plan:
    """A smaller plan that still fails; at most `budget` runs."""
    tries = _Budget(budget, fails)
    plan = replace(plan, faults=tuple(_fewer(plan.faults, lambda some: tries(replace(plan, faults=tuple(some))))))
    numbered = list(range(len(plan.steps)))
    kept = _fewer(numbered, lambda some: tries(_only(plan, some)))
    return _only(plan, kept)


class _Budget:
    def __init__(self, left: int, fails: Fails) -> None:
        self._left, self._fails = left, fails

    def __call__(self, plan: Plan) -> bool:
        if self._left <= 0:
            return False
        self._left -= 1
        return self._fails(plan)


def _only(plan: Plan, numbers: Sequence[int]) -> Plan:
    """The plan with these steps; the time of the others passes all the same, their faults move to the next step."""
    steps = []
    places: dict[int, int] = {}
    waited = 0.0
    wanted = set(numbers)
    for number, step in enumerate(plan.steps):
        places[number] = len(steps)
        if number in wanted:
            steps.append(replace(step, gap=step.gap + waited))
            waited = 0.0
        else:
            waited += step.gap
    last = max(len(steps) - 1, 0)
    faults = tuple(replace(fault, step=min(places[fault.step], last)) for fault in plan.faults)
    return replace(plan, steps=tuple(steps), faults=faults)


def _fewer(items: Sequence[T], still: Callable[[Sequence[T]], bool]) -> list[T]:
    """Delta debugging without complements of complements: drop halves, quarters, … single ones."""
    kept = list(items)
    size = max(len(kept) // 2, 1)
    while kept:
        at = 0
        while at < len(kept):
            fewer = kept[:at] + kept[at + size :]
            if still(fewer):
                kept = fewer
            else:
                at += size
        if size == 1:
            break
        size = max(size // 2, 1)
    return kept
