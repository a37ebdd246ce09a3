"""A pair of worlds under one plan, one with its faults and one without, side by side: they must end alike."""

from __future__ import annotations

import gc
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.sim import actors, asof, canon, ending, operator, owned, stage, terms, truth
from tests.sim.database import Database, scratch
from tests.sim.invariants import Invariants
from tests.sim.plan import Plan
from tests.sim.variant import VARIANTS
from tests.sim.world import WORLDLY, World
from tieout.store.migrate import migrate

COLLECT_EVERY = 10  # worlds


@dataclass
class Outcome:
    """How a pair ended: problems (none is well), steps done, faults that struck, and what happened."""

    plan: Plan
    problems: list[str]
    steps: int
    struck: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    calm_log: list[str] = field(default_factory=list)


def _calm_step(calm: World, number: int, is_decided: bool) -> None:
    """Without faults nothing is left to chance: all is read and done before each decision and each day."""
    actor = calm.plan.steps[number].actor
    if is_decided or actor == "day":
        ending.catch_up(calm)
    if actor in WORLDLY:
        calm.step(number)


class Theatre:
    """Databases, stored starts and seams of this process; runs one plan after the other.

    `shared`: a folder in which several processes keep the starts that one of them has made (SQLite).
    """

    def __init__(self, shared: Path | None = None) -> None:
        self._runs = 0
        self._shared = shared
        self._folder = scratch()
        self._slots: dict[tuple[str, str], Database] = {}
        self._starts: dict[tuple[int, str, str], tuple[str, str]] = {}
        self._schemas: dict[str, str] = {}  # by engine: a database with its tables and nothing in them
        stage.install()

    def run(self, plan: Plan, *, stop_at_first: bool = True, rebuilds: bool | None = None) -> Outcome:
        """The plan with its faults beside the plan without; ends at the first breach."""
        rough = self._world(plan, "rough")
        calm = self._world(plan.without_faults(), "calm")
        pair = (rough, calm)
        checks = [Invariants(world) for world in pair]
        done = 0
        gc.disable()  # a world makes many short-lived objects and few cycles: those are looked for between worlds
        try:
            for number in range(len(plan.steps)):
                rough.step(number)
                wanted = operator.is_wanted(plan.steps[number].actor, rough)
                _calm_step(calm, number, wanted)
                if wanted:
                    rough.copy_at = None
                    operator.act(plan.steps[number].actor, rough, calm, Random(plan.steps[number].draw), number)
                for check in checks:
                    check.check()
                done = number + 1
                if stop_at_first and (rough.problems or calm.problems):
                    break
            else:
                self._end(pair, checks, plan.seed % 5 == 0 if rebuilds is None else rebuilds)
            problems = rough.problems + [f"without faults: {problem}" for problem in calm.problems]
            return Outcome(plan, problems, done, rough.struck, rough.log, calm.log)
        finally:
            for world in pair:
                world.close()
            gc.enable()
            self._runs += 1
            if self._runs % COLLECT_EVERY == 0:
                gc.collect()

    def _end(self, pair: tuple[World, World], checks: list[Invariants], rebuilds: bool) -> None:
        rough, calm = pair
        until = max(rough.planned_end, rough.time.seconds, calm.time.seconds)
        for world, check in zip(pair, checks, strict=True):
            ending.drain(world, until, is_calm=world is calm)
            check.check(whole=True)
            world.problems += ending.quiet(world) + ending.proofs(world, rebuilds=rebuilds)
            world.problems += truth.bills(world) + truth.alive(world) + asof.again(world)
            world.problems += asof.ties(world, world.time.now().date()) + owned.shown(world)[:5]
        calm.problems += truth.echoes(calm)
        rough.problems += canon.differences(canon.dump(calm), canon.dump(rough))

    def _world(self, plan: Plan, label: str) -> World:
        database = self._database(plan.engine, label)
        stored = self._start(plan)
        database.put(stored[0])
        return World(plan, database, self._folder, label, stored)

    def _database(self, engine: str, label: str) -> Database:
        if (engine, label) not in self._slots:
            self._slots[engine, label] = Database(self._folder, label, engine)
        return self._slots[engine, label]

    def _start(self, plan: Plan) -> tuple[str, str]:
        """A stored database and vendors' file: a company not read yet, read and decided, or synced altogether."""
        how = "empty" if plan.starts_empty else "unsent" if plan.starts_unsent else "synced"
        key = (plan.variant, how, plan.engine)
        if key not in self._starts:
            self._starts[key] = self._shared_start(key) or self._make_start(*key)
        return self._starts[key]

    def _shared_start(self, key: tuple[int, str, str]) -> tuple[str, str] | None:
        """What another process has made, once both of its files are whole."""
        if self._shared is None or key[2] != "sqlite":
            return None
        files = [self._shared / f"{name}-{key[0]}-{key[1]}.db" for name in ("database", "vendors")]
        if not all(file.exists() for file in files):
            made = self._make_start(*key)
            for source, file in zip(made, files, strict=True):
                own = file.with_suffix(f".{os.getpid()}")
                shutil.copy(source, own)
                own.replace(file)  # whole or not there
        return str(files[0]), str(files[1])

    def _make_start(self, variant: int, how: str, engine: str) -> tuple[str, str]:
        database = self._database(engine, "calm")
        if engine not in self._schemas:
            database.put("")
            migrate(database.engine)
            self._schemas[engine] = database.keep("schema")
        database.put(self._schemas[engine])
        world = World(Plan(0, variant, engine, "auto", False, (), ()), database, self._folder, "calm", None)
        world.vendors.found(VARIANTS[variant])
        if how != "empty":
            actors.setup(world, Random(0), 0)
            if world.variant.is_chatty:
                terms.remind_often(world)
            ending.one_round(world, accept=False, sends=how == "synced")
            if how == "synced":
                ending.drain_doorbell(world)
            assert not world.problems, world.problems
        world.vendors.close()
        kept = self._folder / f"start-{engine}-{variant}-{how}.db"
        Path(world.vendor_file).replace(kept)
        return database.keep(f"{variant}-{how}"), str(kept)

    def close(self) -> None:
        for database in self._slots.values():
            database.close()
        shutil.rmtree(self._folder, ignore_errors=True)
