"""A synced installation at rest, its database and the file of its sandboxes, to be copied many times."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, create_engine, make_url, update

from tests.flow.books import Synced
from tests.flow.harness import START, make_world, open_installation
from tests.postgres import Copy
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import unit
from tieout.store.tables import meta


class Made:
    """An installation after its first sync; each copy goes on from there by itself."""

    def __init__(self, folder: Path, url: str, customers: int = 24, invoices: int = 80) -> None:
        self.folder, self.url = folder, url
        world = make_world(customers, invoices, store_path=str(folder / "world.db"))
        with open_installation(folder, world, url) as service:
            assert service.sync().ok
        self.clock_at = world.clock.now()
        world.close()

    def copy(self, folder: Path, url: str, *, push_mode: str = "auto") -> Synced:
        """Sandboxes and an installation in a folder of its own, on the database at `url`, which is overwritten."""
        shutil.copy(self.folder / "world.db", folder / "world.db")
        _copy_database(self.url, url)
        clock = SandboxClock(START, running=False)
        clock.set(self.clock_at)
        world = SandboxWorld(str(folder / "world.db"), clock=clock)
        service = open_installation(folder, world, url, push_mode=push_mode)
        with unit(service.ctx.engine, "admin.commit") as conn:  # else it would rightly take itself for a copy
            conn.execute(update(meta).where(meta.c.key == "home").values(value=str(folder.resolve())))
        return world, service


@cache
def _contents(url: str) -> Copy:
    """The rows of a made database on PostgreSQL, which is at rest for good."""
    return Copy.of(url)


def _copy_database(source: str, target: str) -> None:
    if source.startswith("sqlite"):
        shutil.copy(str(make_url(source).database), str(make_url(target).database))
        return
    _contents(source).into(target)


@contextmanager
def admin(url: str) -> Iterator[Connection]:
    """A connection to the server of a PostgreSQL database that may make and drop databases."""
    engine = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        yield conn
    engine.dispose()
