"""SIGKILL for workers, scheduler and API in the middle of the first sync, and how one sees that all is quiet again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, Select, func, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from tests.e2e.composed import API, Composed, wait
from tests.e2e.product import CLOCK
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.store.session import reading
from tieout.store.tables import dirty, documents, inputs, outbox, pending, watermarks

OVER = ("done", "superseded", "cancelled")


def counted(engine: Engine, query: Select[tuple[int]]) -> int:
    """The number that a query answers; 0 before there are tables."""
    try:
        with reading(engine) as conn:
            return int(conn.execute(query).scalar_one())
    except (OperationalError, ProgrammingError):
        return 0


def kill_on_the_way(fleet: Composed, engine: Engine, rows: int, say: Callable[[str], None], *, is_quick: bool) -> None:
    """Kill each kind of process while it has work, at shares of the work that are the same in every run.

    A quick run kills one worker only: another may pull where a dead one did after a minute, apply after half of one.
    """
    landed = select(func.count()).select_from(inputs).where(inputs.c.kind == "landed")
    posted = select(func.count()).select_from(documents)
    sent = select(func.count()).select_from(outbox).where(outbox.c.state == "done")
    patience = 300 + rows / 5
    every = 0.05 if is_quick else 1.0  # counting many rows is work for the database too
    for what, query, many, names in (
        ("records are landed", landed, rows // 2, ("scheduler",) if is_quick else ("worker-bulk", "scheduler")),
        ("documents are posted", posted, rows // 3, ("worker-fast", API)),
        ("writes are done", sent, rows // 10, (API,) if is_quick else ("worker-fast", "scheduler", API)),
    ):
        wait(lambda q=query, n=many: counted(engine, q) >= n, patience, f"not yet {many:,} {what}", every=every)
        assert _waits(engine), f"all was done before anything could be killed ({what})"
        for name in names:
            fleet.kill(name)
        say(f"killed when {many:,} {what}: {', '.join(names)}")


def until_quiet(fleet: Composed, engine: Engine, config: Path, rows: int) -> None:
    """Everything read, applied and sent, and still so a while later."""
    settings = load(config, vendor_settings=vendor_settings)
    streams = sum(len(one.streams) or 7 for one in settings.connections.values())
    read = select(func.count()).select_from(watermarks).where(watermarks.c.first_completed_at.is_not(None))

    def is_quiet() -> bool:
        for moment in (0.0, 3.0):
            CLOCK.sleep(moment)
            if counted(engine, read) < streams or _waits(engine):
                return False
        return True

    wait(is_quiet, 300 + rows / 5, "still at work")
    ended = [name for name, process in fleet.running.items() if process.poll() is not None]
    assert ended == [], f"ended by themselves: {ended}"


def _waits(engine: Engine) -> bool:
    """Whether anything waits to be folded, decided or sent."""
    o = outbox.c
    return any(
        counted(engine, select(func.count()).select_from(table).where(where))
        for table, where in (
            (pending, pending.c.seq.is_not(None)),
            (dirty, dirty.c.key.is_not(None)),
            (outbox, o.state.not_in(OVER)),
        )
    )
