"""Questions that do not wait for each other's answers, put to the database in one trip.

PostgreSQL takes them one after the other without a wait between (libpq's pipeline mode,
https://www.psycopg.org/psycopg3/docs/advanced/pipeline.html): for a handful of records the ways there and back cost as
much as the answers. SQLite is no trip away: each is put when its rows are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Executable, make_url
from sqlalchemy.exc import DBAPIError

from tieout.store.session import is_sqlite

Rows = Sequence[Sequence[Any]]
MOST = 8


class Together:
    """Questions that are gathered and then put in one trip.

    Only for columns that need no conversion: texts, numbers, bytes and arrays come as the driver reads them. More than
    `MOST` questions are too much to hold at once: then each is put when its rows are asked for.
    """

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self._asked: list[tuple[Executable, Mapping[str, Any]]] = []
        self._rows: list[Rows] | None = None

    def ask(self, statement: Executable, given: Mapping[str, Any]) -> Callable[[], Rows]:
        """Gather a question, made once and kept by its module; what is answered gives its rows after `go`, once."""
        place = len(self._asked)
        self._asked.append((statement, given))

        def rows() -> Rows:
            return self._rows[place] if self._rows is not None else self.conn.execute(statement, given).all()

        return rows

    def go(self) -> None:
        """Put all questions."""
        if 1 < len(self._asked) <= MOST and not is_sqlite(self.conn):
            self._rows = self._in_one_trip()

    def _in_one_trip(self) -> list[Rows]:
        if not self.conn.in_transaction():
            self.conn.begin()  # the driver begins one, of which SQLAlchemy would not know
        import psycopg  # some 10 MB that nobody needs on SQLite

        raw = self.conn.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        try:
            with raw.pipeline():
                cursors = [raw.execute(*_rendered(statement, given)) for statement, given in self._asked]
                return [cursor.fetchall() for cursor in cursors]
        except psycopg.Error as error:
            is_lost = self.conn.dialect.is_disconnect(error, raw, None)  # type: ignore[arg-type]  # a driver's own
            if is_lost:
                self.conn.invalidate(error)
            raise DBAPIError.instance(
                None, None, error, psycopg.Error, connection_invalidated=is_lost, dialect=self.conn.dialect
            ) from error


def _rendered(statement: Executable, given: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    text, fixed, names = _compiled(statement)
    values = {name: convert(given[key]) if convert else given[key] for name, key, convert in names}
    return text, fixed | values


@lru_cache(maxsize=128)  # statements are made once a process, and so are their texts
def _compiled(
    statement: Executable,
) -> tuple[bytes, dict[str, Any], tuple[tuple[str, str, Callable[[Any], Any] | None], ...]]:
    """The text for the driver, the values that stand in it, and by name where the given ones go."""
    dialect = _dialect()
    made = statement.compile(dialect=dialect)  # type: ignore[attr-defined]  # every statement has it
    fixed: dict[str, Any] = {}
    names = []
    for bind, name in made.bind_names.items():
        convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if bind.required:
            names.append((name, bind.key, convert))
        else:
            fixed[name] = convert(bind.value) if convert else bind.value
    return str(made).encode(), fixed, tuple(names)


@cache
def _dialect() -> Dialect:
    """PostgreSQL through psycopg: the text of a statement does not depend on the connection."""
    made: Dialect = make_url("postgresql+psycopg://").get_dialect()()
    return made
