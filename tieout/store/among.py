"""`among(column, values)`: a column is one of many values, as one bind whatever their number.

An expanding IN makes a text and a bind per value and compiles them at every execution; here the statement stays the
same. SQLite reads the values from a JSON array, PostgreSQL from an array.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Dialect, TypeDecorator, bindparam, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType


class _Values(TypeDecorator[Any]):
    """Texts or whole numbers: a JSON array for SQLite, a list for PostgreSQL's driver."""

    impl = NullType
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return msgspec.json.encode(value).decode() if dialect.name == "sqlite" else list(value)


class _Among(FunctionElement[Any]):
    type = NullType()  # a Boolean would be compared with 1 on SQLite, and no index used
    inherit_cache = True
    name = "among"


def among(column: Any, values: Iterable[Any]) -> Any:
    """A condition like `column IN values` for texts or integers."""
    return _Among(column, bindparam(None, list(values), type_=_Values(), unique=True))


def among_given(column: Any, name: str) -> Any:
    """The same for a statement that is made once: the values are given by that name at every execution."""
    return _Among(column, bindparam(name, type_=_Values()))


def one_of(column: ColumnElement[str], words: Iterable[str]) -> ColumnElement[bool]:
    """A column is one of a few words of our own, which stand in the statement itself: no bind for any of them."""
    return column.in_([literal_column(f"'{word}'") for word in words])


@compiles(_Among, "sqlite")
def _in_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    column, values = element.clauses
    left, right = compiler.process(column, **more), compiler.process(values, **more)
    return f"{left} IN (SELECT value FROM json_each({right}))"  # noqa: S608 - compiled parts, values are bound


@compiles(_Among, "postgresql")
def _in_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **more)} = ANY({compiler.process(values, **more)})"
