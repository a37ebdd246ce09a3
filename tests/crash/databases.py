"""Databases that are put back to a stored state in a moment: a copied file, or rows put back."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from pathlib import Path
from typing import Protocol

from sqlalchemy import make_url

from tests.postgres import Copy, Pool

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
    """Databases of a server, emptied and filled again."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._contents: dict[str, Copy] = {}

    def copy(self, url: str) -> str:
        if url not in self._contents:
            self._contents[url] = Copy.of(url)
        return self._pool.take(self._contents[url])

    def drop(self, url: str) -> None:
        self._contents.pop(url, None)
        self._pool.give(url)

    def close(self) -> None:
        """The pool deletes its databases itself."""
