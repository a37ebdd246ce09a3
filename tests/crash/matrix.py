"""Begins and ends of stages, each made once; one case: killed, started again, compared with the run without kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.clock import SharedTime
from tests.crash.databases import Databases
from tests.crash.endstate import State, difference
from tests.crash.installation import Installation, Work
from tests.crash.stages import STAGES, Stage
from tests.crash.vendors import Vendors

ROUNDS = 4
PATIENCE_SECONDS = 200.0  # longer than every lease of a process that died


@dataclass(frozen=True)
class Snapshot:
    """A stored state of database, vendors and time."""

    url: str
    vendors: Path | None
    seconds: float
    deliveries: list[tuple[str, bytes]]


@dataclass
class Matrix:
    """All stages on one database engine."""

    folder: Path
    databases: Databases
    blank_url: str  # a database with all tables and nothing in it
    vendors: Vendors
    redis_url: str
    time: SharedTime
    kills: int = 0
    _begins: dict[str, Snapshot] = field(default_factory=dict)
    _ends: dict[str, Snapshot] = field(default_factory=dict)
    _states: dict[str, State] = field(default_factory=dict)
    _census: dict[str, dict[str, int]] = field(default_factory=dict)
    _made: int = 0

    # ------------------------------------------------------------- stored states
    def _open(self, snapshot: Snapshot, stage: Stage) -> Installation:
        self.vendors.load(snapshot.vendors)
        self.time.seconds = snapshot.seconds
        url = self.databases.copy(snapshot.url)
        return Installation(
            self.folder, url, self.vendors, self.time, self.redis_url, stage.push_mode, list(snapshot.deliveries)
        )

    def _store(self, one: Installation) -> Snapshot:
        self._made += 1
        path = self.folder / f"vendors-state-{self._made}.sqlite"
        self.vendors.save(path)
        return Snapshot(one.url, path, self.time.seconds, list(one.deliveries))

    def begin(self, stage: Stage) -> Snapshot:
        """Where the stage's work begins."""
        if stage.name not in self._begins:
            before = self._end(STAGES[stage.begins_after]) if stage.begins_after else self._blank()
            one = self._open(before, stage)
            stage.prepare(one)
            self._begins[stage.name] = self._store(one)
        return self._begins[stage.name]

    def _blank(self) -> Snapshot:
        return Snapshot(self.blank_url, None, 0.0, [])

    def _end(self, stage: Stage) -> Snapshot:
        """The end of the work when nobody kills it; its state and how often it passed each point are kept."""
        if stage.name not in self._ends:
            begin = self.begin(stage)
            one = self._open(begin, stage)
            self._census[stage.name] = one.census(lambda service: stage.work(one, service))
            self._ends[stage.name] = self._store(one)
            if not stage.same_end_as:
                assert one.waiting() == {}
                self._states[stage.name] = one.state()
        return self._ends[stage.name]

    def census(self, stage: Stage) -> dict[str, int]:
        """How often the work passes each point."""
        self._end(stage)
        return self._census[stage.name]

    def expected(self, stage: Stage) -> State:
        """The state after a run without kill."""
        other = STAGES[stage.same_end_as or stage.name]
        self._end(other)
        return self._states[other.name]

    # ------------------------------------------------------------- one case
    def case(self, stage: Stage, point: str, occurrence: int) -> list[str]:
        """Kill at that passing of the point, start again until quiet; answers what differs from the run without."""
        return self._case(stage, lambda one, work: one.killed(work, point, occurrence))

    def trap(self, stage: Stage, *, writes_only: bool, number: int, when: str) -> list[str]:
        """The same with a kill at the n-th request, `before` or `after` the vendor carried it out."""
        return self._case(stage, lambda one, work: one.trapped(work, writes_only=writes_only, number=number, when=when))

    def requests(self, stage: Stage) -> tuple[int, int]:
        """How many requests and writes the work makes."""
        begin = self.begin(stage)
        one = self._open(begin, stage)
        one.run(lambda service: stage.work(one, service))
        self.databases.drop(one.url)
        return self.vendors.requests()

    def _case(self, stage: Stage, kill: Callable[[Installation, Work], bool]) -> list[str]:
        begin, expected = self.begin(stage), self.expected(stage)  # made before this case has the vendors
        one = self._open(begin, stage)
        try:
            if not kill(one, lambda service: stage.work(one, service)):
                return ["the process was not killed"]
            self.kills += 1
            for _ in range(ROUNDS):
                one.run(lambda service: stage.again(one, service))
                waiting = one.waiting()
                if not waiting:
                    break
                self.time.seconds += PATIENCE_SECONDS
            else:
                return [f"still waiting after {ROUNDS} starts: {waiting}"]
            return difference(expected, one.state())
        finally:
            self.databases.drop(one.url)

    def close(self) -> None:
        """Delete every stored database."""
        for snapshot in {**{f"begin {k}": v for k, v in self._begins.items()}, **self._ends}.values():
            self.databases.drop(snapshot.url)
        self.databases.close()
