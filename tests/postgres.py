"""PostgreSQL databases for tests, emptied and used again: making and dropping one took most of a test's time.

Dropping a database makes the server write out everything it holds, for every database: .8 to 1.8 s here, while the
rows of a test are deleted in a few hundredths.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import psycopg
from psycopg import sql
from sqlalchemy import make_url

_numbers = itertools.count(1)
_MOST_ROWS = 50_000  # a table that held more is slower to empty than to make anew

_SHAPE = """
SELECT md5(string_agg(part, E'\\n' ORDER BY part)) FROM (
  SELECT concat_ws(' ', 'relation', n.nspname, c.relname, c.relkind, c.reloptions, c.relpersistence)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg_temp%'
  UNION ALL SELECT concat_ws(' ', 'column', c.relname, a.attnum, a.attname, a.atttypid::regtype, a.atttypmod,
      a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attnum > 0 AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  UNION ALL SELECT concat_ws(' ', 'index', i.indisvalid, pg_get_indexdef(i.indexrelid))
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
  UNION ALL SELECT concat_ws(' ', 'trigger', tgenabled, pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT concat_ws(' ', 'function', proname, md5(prosrc)) FROM pg_proc
   WHERE pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
) AS parts(part)
"""
_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relkind = 'r' ORDER BY c.relname
"""
_SEQUENCES = "SELECT sequencename, start_value, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"


@dataclass(frozen=True)
class Copy:
    """The rows of a database at rest, to be put into other databases of the same shape."""

    url: str  # where they were read
    shape: str
    tables: tuple[str, ...]
    rows: dict[str, bytes]  # by table, in PostgreSQL's binary form; only of tables that hold any
    sequences: tuple[tuple[str, int, int | None], ...]

    @classmethod
    def of(cls, url: str) -> Self:
        with _connect(url) as conn:
            tables = tuple(row[0] for row in conn.execute(_TABLES))
            rows = {name: _dump(conn, name) for name in _filled(conn, tables)}
            sequences = tuple((name, start, last) for name, start, last in conn.execute(_SEQUENCES))
            return cls(url, _shape(conn), tables, rows, sequences)

    def into(self, url: str) -> None:
        """Make the database at `url` hold exactly these rows; whoever is still connected to it is cut off."""
        if not self._refill(url):
            drop(url)
            _create(url, self.url)

    def _refill(self, url: str) -> bool:
        _cut_off(url)
        with _connect(url) as conn:
            is_superuser = conn.execute("SHOW is_superuser").fetchone()
            if is_superuser != ("on",) or _shape(conn) != self.shape:
                return False
            conn.execute("SET LOCAL session_replication_role = replica")  # no triggers, no order among the tables
            for name in _filled(conn, self.tables):
                if conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name))).rowcount > _MOST_ROWS:
                    conn.rollback()
                    return False
            for name, kept in self.rows.items():
                with conn.cursor().copy(
                    sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier(name))
                ) as into:
                    into.write(kept)
            for name, start, last in self.sequences:
                conn.execute(
                    "SELECT setval(%s, %s, %s)", (f'"{name}"', start if last is None else last, last is not None)
                )
        return True


class Pool:
    """Databases of one server that hold what the template holds, each lent to one test at a time."""

    def __init__(self, server: str, worker: str) -> None:
        self._server, self._worker = server, worker
        self._mine: list[str] = []
        self._free: list[str] = []

    @cached_property
    def template(self) -> Copy:
        """A database with all tables, as new."""
        return self._make_template()

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The address of a database with all tables, as new."""
        url = self.take(self.template)
        yield url
        self.give(url)

    def take(self, contents: Copy) -> str:
        """The address of a database with that content, until it is given back."""
        if not self._free:
            return self._new(contents.url)
        url = self._free.pop()
        contents.into(url)
        return url

    def give(self, url: str) -> None:
        """Give a database back; it is emptied when it is taken again."""
        self._free.append(url)

    @contextmanager
    def blank(self) -> Iterator[str]:
        """The address of a new database without any table."""
        url = self._new()
        yield url
        drop(url)
        self._mine.remove(url)

    def close(self) -> None:
        for url in self._mine:
            drop(url)

    def _new(self, template: str = "") -> str:
        name = f"tieout_test_{os.getpid()}_{self._worker}_{next(_numbers)}"
        url = make_url(self._server).set(database=name).render_as_string(hide_password=False)
        _create(url, template)
        self._mine.append(url)
        return url

    def _make_template(self) -> Copy:
        from sqlalchemy import create_engine

        from tieout.store.migrate import migrate

        url = self._new()
        engine = create_engine(url)
        migrate(engine)
        engine.dispose()
        return Copy.of(url)


def drop(url: str) -> None:
    with _admin(url) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_name(url)))


def _create(url: str, template: str = "") -> None:
    with _admin(url) as conn:
        from_template = sql.SQL(" TEMPLATE {}").format(_name(template)) if template else sql.SQL("")
        conn.execute(sql.SQL("CREATE DATABASE {}").format(_name(url)) + from_template)
        # What a killed process has committed stays; only a crash of the server itself could lose it.
        conn.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(_name(url)))


def _cut_off(url: str) -> None:
    with _admin(url) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> pg_backend_pid()",
            (make_url(url).database,),
        )


def _name(url: str) -> sql.Identifier:
    return sql.Identifier(str(make_url(url).database))


def _admin(url: str) -> psycopg.Connection[Any]:
    server = make_url(url).set(drivername="postgresql", database="postgres")
    return psycopg.connect(server.render_as_string(hide_password=False), autocommit=True)


def _connect(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))


def _shape(conn: psycopg.Connection[Any]) -> str:
    row = conn.execute(_SHAPE).fetchone()
    assert row is not None
    return str(row[0])


def _filled(conn: psycopg.Connection[Any], tables: tuple[str, ...]) -> list[str]:
    asks = [
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(name), sql.Identifier(name))
        for name in tables
    ]
    return [row[0] for row in conn.execute(sql.SQL(" UNION ALL ").join(asks))] if asks else []


def _dump(conn: psycopg.Connection[Any], table: str) -> bytes:
    with conn.cursor().copy(sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(table))) as out:
        return b"".join(bytes(part) for part in out)
