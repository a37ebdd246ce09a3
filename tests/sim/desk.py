"""The people in finance: one thing that a person enters at a step, in both worlds of a pair."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from tests.sim import casebook, terms
from tests.sim.entering import same_day

if TYPE_CHECKING:
    from tests.sim.world import World


def act(rough: World, calm: World, rng: Random, number: int) -> None:
    """One thing that a person enters, in both worlds."""
    if not same_day(rough, calm):
        return
    names = list(ACTS)
    name = rng.choices(names, [ACTS[one][0] for one in names])[0]
    ACTS[name][1](rough, calm, rng, number)


ACTS: dict[str, tuple[float, Callable[[World, World, Random, int], None]]] = {
    "dispute": (5, casebook.dispute),
    "promise": (4, casebook.promise),
    "payment plan": (1, casebook.plan),
    "pause": (3, casebook.pause),
    "contact": (1, casebook.contact),
    "close": (4, casebook.close),
    "take back": (2, casebook.take_back),
    "dunning policy": (2, terms.policy),
    "message text": (3, terms.text),
    "rates": (2, terms.rates),
    "credit order": (4, terms.credit),
    "withdraw order": (1, terms.withdraw),
    "answer rule": (5, terms.rule),
}
