"""SIGKILL for workers, scheduler and API in the middle of the first sync, and how one sees that all is quiet again."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, Select, func, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from tests.e2e.composed import API, Composed
from tests.e2e.dated import DatedClock
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading
from tieout.store.tables import dirty, documents, inputs, outbox, pending, watermarks

OVER = ("done", "superseded", "cancelled")
STILL = 240.0  # seconds without any progress: two leases of a dead process, and two minutes
STREAMS = 16  # three of Zoho, seven of Fxiaoke, six of Kingdee
KILLS = (("worker-bulk", "scheduler"), ("worker-fast",), (API,))
WHOLE_KILLS = (("worker-bulk", "scheduler"), ("worker-fast", API), ("worker-fast", "scheduler", API))


def counted(engine: Engine, query: Select[tuple[int]]) -> int:
    """The number that a query answers; 0 before there are tables."""
    try:
        with reading(engine) as conn:
            return int(conn.execute(query).scalar_one() or 0)
    except (OperationalError, ProgrammingError):
        return 0


class Patience:
    """Waits while anything moves: inputs are recorded, or a vendor is written to. However long it takes."""

    def __init__(self, engine: Engine, world: SandboxWorld, clock: DatedClock) -> None:
        self._engine, self._world, self._clock = engine, world, clock

    def until(self, holds: Callable[[], bool], what: str, every: float = 0.2) -> None:
        """Until it holds; AssertionError when nothing has moved for STILL seconds."""
        last, moved_at = self._progress(), self._clock.monotonic()
        while not holds():
            now, at = self._clock.monotonic(), self._progress()
            if at != last:
                last, moved_at = at, now
            assert now - moved_at < STILL, f"nothing has moved for {STILL:.0f} s (at {last}): {what}"
            self._clock.sleep(every)

    def _progress(self) -> tuple[int, int]:
        return counted(self._engine, select(func.max(inputs.c.seq))), self._world.store.effects.last_seq


def kill_on_the_way(
    fleet: Composed, engine: Engine, patience: Patience, rows: int, say: Callable[[str], None], *, is_whole: bool
) -> None:
    """Kill each kind of process while it has work, at shares of the work that are the same in every run.

    Another worker may pull where a dead one did after a minute, and apply where a dead one did after half of one: the
    worker that applies dies while the other minute runs.
    """
    landed = select(func.count()).select_from(inputs).where(inputs.c.kind == "landed")
    posted = select(func.count()).select_from(documents)
    sent = select(func.count()).select_from(outbox).where(outbox.c.state == "done")
    every = 1.0 if is_whole else 0.05  # counting many rows is work for the database too
    steps = (
        ("records are landed", landed, rows // 2),
        ("documents are posted", posted, rows // 3),
        ("writes are done", sent, rows // 10),
    )
    for (what, query, many), names in zip(steps, WHOLE_KILLS if is_whole else KILLS, strict=True):
        patience.until(lambda q=query, n=many: counted(engine, q) >= n, f"not yet {many:,} {what}", every)
        assert not is_done(engine), f"all was done before anything could be killed ({what})"
        for name in names:
            fleet.kill(name)
        say(f"killed when {many:,} {what}: {', '.join(names)}")


def until_quiet(fleet: Composed, engine: Engine, patience: Patience, clock: DatedClock) -> None:
    """Everything read, applied and sent, and still so a while later; every process still lives."""

    def is_quiet() -> bool:
        for moment in (0.0, 3.0):
            clock.sleep(moment)
            if not is_done(engine):
                return False
        return True

    patience.until(is_quiet, "still at work")
    ended = [name for name, process in fleet.running.items() if process.poll() is not None]
    assert ended == [], f"ended by themselves: {ended}"


def is_done(engine: Engine) -> bool:
    """Whether every stream was read to its end and nothing waits to be folded, decided or sent."""
    read = select(func.count()).select_from(watermarks).where(watermarks.c.first_completed_at.is_not(None))
    return counted(engine, read) >= STREAMS and not any(
        counted(engine, select(func.count()).select_from(table).where(where))
        for table, where in (
            (pending, pending.c.seq.is_not(None)),
            (dirty, dirty.c.key.is_not(None)),
            (outbox, outbox.c.state.not_in(OVER)),
        )
    )
