"""The database of a world: a file in memory (or a PostgreSQL database) that is put back to a stored state in a moment.

The engine outlives the world, so that statements are compiled once. Faults at commits are made here: refused, lost
before it took effect, lost after it took effect.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from tests.postgres import Copy
from tests.servers import GIVEN, LOCAL_POSTGRES
from tests.sim.look import written_by
from tests.sim.process import Process, current
from tests.sim.quick import Quick
from tieout.store import session

_MEMORY = Path("/dev/shm")  # a file system in memory, where there is one


def scratch() -> Path:
    """A folder of this process, in memory if possible, or where SIM_SCRATCH says."""
    given = os.environ.get("SIM_SCRATCH")
    memory = _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else None
    parent = Path(given) if given else memory
    return Path(tempfile.mkdtemp(prefix="tieout-sim-", dir=parent))


class Database:
    """One slot: `put` gives it the content of a stored database, `keep` stores what it holds."""

    def __init__(self, folder: Path, name: str, engine: str) -> None:
        self.kind = engine
        self._is_made = False
        self._folder, self._name = folder, f"tieout_sim_{os.getpid()}_{name}"
        if engine == "sqlite":
            self._file = folder / f"{self._name}.db"
            self.url = f"sqlite:///{self._file}"
        else:
            self.url = _url_of(self._name)
        self.engine = session.make_engine(self.url)
        self.written: set[str] = set()  # tables, since the last look
        _watch(self.engine, self.written)
        if engine == "sqlite":
            self.engine.written = self.written  # type: ignore[attr-defined]  # `Quick` notes what it writes there
            self.engine._connection_cls = Quick

    def put(self, stored: str) -> None:
        """Hold what was stored under a name; an empty name is a database without tables."""
        self.engine.dispose()
        if self.kind == "sqlite":
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self._file}{suffix}").unlink(missing_ok=True)
            if stored:
                shutil.copy(stored, self._file)
            return
        if stored and self._is_made:
            _copies[stored].into(self.url)  # emptied and filled: dropping one takes a server a second
            return
        self._is_made = True
        template = f' TEMPLATE "{stored}"' if stored else ""
        _admin(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')
        _admin(f'CREATE DATABASE "{self._name}"{template}')
        # No world crashes the server itself: what was committed stays without waiting for its disk.
        _admin(f'ALTER DATABASE "{self._name}" SET synchronous_commit = off')

    def keep(self, label: str) -> str:
        """Store what it holds; answers the name to give to `put`."""
        self.engine.dispose()
        if self.kind == "sqlite":
            target = self._folder / f"{self._name}-{label}.db"
            source, copy = sqlite3.connect(self._file), sqlite3.connect(target)
            source.backup(copy)
            source.close()
            copy.close()
            return str(target)
        name = f"{self._name}_{label}"
        _admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        _admin(f'CREATE DATABASE "{name}" TEMPLATE "{self._name}"')
        _copies[name] = Copy.of(_url_of(name))
        return name

    def close(self) -> None:
        self.engine.dispose()
        if self.kind != "sqlite":
            for name in [self._name, *_copies]:
                _admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            _copies.clear()


_copies: dict[str, Copy] = {}  # by the name of the database that holds the same


def _url_of(name: str) -> str:
    server = os.environ.get(GIVEN) or LOCAL_POSTGRES
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _admin(statement: str) -> None:
    admin = create_engine(_url_of("postgres"), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as conn:
            conn.execute(text(statement))
    finally:
        admin.dispose()


def _lost(kind: str) -> OperationalError:
    words = "the connection was closed unexpectedly"
    cause = sqlite3.OperationalError(words) if kind == "sqlite" else psycopg.OperationalError(words)
    return OperationalError("COMMIT", {}, cause)


def _watch(engine: Any, written: set[str]) -> None:
    """Statements of a dead process raise again, writes are noted; PostgreSQL may refuse where a transaction begins.

    Around the dialect's own methods: an engine with event listeners spends a tenth more on every statement.
    """
    for name in ("do_execute", "do_executemany", "do_execute_no_params"):
        setattr(engine.dialect, name, _alive(getattr(engine.dialect, name), written))
    if engine.dialect.name == "sqlite":
        return

    def do_begin(_: Any) -> None:
        process = current()
        if process is None:
            return
        _is_down(process, "postgresql")
        fault = process.world.struck_by("busy", "any")
        if fault is not None:
            cause: psycopg.Error = psycopg.errors.DeadlockDetected("deadlock detected")
            if not fault.amount:
                cause = psycopg.errors.SerializationFailure("could not serialize access due to concurrent update")
            raise OperationalError("BEGIN", {}, cause)

    engine.dialect.do_begin = do_begin


def _alive(execute: Callable[..., None], written: set[str]) -> Callable[..., None]:
    def run(cursor: Any, statement: str, *given: Any, **more: Any) -> None:
        process = current()
        if process is not None:
            process.check()
        written.update(written_by(statement))
        execute(cursor, statement, *given, **more)

    return run


def _is_down(process: Process, kind: str) -> None:
    """A database server that was restarted refuses everybody for a while."""
    world = process.world
    fault = world.struck_by("database_down", "any")
    if fault is not None:
        world.database_back_at = world.time.seconds + fault.amount
    if world.time.seconds < world.database_back_at:
        world.time.advance(1.0)  # whoever asks again and again comes to the end of it
        raise _lost(kind)


def _full(process: Process, boundary: str, kind: str) -> None:
    """No room on the disk, for a while."""
    world = process.world
    fault = world.struck_by("disk_full", boundary)
    if fault is not None:
        world.room_again_at = world.time.seconds + fault.amount
    if fault is not None or world.time.seconds < world.room_again_at:
        cause: Exception = sqlite3.OperationalError("database or disk is full")
        if kind != "sqlite":
            cause = psycopg.errors.DiskFull("could not extend file: No space left on device")
        raise OperationalError("COMMIT", {}, cause)


_commit: Callable[[Connection], None] = session.commit
_begin: Callable[[Connection], None] = session.begin


def begin(conn: Connection) -> None:
    """The beginning of a writing unit, under the faults of the world that runs."""
    process = current()
    if process is not None:
        process.check()
        if session.is_sqlite(conn):
            _is_down(process, "sqlite")
        if session.is_sqlite(conn) and process.world.strikes("busy"):
            raise OperationalError("BEGIN IMMEDIATE", {}, sqlite3.OperationalError("database is locked"))
    _begin(conn)
    if session.is_sqlite(conn):
        conn.info["began_at"] = _changes(conn)


def _changes(conn: Connection) -> int:
    """Rows that this connection has written so far (SQLite)."""
    raw: Any = conn.connection.dbapi_connection
    return int(raw.total_changes)


_FEW = 3  # a unit that wrote no more only noted where something stands


def _places(conn: Connection, boundary: str) -> tuple[str, ...]:
    """The boundary, and where a unit wrote many rows the boundary of such units."""
    is_full = session.is_sqlite(conn) and _changes(conn) - conn.info.get("began_at", 0) > _FEW
    return (boundary, f"rows:{boundary}") if is_full else (boundary,)


def commit(conn: Connection) -> None:
    """The product's only commit, under the faults of the world that runs."""
    process = current()
    if process is None:
        _commit(conn)
        return
    process.check()
    boundary = process.world.boundary
    _full(process, boundary, conn.dialect.name)
    if process.world.strikes("commit_lost", *_places(conn, boundary)):
        raise _lost(conn.dialect.name)
    _commit(conn)
    process.world.committed(conn, boundary)
    if process.world.strikes("commit_unknown", boundary):
        raise _lost(conn.dialect.name)
