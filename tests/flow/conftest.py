"""Installations that have synced once, made once per engine and size and copied for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, make_url, text, update

from tests.flow.books import Synced
from tests.flow.harness import START, make_world, open_installation
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import unit
from tieout.store.tables import meta


class _Made:
    """One synced installation at rest: its database and the file of its sandboxes."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        world = make_world(24, 80, store_path=str(folder / "world.db"))
        with open_installation(folder, world, url) as service:
            assert service.sync().ok
        self.clock_at = world.clock.now()
        world.close()

    def copy(self, folder: Path, url: str) -> Synced:
        shutil.copy(self.folder / "world.db", folder / "world.db")
        _copy_database(self.url, url)
        clock = SandboxClock(START, running=False)
        clock.set(self.clock_at)
        world = SandboxWorld(str(folder / "world.db"), clock=clock)
        service = open_installation(folder, world, url)
        with unit(service.ctx.engine, "admin.commit") as conn:  # else it would rightly take itself for a copy
            conn.execute(update(meta).where(meta.c.key == "home").values(value=str(folder.resolve())))
        return world, service


def _copy_database(source: str, target: str) -> None:
    if source.startswith("sqlite"):
        shutil.copy(str(make_url(source).database), str(make_url(target).database))
        return
    name, template = make_url(target).database, make_url(source).database
    with _admin(target) as conn:
        conn.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        conn.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))


@contextmanager
def _admin(url: str) -> Iterator[Connection]:
    engine = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        yield conn
    engine.dispose()


_made: dict[str, _Made] = {}  # by engine, for the life of the test process


@pytest.fixture
def synced(
    request: pytest.FixtureRequest, tmp_path: Path, engine_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Synced:
    """Sandboxes and an installation that has just done its first sync of 24 customers and 80 invoices."""
    engine = engine_url.split(":", 1)[0].split("+", 1)[0]
    if engine not in _made:
        folder = tmp_path_factory.mktemp(f"synced_{engine}")
        url = f"sqlite:///{folder / 'tieout.db'}"
        if engine != "sqlite":
            url = request.getfixturevalue("_synced_database")
        _made[engine] = _Made(folder, url)
    return _made[engine].copy(tmp_path, engine_url)


@pytest.fixture(scope="session")
def _synced_database(postgres_server: str, worker_id: str) -> Iterator[str]:
    name = f"tieout_test_{os.getpid()}_{worker_id}_synced"
    with _admin(postgres_server) as conn:
        conn.execute(text(f'CREATE DATABASE "{name}"'))
    yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    with _admin(postgres_server) as conn:
        conn.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
