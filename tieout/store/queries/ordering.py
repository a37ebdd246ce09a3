"""Lists in any order, page by page: the cursor holds what the last row was sorted by, so that no page is skipped to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, false, or_

from tieout.core.dates import DateError, parse_on
from tieout.core.errors import Gone
from tieout.store.queries.paging import Slice, cut, decode


@dataclass(frozen=True, slots=True)
class By:
    """One part of an order: a column that is never NULL, what it holds (int, str or date), and its direction."""

    column: ColumnElement[Any]
    kind: type
    falls: bool = False


def ordered(
    conn: Connection, query: Select[Any], parts: Sequence[By], limit: int, cursor: str | None, name: str
) -> Slice[RowMapping]:
    """A page of a query in an order whose last part is unique; `name` tells its cursors from those of other orders."""
    query = query.add_columns(*(part.column.label(f"by_{at}") for at, part in enumerate(parts)))
    if cursor:
        shape = tuple(str if part.kind is date else part.kind for part in parts)
        query = query.where(_after(parts, _values(parts, decode(cursor, name, shape))))
    query = query.order_by(*(part.column.desc() if part.falls else part.column.asc() for part in parts))
    rows = conn.execute(query.limit(limit + 1)).mappings().all()
    return cut(rows, limit, name, lambda row: tuple(_told(row[f"by_{at}"]) for at in range(len(parts))))


def _after(parts: Sequence[By], last: Sequence[Any]) -> ColumnElement[bool]:
    """Behind the last row: further in the first part, or level in it and further in the rest."""
    out: ColumnElement[bool] = false()
    for part, value in reversed(list(zip(parts, last, strict=True))):
        further = part.column < value if part.falls else part.column > value
        out = or_(further, and_(part.column == value, out))
    return out


def _values(parts: Sequence[By], key: Sequence[str | int]) -> list[Any]:
    try:
        return [parse_on(str(value)) if part.kind is date else value for part, value in zip(parts, key, strict=True)]
    except DateError:
        raise Gone("there is no such page", hint="Start again without a cursor.", code="unknown_cursor") from None


def _told(value: Any) -> str | int:
    return value.isoformat() if isinstance(value, date) else value if isinstance(value, str) else int(value)
