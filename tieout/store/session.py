"""Engines and the one place that commits: every commit names its boundary."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from tieout.core import faults
from tieout.core.errors import ConfigError, HomeError

T = TypeVar("T")


def make_engine(url: str) -> Engine:
    """An engine for `sqlite:///path` or `postgresql+psycopg://…` with the settings measured to be safe.

    SQLite: WAL, synchronous FULL, foreign keys on, BEGIN IMMEDIATE for every unit of work (a SELECT opens no
    transaction with the stock driver mode). PostgreSQL: pre-ping, synchronous commit on.
    """
    if url.startswith("sqlite"):
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=32,
            query_cache_size=1500,  # a worker and a console together have more than the 500 kept by default
            # As many prepared statements stay with a connection: small batches spend more on planning than on running.
            connect_args={
                "timeout": 30,
                "check_same_thread": False,
                "isolation_level": None,
                "cached_statements": 512,
            },
        )

        @event.listens_for(engine, "connect")
        def _pragmas(raw: Any, _: Any) -> None:
            cursor = raw.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA busy_timeout=30000")
            cursor.execute("PRAGMA cache_size=-6000")  # of each connection; the system keeps the file at hand too
            cursor.execute("PRAGMA temp_store=MEMORY")
            cursor.close()

        return engine
    if not url.startswith("postgresql"):
        raise ConfigError(
            f"database_url {url.split(':')[0]!r} is not supported",
            hint="Use postgresql+psycopg://… or leave it empty for SQLite.",
        )
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=16, query_cache_size=1500)


def is_sqlite(conn: Connection) -> bool:
    """True on SQLite, where a writing unit holds the one write lock from its start."""
    return conn.dialect.name == "sqlite"


@contextmanager
def unit(engine: Engine, boundary: str) -> Iterator[Connection]:
    """A unit of work: commits at the end under a named boundary, rolls back on any error.

    The fault points `before:<boundary>` and `after:<boundary>` surround the commit.
    """
    with engine.connect() as conn:
        try:
            begin(conn)
            yield conn
            faults.hit(f"before:{boundary}")
            commit(conn)
        except OperationalError as error:
            rollback(conn)
            _explain(error)
            raise
        except BaseException:
            rollback(conn)
            raise
    faults.hit(f"after:{boundary}")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read-only unit that sees one consistent state."""
    with engine.connect() as conn:
        if is_sqlite(conn):
            _plainly(conn, "BEGIN")
        else:
            conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        try:
            yield conn
        finally:
            rollback(conn)


def begin(conn: Connection) -> None:
    """Begin to write: SQLite takes its one write lock now, PostgreSQL begins with the first statement."""
    if is_sqlite(conn):
        _plainly(conn, "BEGIN IMMEDIATE")


def commit(conn: Connection) -> None:
    """The only commit in the product."""
    if is_sqlite(conn):
        _plainly(conn, "COMMIT")
    conn.commit()


def _plainly(conn: Connection, statement: str) -> None:
    """A statement without parameters or rows, past SQLAlchemy's execution: it frames every unit of work."""
    raw = conn.connection.dbapi_connection
    try:
        raw.execute(statement)  # type: ignore[union-attr]  # an open connection has one
    except sqlite3.OperationalError as error:
        raise OperationalError(statement, {}, error) from error


def rollback(conn: Connection) -> None:
    """Throw the unit away; harmless when nothing was begun."""
    if is_sqlite(conn):
        raw = conn.connection.dbapi_connection
        if raw is not None and getattr(raw, "in_transaction", False):
            _plainly(conn, "ROLLBACK")
    conn.rollback()


def _explain(error: OperationalError) -> None:
    words = str(error.orig).lower()
    if "disk is full" in words or "no space left" in words:
        raise HomeError("the disk is full: nothing was written", hint="Free some space and try again.") from None
    if "readonly database" in words or "unable to open" in words:
        raise HomeError(f"the database cannot be written: {error.orig}", hint="Check the home folder.") from None


def retrying(
    work: Callable[[], T], *, tries: int = 6, sleep: Callable[[float], None], jitter: Callable[[], float]
) -> T:
    """Run a unit again after a serialization failure, deadlock or SQLITE_BUSY, with jitter; bounded."""
    for attempt in range(tries):
        try:
            return work()
        except OperationalError as error:
            words = str(error.orig).lower()
            passing = any(w in words for w in ("locked", "busy", "deadlock", "serialize"))
            if not passing or attempt == tries - 1:
                raise
            sleep(min(2.0, 0.05 * 2**attempt) * (0.5 + jitter()))
    raise AssertionError("unreachable")


def lock_rows(conn: Connection) -> bool:
    """True where `FOR UPDATE` means something (PostgreSQL); SQLite holds one write lock per unit already."""
    return not is_sqlite(conn)


def database_bytes(conn: Connection) -> int:
    """Size of the database in bytes, for metrics."""
    if is_sqlite(conn):
        pages = conn.execute(text("PRAGMA page_count")).scalar_one()
        size = conn.execute(text("PRAGMA page_size")).scalar_one()
        return int(pages) * int(size)
    return int(conn.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
