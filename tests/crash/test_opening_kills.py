"""The beginning of the books, killed at its own boundary and while documents are opened: the same end as without."""

from __future__ import annotations

import os
import signal
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

import sync.sizing
from sync.service import Service
from tests.crash.vendors import fork
from tests.flow.books import books, differences, rows
from tests.flow.harness import make_world, open_installation
from tieout.core import faults
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import entries, inputs, opening_items, openings

START = date(2026, 8, 1)


def _open(folder: Path, world: SandboxWorld, url: str) -> Service:
    return open_installation(folder, world, url, start_on=START)


def _killed(folder: Path, world: SandboxWorld, url: str, point: str, occurrence: int) -> None:
    """Apply in a process of its own until SIGKILL."""

    def child() -> None:
        with _open(folder, world, url) as service:
            faults.kill_at(point, occurrence)
            service.apply()

    status = os.waitpid(fork(child), 0)[1]
    assert os.WIFSIGNALED(status), "the process ended before"
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The end state when nobody kills."""
    folder = tmp_path_factory.mktemp("unharmed")
    world = make_world(12, 40)
    with _open(folder, world, f"sqlite:///{folder}/tieout.db") as service:
        service.migrate()
        service.pull()
        service.apply()
        world.clock.advance(60)
        assert service.sync().ok
        return books(service)


@pytest.mark.parametrize(
    ("point", "occurrence"),
    [
        ("before:opening.commit", 1),
        ("after:opening.commit", 1),
        ("before:settle.commit", 1),  # the first documents are opened
        ("after:settle.commit", 3),
        ("before:settle.commit", 5),
    ],
)
def test_killed_while_the_books_begin(
    tmp_path: Path,
    engine_url: str,
    unharmed: dict[str, set[str]],
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    occurrence: int,
) -> None:
    monkeypatch.setattr(sync.sizing, "FIRST", 7)
    monkeypatch.setattr(sync.sizing, "LARGEST", 7)
    world = make_world(12, 40)
    with _open(tmp_path, world, engine_url) as service:
        service.migrate()
        service.pull()
    _killed(tmp_path, world, engine_url, point, occurrence)
    world.clock.advance(60)  # longer than the lease of the killed
    with _open(tmp_path, world, engine_url) as service:
        assert service.verify() == [], "the books balance where it was killed"
        begun = rows(service, select(openings))
        assert bool(begun) == (point != "before:opening.commit")
        unopened = rows(service, select(opening_items).where(opening_items.c.opening_seq.is_(None)))
        assert unopened, "it was killed before the end"
        assert service.sync().ok
        assert differences(unharmed, books(service)) == []
        assert service.verify() == []
        assert service.rebuild_check().as_dict()["differences"] == []
        (events,) = rows(service, select(func.count().label("n")).where(inputs.c.kind == "opening"))
        assert events["n"] == 1
        assert not rows(service, select(entries).where(entries.c.kind == "reversal"))
