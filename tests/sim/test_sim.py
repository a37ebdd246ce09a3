"""A share of the simulator for every test run: the corpus, a few fresh worlds, and that a seed is a whole world.

`make sim` runs many; CONTRIBUTING says how a failure is replayed.
"""

from __future__ import annotations

import pytest

from tests.sim.plan import Plan, draw
from tests.sim.run import corpus
from tests.sim.shrink import shrink
from tests.sim.twin import Theatre

# Seed 101 with 40 steps is open: docs/reliability.md, "Open".
SEEDS = range(102, 107)
STEPS = 40


@pytest.mark.parametrize(("name", "plan"), [pytest.param(name, plan, id=name) for name, plan in corpus()])
def test_what_was_found_once_stays_mended(theatre: Theatre, name: str, plan: Plan) -> None:
    assert theatre.run(plan).problems == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fresh_world_ends_as_if_nothing_had_gone_wrong(theatre: Theatre, seed: int) -> None:
    found = theatre.run(draw(seed, STEPS))
    assert found.problems == [], f"make sim SEED={seed} STEPS={STEPS}"


def test_the_same_plan_is_the_same_run(theatre: Theatre) -> None:
    first, second = (theatre.run(draw(103, 15), stop_at_first=False, rebuilds=False) for _ in range(2))
    assert first.log == second.log
    assert first.calm_log == second.calm_log


def test_a_failing_plan_shrinks_to_what_makes_it_fail() -> None:
    plan = draw(7, 40)
    wanted = plan.steps[11]
    small = shrink(plan, lambda one: wanted.draw in {step.draw for step in one.steps}, budget=200)
    assert [step.draw for step in small.steps] == [wanted.draw]
    assert small.faults == ()
