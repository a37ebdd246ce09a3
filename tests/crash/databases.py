"""Databases that are put back to a stored state in a moment: a copied file, or a template of the server."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Protocol

from sqlalchemy import create_engine, make_url, text

_numbers = itertools.count(1)


class Databases(Protocol):
    """Databases of one engine; a snapshot is named by the address of a database that nobody uses."""

    def copy(self, url: str) -> str:
        """A new database that holds what another one holds; nobody may be connected to that one."""
        ...

    def drop(self, url: str) -> None:
        """Give a database away; it is deleted now or later."""
        ...

    def close(self) -> None:
        """Delete what was given away and is still there."""
        ...


class SqliteFiles:
    """Databases in files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def copy(self, url: str) -> str:
        source = make_url(url).database
        assert source
        raw = sqlite3.connect(source)  # what a killed process left in the log belongs to it
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
        target = self._folder / f"case-{next(_numbers)}.db"
        shutil.copy(source, target)
        return f"sqlite:///{target}"

    def drop(self, url: str) -> None:
        path = make_url(url).database
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is left to delete."""


class PostgresDatabases:
    """Databases of a server, copied from each other, and deleted many at once: each deletion makes a checkpoint."""

    MANY = 25

    def __init__(self, server: str, worker: str) -> None:
        self._server = server
        self._worker = worker
        self._dropped: list[str] = []

    def copy(self, url: str) -> str:
        name = f"tieout_crash_{os.getpid()}_{self._worker}_{next(_numbers)}"
        self._say(f'CREATE DATABASE "{name}" TEMPLATE "{make_url(url).database}"')
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        self._dropped.append(url)
        if len(self._dropped) >= self.MANY:
            self.close()

    def close(self) -> None:
        while self._dropped:
            self._say(f'DROP DATABASE IF EXISTS "{make_url(self._dropped.pop()).database}" WITH (FORCE)')

    def _say(self, statement: str) -> None:
        admin = create_engine(self._server, isolation_level="AUTOCOMMIT")
        try:
            with admin.connect() as conn:
                conn.execute(text(statement))
        finally:
            admin.dispose()
