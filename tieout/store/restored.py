"""The mark that a database was put back from a copy, and since when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from tieout.core.dates import iso_utc, parse_at
from tieout.store.tables import meta
from tieout.store.upsert import upsert

PAUSED_WHY = "restored from a backup"
COPIED_WHY = "this home was copied or moved"
_KEY = "restored_at"


def mark(conn: Connection, now: datetime) -> None:
    """This database was restored now; the mark stays for ever."""
    upsert(conn, meta, [{"key": _KEY, "value": iso_utc(now)}])


def at(conn: Connection) -> datetime | None:
    """When this database was last restored; None if it never was."""
    value = conn.execute(select(meta.c.value).where(meta.c.key == _KEY)).scalar()
    return None if value is None else parse_at(value)
