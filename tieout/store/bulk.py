"""Many rows in one statement: values are put into the drivers' form here, once, without looking at each bind.

SQLAlchemy's executemany spends several microseconds a row on parameters that are all alike. The statement text and the
converter of each column are made once per table and set of columns; what is stored is the same. SQLite takes the rows
one by one within the process; PostgreSQL gets each column as one JSON array, so that a set is one message and one
answer: bound row by row, sending took a third of a first sync.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Connection, Date, Integer, LargeBinary, Table

from tieout.store.session import is_sqlite
from tieout.store.types import Json, Utc, json_text, utc_text

Row = Mapping[str, Any]
_Convert = Callable[[Any], Any]
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement for any number of rows: the columns it takes in order, defaults, and keys that it may meet once."""

    text: str
    plan: tuple[tuple[str, _Convert | None], ...]
    fixed: tuple[Any, ...] = ()
    keys: tuple[str, ...] = ()


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
    """Insert rows, each key once; where the key exists, a number is added to what stands."""
    _put(conn, table, rows, f"add {column}")


def update_rows(conn: Connection, table: Table, keys: Sequence[str], rows: Sequence[Row]) -> None:
    """Set the other columns of each row where `keys` have its values."""
    if rows:
        _run(conn, _update(table, tuple(rows[0]), tuple(keys), conn.dialect.name), rows)


def _put(conn: Connection, table: Table, rows: Sequence[Row], clash: str) -> None:
    if rows:
        _run(conn, _insert(table, tuple(rows[0]), clash, conn.dialect.name), rows)


def _run(conn: Connection, made: _Statement, rows: Sequence[Row]) -> None:
    if is_sqlite(conn):
        columns = _columns(made, rows)
        empty = [cells[0] is None and cells.count(None) == len(cells) for cells in columns]
        bound = [cells for cells, is_empty in zip(columns, empty, strict=True) if not is_empty]
        bound += [[value] * len(rows) for value in made.fixed]
        conn.exec_driver_sql(_without(made.text, tuple(empty)), list(zip(*bound, strict=True)))
        return
    columns = _columns(made, _last_of_each(rows, made.keys) if made.keys else rows)
    conn.exec_driver_sql(made.text, (*made.fixed, *(_encode(cells).decode() for cells in columns)))


@lru_cache(maxsize=2048)
def _without(text: str, empty: tuple[bool, ...]) -> str:
    """A statement for SQLite that says NULL itself for the columns which none of the rows fills.

    The driver looks for an adapter of each None (and each bool, see `_converter`): longer than storing it takes.
    """
    first, *parts = text.split("?")
    marks = ["NULL" if is_empty else "?" for is_empty in empty] + ["?"] * (len(parts) - len(empty))
    return first + "".join(mark + part for mark, part in zip(marks, parts, strict=True))


def _last_of_each(rows: Sequence[Row], keys: tuple[str, ...]) -> Sequence[Row]:
    """Of rows with one key the last, as it would stand after all of them; a set statement takes each key once."""
    last = {tuple([row[name] for name in keys]): row for row in rows}
    return rows if len(last) == len(rows) else list(last.values())


def _columns(made: _Statement, rows: Sequence[Row]) -> list[list[Any]]:
    columns: list[list[Any]] = []
    for name, convert in made.plan:
        cells = [row[name] for row in rows]
        columns.append(cells if convert is None else _converted(cells, convert))
    return columns


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
def _insert(table: Table, given: tuple[str, ...], clash: str, dialect: str) -> _Statement:
    plan = tuple((name, _converter(table.c[name], dialect)) for name in given)
    defaults = [
        column for column in table.c if column.name not in given and column.default is not None and _is_fixed(column)
    ]
    fixed = tuple(column.default.arg for column in defaults)  # type: ignore[union-attr]  # checked just above
    names = [*given, *(column.name for column in defaults)]
    keys = tuple(column.name for column in table.primary_key)
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
    if dialect == "sqlite":
        values = f"VALUES ({', '.join('?' * len(names))})"
    else:
        cells = [_cell(table.c[name], at) for at, name in enumerate(given)]
        cells += [f"%s::{_type(column)}" for column in defaults]
        values = f"SELECT {', '.join(cells)} FROM {_arrays(len(given))}"  # noqa: S608 - names of our own tables
    text = f'INSERT INTO "{table.name}" ({_names(names)}) {values}{tail}'
    return _Statement(text, plan, fixed, keys if clash == "update" else ())


@lru_cache(maxsize=512)
def _update(table: Table, given: tuple[str, ...], keys: tuple[str, ...], dialect: str) -> _Statement:
    changed = [name for name in given if name not in keys]
    order = (*changed, *keys)
    plan = tuple((name, _converter(table.c[name], dialect)) for name in order)
    if dialect == "sqlite":
        cells, source = dict.fromkeys(order, "?"), ""
    else:
        cells = {name: _cell(table.c[name], at) for at, name in enumerate(order)}
        source = f" FROM {_arrays(len(order))}"
    sets = ", ".join(f'"{name}" = {cells[name]}' for name in changed)
    where = " AND ".join(f'"{table.name}"."{name}" = {cells[name]}' for name in keys)
    return _Statement(f'UPDATE "{table.name}" SET {sets}{source} WHERE {where}', plan, (), keys)  # noqa: S608 - names of our own tables


def _is_fixed(column: Column[Any]) -> bool:
    return bool(getattr(column.default, "is_scalar", False))


def _names(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _arrays(count: int) -> str:
    """So many JSON arrays as the columns of one table (PostgreSQL)."""
    functions = ", ".join(["json_array_elements_text(%s::json)"] * count)
    return f"ROWS FROM ({functions}) AS x({', '.join(f'c{at}' for at in range(count))})"


def _cell(column: Column[Any], at: int) -> str:
    return f"x.c{at}::{_type(column)}"


def _type(column: Column[Any]) -> str:
    """PostgreSQL's name for what a column holds; texts are taken as they are, their length is the table's to check."""
    for kind, name in _TYPES:
        if isinstance(column.type, kind):
            return name
    return "text"


_TYPES: tuple[tuple[type, str], ...] = (
    (BigInteger, "bigint"),
    (Integer, "integer"),
    (Boolean, "boolean"),
    (Date, "date"),
    (LargeBinary, "bytea"),
)


def _converter(column: Column[Any], dialect: str) -> _Convert | None:
    """How a value of the column is handed to the driver; None = as it is."""
    if isinstance(column.type, Utc):
        return utc_text
    if isinstance(column.type, Json):
        return json_text
    if isinstance(column.type, Date) and dialect == "sqlite":
        return date.isoformat
    if isinstance(column.type, Boolean) and dialect == "sqlite":
        return int
    if isinstance(column.type, LargeBinary) and dialect == "postgresql":
        return _hex
    return None


def _hex(value: bytes) -> str:
    return "\\x" + value.hex()
