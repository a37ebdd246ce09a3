"""Installations that have synced once, made once per engine and size and copied for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from tests.flow.books import Synced
from tests.flow.made import Made, admin

_made: dict[str, Made] = {}  # by engine, for the life of the test process


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
        _made[engine] = Made(folder, url)
    return _made[engine].copy(tmp_path, engine_url)


@pytest.fixture(scope="session")
def _synced_database(postgres_server: str, worker_id: str) -> Iterator[str]:
    name = f"tieout_test_{os.getpid()}_{worker_id}_synced"
    with admin(postgres_server) as conn:
        conn.execute(text(f'CREATE DATABASE "{name}"'))
    yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    with admin(postgres_server) as conn:
        conn.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
