"""Statistics for PostgreSQL's planner, taken when a table has grown a lot since it was last looked at.

The server takes them by itself, but looks once a minute at best, and not at all where it is told not to. A first sync
fills empty tables meanwhile: without statistics a whole stream is scanned for each handful of records asked for, and
the work grows with the square of the books (measured: 33,810 invoices were not through after seven minutes).
"""

from __future__ import annotations

from sqlalchemy import Engine, text

from tieout.store.session import reading

EVERY = 1_000  # records of work between two looks
GROWN = 2  # times as many pages as when statistics were taken
FIRST_PAGES = 16  # smaller tables are read whole anyway

_GROWN = text(
    "SELECT c.oid::regclass::text FROM pg_class c"
    " WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace"
    " AND pg_relation_size(c.oid) / current_setting('block_size')::int >= greatest(:first, :grown * c.relpages)"
    " ORDER BY 1"
)


class Statistics:
    """Counts the work of one process on one database and refreshes the planner's statistics now and then."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_wanted = engine.dialect.name == "postgresql"
        self._done = EVERY  # looks at once: another process may have filled the tables

    def after(self, rows: int) -> None:
        """So many records were worked on; looks at the tables when enough have been since the last look."""
        self._done += rows
        if self._is_wanted and self._done >= EVERY:
            self._done = 0
            refresh(self._engine)


def refresh(engine: Engine) -> list[str]:
    """Take statistics of the tables that have grown since the last ones were taken; their names.

    A table that another process is looking at, or that is not ours to look at, is passed over by the server.
    """
    with reading(engine) as conn:
        grown = list(conn.execute(_GROWN, {"first": FIRST_PAGES, "grown": GROWN}).scalars())
    if grown:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:  # nothing of ours is written
            for name in grown:
                conn.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {name}")
    return grown
