"""What one world goes through: its steps and its faults, all drawn from one seed and all written down.

A step chooses among what it finds with randomness of its own (`draw`), so that leaving out one step or one fault
changes nothing about the others: that is what makes a failing plan shrink.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from tests.sim import faultkinds

ACTS = 1  # goes up by one whenever people learn to do something else (`LATER` in users.py)
VARIANTS = 8  # seeded companies with a start, a time zone and page sizes of their own

# actor -> weight. `gap` draws the seconds before a step; days and hours are steps of their own.
ACTORS = {
    "work": 36,
    "sweep": 10,
    "pull": 5,
    "books": 20,
    "crm": 12,
    "deliver": 7,
    "answer": 3,
    "undo": 2,
    "merge": 0.5,
    "desk": 3,
    "plan": 3,
    "revive": 1,
    "hour": 2,
    "day": 1,
    "reconcile": 1,
    "report": 2,
    "setup": 0.3,
    "check": 0.3,
    "backup": 1,
    "restore": 0.5,
    "go on": 1,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of one actor: who, how long after the step before, and its own randomness."""

    actor: str
    gap: float
    draw: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Armed when step `step` begins; strikes at the `nth` thing it fits, `times` times in a row."""

    step: int
    kind: str
    nth: int = 1
    times: int = 1
    place: str = ""
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole world, ready to run: the same plan gives the same run."""

    seed: int
    variant: int
    engine: str
    push_mode: str
    starts_empty: bool
    steps: tuple[Step, ...]
    faults: tuple[Fault, ...]
    found: str = field(default="", compare=False)  # what it showed when it was kept
    acts: int = 0  # people do what they did when it was drawn: acts that came later would make another world of it
    starts_unsent: bool = False  # read and decided, nothing written to the CRM yet: messages go out under its faults

    def without_faults(self) -> Plan:
        return replace(self, faults=())

    def dump(self) -> str:
        """As JSON, one step or fault a line."""
        doc = asdict(self)
        steps = ",\n    ".join(json.dumps(list(item.values())) for item in doc.pop("steps"))
        faults = ",\n    ".join(json.dumps(list(item.values())) for item in doc.pop("faults"))
        head = json.dumps(doc, indent=2, ensure_ascii=False)[:-2]
        return f'{head},\n  "steps": [\n    {steps}\n  ],\n  "faults": [\n    {faults}\n  ]\n}}\n'

    @classmethod
    def load(cls, path: Path) -> Plan:
        doc: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        steps = tuple(Step(*item) for item in doc.pop("steps"))
        faults = tuple(Fault(*item) for item in doc.pop("faults"))
        return cls(**doc, steps=steps, faults=faults)


def draw(seed: int, steps: int = 150, engine: str = "sqlite") -> Plan:
    """The plan of a seed."""
    rng = Random(f"tieout {seed}")
    names, weights = list(ACTORS), list(ACTORS.values())
    turns = tuple(Step(rng.choices(names, weights)[0], _gap(rng), rng.getrandbits(32)) for _ in range(steps))
    push_mode, start = "plan" if rng.random() < 0.25 else "auto", rng.random()
    return Plan(
        seed=seed,
        variant=seed % VARIANTS,
        engine=engine,
        push_mode=push_mode,
        starts_empty=start < 0.25,
        starts_unsent=push_mode == "auto" and start > 0.5,
        acts=ACTS,
        steps=turns,
        faults=tuple(sorted(_faults(rng, steps), key=lambda one: one.step)),
    )


def _gap(rng: Random) -> float:
    return float(rng.choice((1, 1, 2, 3, 5, 10, 20, 40, 90, 200, 400)))


def _faults(rng: Random, steps: int) -> list[Fault]:
    """Some worlds have few faults, some many; each world leans towards a few kinds, so that these meet each other."""
    count = rng.choice((3, 8, 14, 20, 28))
    kinds = list(faultkinds.KINDS)
    weights = [faultkinds.KINDS[kind].weight for kind in kinds]
    favourites = rng.choices(kinds, weights, k=4)
    together = rng.choice((0.0, 0.3, 0.6))  # how often one trouble comes with another: at the same step
    step = 0
    out: list[Fault] = []
    for _ in range(count):
        kind = rng.choice(favourites) if rng.random() < 0.5 else rng.choices(kinds, weights)[0]
        shape = faultkinds.KINDS[kind]
        if not out or rng.random() >= together:
            step = rng.randrange(steps)
        out.append(
            Fault(
                step=step,
                kind=kind,
                nth=rng.choice((1, 1, 1, 2, 2, 3, 4, 6, 9, 14)) if shape.counted else 1,
                times=rng.choice((1, 1, 1, 1, 2, 3, 6)) if shape.repeats else 1,
                place=rng.choice(shape.places),
                amount=float(rng.choice(shape.amounts)),
            )
        )
    return out
