"""Finding rows by composite references in sets, so that both engines use the index.

`(a, b, c) IN (VALUES …)` makes SQLite scan the whole table (measured: the first sync of 7,000 invoices spent a fifth of
its time there, growing with the square of the size); equality on the leading columns and one IN does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam

from tieout.store.among import among, among_given
from tieout.store.landing import chunks

Ref = tuple[str, ...]


def conditions(columns: Sequence[Any], refs: Iterable[Sequence[str]], size: int = 400) -> Iterator[ColumnElement[bool]]:
    """Conditions that together select the rows of these references, each small enough for one statement."""
    *heads, last = columns
    for values, part in _parts(refs, size):
        condition: ColumnElement[bool] = among(last, part)
        for column, value in zip(heads, values, strict=True):
            condition = (column == value) & condition
        yield condition


def rows_by(conn: Connection, statement: Any, refs: Iterable[Sequence[str]]) -> Iterator[Any]:
    """The rows of a select that `by_refs` made, for these references, as tuples with names."""
    for values, part in _parts(refs, 400):
        given = {f"head_{place}": value for place, value in enumerate(values)}
        yield from conn.execute(statement, {**given, "lasts": part})


def by_refs(statement: Any, columns: Sequence[Any]) -> Any:
    """A select, to be made once, of the rows whose columns are a reference that `rows_by` gives it."""
    *heads, last = columns
    same = (column == bindparam(f"head_{place}") for place, column in enumerate(heads))
    return statement.where(*same, among_given(last, "lasts"))


def _parts(refs: Iterable[Sequence[str]], size: int) -> Iterator[tuple[tuple[str, ...], Sequence[str]]]:
    """Values of the leading columns, each with values of the last one, few enough for one statement."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for ref in sorted({tuple(ref) for ref in refs}):
        groups.setdefault(ref[:-1], []).append(ref[-1])
    for values, lasts in groups.items():
        for part in chunks(lasts, size):
            yield values, part
