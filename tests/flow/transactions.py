"""How long write transactions last in a first sync: `python -m tests.flow.transactions [invoices] [database url]`.

Prints, per boundary, how many were committed and the longest, in wall and in processor time; the limit is 0.25 s (D2).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from sync.apply import ApplySummary
from tests.flow.harness import SharedClock, make_world, open_installation
from tieout.core import faults


class RealSeconds(SharedClock):
    """The sandbox's dates, the machine's stopwatch: batches are sized by what they really cost."""

    def monotonic(self) -> float:
        return time.monotonic()

    def worked(self) -> float:
        return time.thread_time()


class Watch:
    """Times every write transaction of an engine, from the moment it holds its lock until it is committed."""

    def __init__(self, engine: Engine) -> None:
        self.longest: dict[str, tuple[float, float]] = {}
        self.counts: dict[str, int] = {}
        self._began: dict[int, tuple[float, float]] = {}
        self._last: tuple[float, float] = (0.0, 0.0)
        event.listen(engine, "after_cursor_execute", self._statement)
        event.listen(engine, "begin", self._begin)
        event.listen(engine, "commit", self._commit)

    def hook(self, point: str) -> None:
        """As a fault point: names the transaction that was committed just now."""
        side, _, boundary = point.partition(":")
        if side == "after" and self._last[0]:
            wall, cpu = self.longest.get(boundary, (0.0, 0.0))
            self.longest[boundary] = (max(wall, self._last[0]), max(cpu, self._last[1]))
            self.counts[boundary] = self.counts.get(boundary, 0) + 1
            self._last = (0.0, 0.0)

    def _begin(self, conn: Any) -> None:
        self._began[id(conn)] = (time.monotonic(), time.process_time())

    def _statement(self, conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("BEGIN"):  # SQLite: the wait for the one write lock is not ours
            self._begin(conn)

    def _commit(self, conn: Any) -> None:
        wall, cpu = self._began.pop(id(conn))
        self._last = (time.monotonic() - wall, time.process_time() - cpu)


def measure(folder: Path, invoices: int, url: str, say: Callable[[str], None] = print) -> ApplySummary:
    """A first sync of so many invoices; says the longest write transaction per boundary."""
    world = make_world(max(24, invoices * 3 // 20), invoices)
    with open_installation(folder, world, url) as service:
        service.ctx.clock = RealSeconds(world.clock)
        watch = Watch(service.ctx.engine)
        faults.set_hook(watch.hook)
        try:
            summary = service.sync()
        finally:
            faults.set_hook(None)
    assert summary.ok, summary.as_dict()
    for boundary, (wall, cpu) in sorted(watch.longest.items(), key=lambda one: -one[1][0]):
        say(f"{boundary:16} {watch.counts[boundary]:5} transactions, longest {wall:.3f} s ({cpu:.3f} s of processor)")
    return summary.applied


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="tieout-measure-") as made:
        count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
        address = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{made}/tieout.db"
        measure(Path(made), count, address)
