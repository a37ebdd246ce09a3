"""Insert-or-update in sets, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def _insert(dialect: str, table: Table) -> Any:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def insert_ignore(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; those whose key exists stay as they are."""
    if rows:
        conn.execute(_statement(table, (), conn.dialect.name), [dict(row) for row in rows])


def touch(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of keys alone; one that exists is locked as if written, and waited for if it is being deleted."""
    if rows:
        conn.execute(_touching(table, conn.dialect.name), [dict(row) for row in rows])


def upsert(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows by primary key; existing rows get exactly the columns given (all rows name the same ones)."""
    if not rows:
        return
    conn.execute(_statement(table, tuple(rows[0]), conn.dialect.name), [dict(row) for row in rows])


@lru_cache(maxsize=16)
def _touching(table: Table, dialect: str) -> Any:
    keys = [column.name for column in table.primary_key]
    statement = _insert(dialect, table)
    return statement.on_conflict_do_update(index_elements=keys, set_={keys[-1]: statement.excluded[keys[-1]]})


@lru_cache(maxsize=256)
def _statement(table: Table, given: tuple[str, ...], dialect: str) -> Any:
    """Made once for each table and set of columns."""
    keys = [column.name for column in table.primary_key]
    statement = _insert(dialect, table)
    changed = {name: statement.excluded[name] for name in given if name not in keys}
    if not changed:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)
