"""The mark that a database was put back from a copy, and since when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from tieout.core.dates import iso_utc, parse_at
from tieout.store.tables import inputs, meta
from tieout.store.upsert import upsert

PAUSED_WHY = "restored from a backup"
COPIED_WHY = "this home was copied or moved"
_KEY = "restored_at"
_READ_KEY = "restored_read_seq"


def mark(conn: Connection, now: datetime) -> None:
    """This database was restored now; the mark stays for ever."""
    upsert(conn, meta, [{"key": _KEY, "value": iso_utc(now)}])
    conn.execute(delete(meta).where(meta.c.key == _READ_KEY))


def at(conn: Connection) -> datetime | None:
    """When this database was last restored; None if it never was."""
    value = conn.execute(select(meta.c.value).where(meta.c.key == _KEY)).scalar()
    return None if value is None else parse_at(value)


def mark_read(conn: Connection) -> None:
    """Every stream was read since the restore: what the input log gets from now on is new. Only the first time counts.

    Before that an input may be one that the database had already got when it was lost.
    """
    if read_seq(conn) is None:
        newest = conn.execute(select(func.max(inputs.c.seq))).scalar() or 0
        upsert(conn, meta, [{"key": _READ_KEY, "value": str(newest)}])


def read_seq(conn: Connection) -> int | None:
    """The newest input when every stream had been read since the restore; None while that is not so."""
    value = conn.execute(select(meta.c.value).where(meta.c.key == _READ_KEY)).scalar()
    return None if value is None else int(value)
