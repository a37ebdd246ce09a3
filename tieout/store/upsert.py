"""Insert-or-update in sets, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def _insert(conn: Connection, table: Table) -> Any:
    return sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)


def insert_ignore(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; those whose key exists stay as they are."""
    if rows:
        conn.execute(_insert(conn, table).on_conflict_do_nothing(), [dict(row) for row in rows])


def upsert(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows by primary key; existing rows get exactly the columns given (all rows name the same ones)."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = _insert(conn, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    statement = (
        statement.on_conflict_do_update(index_elements=keys, set_=changed)
        if changed
        else statement.on_conflict_do_nothing()
    )
    conn.execute(statement, [dict(row) for row in rows])
