"""SQLAlchemy's way from a statement to SQLite and back, walked once per statement and remembered.

A world makes some ten thousand small statements; what surrounds each of them in SQLAlchemy costs several times what
SQLite needs. What is run is what SQLAlchemy compiled, with its own converters for parameters and rows, and whatever is
not plain here (many rows at once, columns with defaults, text, options, an error) goes SQLAlchemy's whole way.
`tests/sim/test_quick.py` holds worlds that go the one way and the other against each other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine.cursor import _NO_RESULT_METADATA
from sqlalchemy.engine.result import IteratorResult
from sqlalchemy.sql import compiler
from sqlalchemy.sql.compiler import SQLCompiler

from tests.sim.look import written_by
from tests.sim.process import current

_MEMO = "_quick_way"
_NOT_PLAIN = attrgetter(
    "isplaintext", "insert_prefetch", "update_prefetch", "literal_execute_params", "post_compile_params",
    "postfetch_lastrowid", "implicit_returning", "has_out_parameters", "_render_postcompile", "_insertmanyvalues",
)  # fmt: skip


@dataclass(slots=True)
class _Parameter:
    key: str
    name: str
    bound: Any  # SQLAlchemy's parameter, with its own value
    at: int | None  # among the values that a statement brings along
    convert: Callable[[Any], Any] | None


class Way:
    """How one compiled statement is run."""

    __slots__ = ("compiled", "has_rows", "parameters", "sql", "written")

    def __init__(self, compiled: SQLCompiler) -> None:
        self.compiled, self.sql, self.written = compiled, compiled.string, written_by(compiled.string)
        self.has_rows = bool(compiled._result_columns)
        at: dict[Any, int] = {}
        if compiled.cache_key is not None and compiled._cache_key_bind_match is not None:
            match = compiled._cache_key_bind_match[0]
            at = {one: index for index, bound in enumerate(compiled.cache_key[1]) for one in match[bound]}
        by_name = {name: bound for bound, name in compiled.bind_names.items()}
        self.parameters = [
            _Parameter(
                by_name[name].key, name, by_name[name], at.get(by_name[name]), compiled._bind_processors.get(name)
            )
            for name in compiled.positiontup or ()
        ]

    @classmethod
    def of(cls, compiled: Any) -> Way | None:
        """None where SQLAlchemy does more than run it."""
        found = compiled.__dict__.get(_MEMO, cls)
        if found is cls:
            is_plain = isinstance(compiled, SQLCompiler) and not any(_NOT_PLAIN(compiled))
            compiled.__dict__[_MEMO] = found = cls(compiled) if is_plain else None
        return found  # type: ignore[return-value]  # the class itself stands for nothing remembered

    def values(self, given: dict[str, Any], brought: Sequence[Any] | None) -> list[Any] | None:
        """What stands for each question mark; None when something is missing."""
        out = []
        for one in self.parameters:
            if one.key in given:
                value = given[one.key]
            elif one.name in given:
                value = given[one.name]
            elif one.bound.required:
                return None
            else:
                bound = brought[one.at] if brought and one.at is not None else one.bound
                value = bound.effective_value if one.bound.callable else bound.value
            out.append(value if one.convert is None else one.convert(value))
        return out


class _Done(IteratorResult[Any]):
    """Rows, all of them read, and how many were written."""

    rowcount = -1


class Quick(Connection):
    """A connection that knows the way."""

    def _execute_clauseelement(self, elem: Any, distilled_parameters: Any, execution_options: Any) -> Any:
        if len(distilled_parameters) < 2 and not (
            execution_options or elem._execution_options or self._execution_options
        ):
            found = self._quickly(elem, distilled_parameters[0] if distilled_parameters else {})
            if found is not None:
                return found
        return super()._execute_clauseelement(elem, distilled_parameters, execution_options)

    def _quickly(self, elem: Any, given: dict[str, Any]) -> _Done | None:
        keys = tuple(sorted(given))
        remembered = elem.__dict__.get(_MEMO)
        known = remembered.get(keys) if remembered is not None else None
        if known is None:
            compiled, brought, more, _ = elem._compile_w_cache(
                dialect=self.dialect,
                compiled_cache=self.engine._compiled_cache,
                column_keys=list(keys),
                for_executemany=False,
                schema_translate_map=None,
                linting=self.dialect.compiler_linting | compiler.WARN_LINTING,
            )
            known = (None if more else Way.of(compiled), brought)
            if remembered is None:
                elem._set_memoized_attribute(_MEMO, {keys: known})  # a copy that says more does not inherit it
            else:
                remembered[keys] = known
        way, brought = known
        if way is None or self._dbapi_connection is None or (way.has_rows and not way.compiled._cached_metadata):
            return None
        values = way.values(given, brought)
        if values is None:
            return None
        process = current()
        if process is not None:
            process.check()
        raw: Any = self._dbapi_connection.dbapi_connection
        try:
            cursor = raw.execute(way.sql, values)
            rows = cursor.fetchall() if way.has_rows else ()
        except sqlite3.Error:
            return None  # once more, to fail as it would
        if way.written:
            self.engine.written.update(way.written)  # type: ignore[attr-defined]  # an engine of a world
        metadata = way.compiled._cached_metadata if way.has_rows else _NO_RESULT_METADATA
        done = _Done(metadata, iter(rows))
        done.rowcount = cursor.rowcount
        cursor.close()
        return done
