"""What the checks after a step read: again only where a statement wrote since the last look.

Every statement of the product passes the driver's door (`database.py`), which notes the tables it names. A whole look
now and then, and one at the end, prove that nothing was written past it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

Rows = list[tuple[Any, ...]]
_WRITES = re.compile(r'\b(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM)\s+"?(\w+)')
_READS = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)")


@lru_cache(maxsize=4096)
def written_by(statement: str) -> frozenset[str]:
    """The tables that a statement may write."""
    return frozenset(_WRITES.findall(statement))


class Look:
    """Rows of some queries, by name, as they stood at the last look."""

    def __init__(self, queries: Mapping[str, str], written: set[str]) -> None:
        """`written`: the tables written since the last look, kept up by the database and emptied here."""
        self._queries, self._written = queries, written
        self._tables = {name: frozenset(_READS.findall(query)) for name, query in queries.items()}
        self._rows: dict[str, Rows] = {}

    def read(self, conn: Connection, *, whole: bool = False) -> tuple[dict[str, Rows], set[str], list[str]]:
        """Rows by name, the names that were read now, and those whose rows had changed unseen (never, one hopes)."""
        touched = {name for name, tables in self._tables.items() if name not in self._rows or tables & self._written}
        self._written.clear()
        wanted = set(self._queries) if whole else touched
        cursor: Any = conn.connection.cursor()
        unseen: list[str] = []
        for name in sorted(wanted):
            rows = [tuple(row) for row in cursor.execute(self._queries[name]).fetchall()]
            if name not in touched and rows != self._rows[name]:
                unseen.append(name)
            self._rows[name] = rows
        cursor.close()
        return self._rows, wanted, unseen

    def forget(self) -> None:
        """Another database stands in this one's place: the next look reads everything."""
        self._rows.clear()
