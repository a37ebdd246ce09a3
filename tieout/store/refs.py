"""Finding rows by composite references in sets, so that both engines use the index.

`(a, b, c) IN (VALUES …)` makes SQLite scan the whole table (measured: the first sync of 7,000 invoices spent a fifth of
its time there, growing with the square of the size); equality on the leading columns and one IN does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection

from tieout.store.landing import chunks

Ref = tuple[str, ...]


def conditions(columns: Sequence[Any], refs: Iterable[Sequence[str]], size: int = 400) -> Iterator[ColumnElement[bool]]:
    """Conditions that together select the rows of these references, each small enough for one statement."""
    *heads, last = columns
    groups: dict[tuple[str, ...], list[str]] = {}
    for ref in sorted({tuple(ref) for ref in refs}):
        groups.setdefault(ref[:-1], []).append(ref[-1])
    for values, lasts in groups.items():
        for part in chunks(lasts, size):
            condition: ColumnElement[bool] = last.in_(part)
            for column, value in zip(heads, values, strict=True):
                condition = (column == value) & condition
            yield condition


def rows_by(conn: Connection, statement: Any, columns: Sequence[Any], refs: Iterable[Sequence[str]]) -> Iterator[Any]:
    """The rows of a select for these references, as tuples with names."""
    for condition in conditions(columns, refs):
        yield from conn.execute(statement.where(condition))
