"""Two senders never hold the same row, as threads and as processes."""

from __future__ import annotations

import multiprocessing
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from tieout.core.clock import SystemClock
from tieout.core.config import ChangeLimits
from tieout.core.ids import SeededIds
from tieout.store import delivery
from tieout.store.outbox import Intent, intend
from tieout.store.session import make_engine, unit

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
ROWS = 60


@pytest.fixture
def loaded(engine: Engine) -> Engine:
    with unit(engine, "settle.commit") as conn:
        intend(
            conn,
            [Intent("zoho", "Deals", str(n), {"A": n}, {}, {}, f"d{n}") for n in range(ROWS)],
            modes={"zoho": "auto"},
            limits={"zoho": ChangeLimits()},
            now=NOW,
            ids=SeededIds(1),
        )
    return engine


def _drain(engine: Engine, owner: str) -> list[str]:
    taken: list[str] = []
    idle = 0
    while idle < 3:
        batch = delivery.claim(engine, "zoho", owner=owner, lease=timedelta(seconds=60), limit=7, clock=SystemClock())
        taken += [row.id for row in batch]
        idle = 0 if batch else idle + 1
    return taken


def test_threads(loaded: Engine) -> None:
    taken: list[list[str]] = []
    start = threading.Barrier(4)

    def work(number: int) -> None:
        start.wait()
        taken.append(_drain(loaded, f"t{number}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [row_id for part in taken for row_id in part]
    assert len(everything) == ROWS
    assert len(set(everything)) == ROWS


def _process(url: str, owner: str, start: Any, out: Any) -> None:
    engine = make_engine(url)
    start.wait()
    out.put(_drain(engine, owner))


def test_processes(loaded: Engine, engine_url: str) -> None:
    fork = multiprocessing.get_context("fork")
    start, out = fork.Barrier(2), fork.Queue()
    children = [fork.Process(target=_process, args=(engine_url, f"p{n}", start, out)) for n in range(2)]
    for child in children:
        child.start()
    everything = [row_id for _ in children for row_id in out.get(timeout=60)]
    for child in children:
        child.join()
    assert sorted(everything) == sorted(set(everything))
    assert len(everything) == ROWS
