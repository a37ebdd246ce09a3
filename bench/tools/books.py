"""Books of one size: what one change, one day and one reconciliation cost, and how fast the API answers.

`python -m bench.tools.books CONFIG SOURCE ROWS growth|api`
"""

from __future__ import annotations

import statistics
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bench.measure import cpu_now, report
from bench.tools import pages
from sync.service import Service, open_service
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.store.session import database_bytes, reading
from tieout.store.tables import decisions

CHANGES = 7


class LaterClock:
    """The machine's clock, some days ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        return time.monotonic()

    def worked(self) -> float:
        return time.thread_time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def main(config_path: str, source: str, rows: int, what: str) -> None:
    config = load(Path(config_path), vendor_settings=vendor_settings)
    clock = LaterClock()
    with open_service(config, clock=clock) as service:
        service.migrate()
        empty = _bytes(service)
        start = cpu_now()
        _must(service.pull(["source"]))
        service.apply()
        built = cpu_now() - start
        if what == "growth":
            report(rows=rows, build_cpu_seconds=round(built, 2), **growth(service, clock, source, rows, empty))
        else:
            report(rows=rows, build_cpu_seconds=round(built, 2), api=pages.measure(config, service))


def growth(service: Service, clock: LaterClock, source: str, rows: int, empty: int) -> dict[str, Any]:
    """CPU seconds of one changed invoice (median), of a day that passes and of a reconciliation; bytes an invoice."""
    size = _bytes(service)
    changes = []
    for turn in range(CHANGES):
        number = 1 + (rows // (CHANGES + 1)) * turn + turn
        urllib.request.urlopen(f"{source}/_change?number={number}", data=b"").read()

        def change() -> None:
            _must(service.pull(["source"], sweep=False))
            service.apply()

        changes.append(_cpu(change))
    service.apply()
    before = _decided(service)
    clock.ahead = timedelta(days=1)
    day = _cpu(lambda: service.apply())
    moved = _decided(service) - before
    clock.ahead = timedelta(0)
    view: list[Any] = []
    reconciliation = _cpu(lambda: view.append(service.reconcile()))
    return {
        "change_cpu_seconds": round(statistics.median(changes[1:]), 4),
        "day_cpu_seconds": round(day, 4),
        "day_moved": moved,
        "reconciliation_cpu_seconds": round(reconciliation, 4),
        "bytes_per_invoice": round((size - empty) / rows),
    }


def _must(pulls: Any) -> None:
    assert all(pull.ok for pull in pulls), [pull.as_dict() for pull in pulls]


def _cpu(work: Callable[[], object]) -> float:
    before = cpu_now()
    work()
    return cpu_now() - before


def _bytes(service: Service) -> int:
    with reading(service.ctx.engine) as conn:
        return database_bytes(conn)


def _decided(service: Service) -> int:
    with reading(service.ctx.engine) as conn:
        return int(conn.execute(select(func.count()).select_from(decisions)).scalar_one())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
