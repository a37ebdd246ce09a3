"""Many rows in one statement: values are put into the drivers' form here, once, without looking at each bind.

SQLAlchemy's executemany spends several microseconds a row on parameters that are all alike. The statement text and the
converter of each column are made once per table and set of columns; what is stored is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Connection, Date, Table

from tieout.store.types import Json, Utc, json_text, utc_text

Row = Mapping[str, Any]
_Convert = Callable[[Any], Any]


def insert_rows(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all name the same columns; columns not named get their fixed default."""
    _put(conn, table, rows, "")


def insert_new(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; those whose key exists stay as they are."""
    _put(conn, table, rows, "ignore")


def put_rows(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows by primary key; existing rows get exactly the columns given."""
    _put(conn, table, rows, "update")


def add_rows(conn: Connection, table: Table, rows: Sequence[Row], column: str) -> None:
    """Insert rows by primary key; where the key exists, a number is added to what stands."""
    if not rows:
        return
    statement, plan, fixed = _insert(table, tuple(rows[0]), f"add {column}", conn.dialect.name)
    _run(conn, statement, plan, rows, fixed)


def update_rows(conn: Connection, table: Table, keys: Sequence[str], rows: Sequence[Row]) -> None:
    """Set the other columns of each row where `keys` have its values."""
    if not rows:
        return
    given = tuple(rows[0])
    statement, plan = _update(table, given, tuple(keys), conn.dialect.name)
    _run(conn, statement, plan, rows)


def _put(conn: Connection, table: Table, rows: Sequence[Row], clash: str) -> None:
    if not rows:
        return
    statement, plan, fixed = _insert(table, tuple(rows[0]), clash, conn.dialect.name)
    _run(conn, statement, plan, rows, fixed)


def _run(
    conn: Connection,
    statement: str,
    plan: Sequence[tuple[str, _Convert | None]],
    rows: Sequence[Row],
    fixed: tuple[Any, ...] = (),
) -> None:
    columns: list[list[Any]] = []
    for name, convert in plan:
        cells = [row[name] for row in rows]
        columns.append(cells if convert is None else _converted(cells, convert))
    values = list(zip(*columns, strict=True))
    conn.exec_driver_sql(statement, [cells + fixed for cells in values] if fixed else values)


def _converted(cells: Sequence[Any], convert: _Convert) -> list[Any]:
    """Cells in the drivers' form; the rows of a set mostly share an instant, which is then written once."""
    out: list[Any] = []
    last, made = None, None
    for cell in cells:
        if cell is not last:
            last, made = cell, None if cell is None else convert(cell)
        out.append(made)
    return out


@lru_cache(maxsize=512)
def _insert(
    table: Table, given: tuple[str, ...], clash: str, dialect: str
) -> tuple[str, tuple[tuple[str, _Convert | None], ...], tuple[Any, ...]]:
    plan = tuple((name, _converter(table.c[name], dialect)) for name in given)
    defaults = [
        column for column in table.c if column.name not in given and column.default is not None and _is_fixed(column)
    ]
    fixed = tuple(column.default.arg for column in defaults)  # type: ignore[union-attr]  # checked just above
    names = [*given, *(column.name for column in defaults)]
    keys = [column.name for column in table.primary_key]
    tail = ""
    if clash == "ignore":
        tail = " ON CONFLICT DO NOTHING"
    elif clash == "update":
        changed = [name for name in given if name not in keys]
        sets = ", ".join(f'"{name}" = excluded."{name}"' for name in changed)
        tail = f" ON CONFLICT ({_names(keys)}) DO " + (f"UPDATE SET {sets}" if changed else "NOTHING")
    elif clash.startswith("add "):
        name = clash.removeprefix("add ")
        tail = f' ON CONFLICT ({_names(keys)}) DO UPDATE SET "{name}" = "{table.name}"."{name}" + excluded."{name}"'
    marks = ", ".join([_mark(dialect)] * len(names))
    return f'INSERT INTO "{table.name}" ({_names(names)}) VALUES ({marks}){tail}', plan, fixed  # noqa: S608 - names of our own tables


@lru_cache(maxsize=512)
def _update(
    table: Table, given: tuple[str, ...], keys: tuple[str, ...], dialect: str
) -> tuple[str, tuple[tuple[str, _Convert | None], ...]]:
    changed = [name for name in given if name not in keys]
    mark = _mark(dialect)
    sets = ", ".join(f'"{name}" = {mark}' for name in changed)
    where = " AND ".join(f'"{name}" = {mark}' for name in keys)
    plan = tuple((name, _converter(table.c[name], dialect)) for name in (*changed, *keys))
    return f'UPDATE "{table.name}" SET {sets} WHERE {where}', plan  # noqa: S608 - names of our own tables


def _is_fixed(column: Column[Any]) -> bool:
    return bool(getattr(column.default, "is_scalar", False))


def _names(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _mark(dialect: str) -> str:
    return "?" if dialect == "sqlite" else "%s"


def _converter(column: Column[Any], dialect: str) -> _Convert | None:
    """How a value of the column is handed to the driver; None = as it is."""
    if isinstance(column.type, Utc):
        return utc_text
    if isinstance(column.type, Json):
        return json_text
    if isinstance(column.type, Date) and dialect == "sqlite":
        return date.isoformat
    return None
