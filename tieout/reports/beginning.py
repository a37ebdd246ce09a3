"""Where an installation stands before its figures can be trusted, and so what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from mapping.loader import vendors
from tieout.core.config import Config
from tieout.store.tables import connections, watermarks


def next_step(conn: Connection, config: Config) -> Mapping[str, Any] | None:
    """The first thing that is missing, as a code with the connections it is about; None once everything was read.

    no_connections: none is configured. refused: credentials are. first_read: a first pull has not come to its end, and
    `begun` says whether any has started.
    """
    if not config.connections:
        return {"code": "no_connections", "names": []}
    c, w = connections.c, watermarks.c
    dead = set(conn.execute(select(c.name).where(c.auth_state == "dead")).scalars())
    if refused := sorted(dead & config.connections.keys()):
        return {"code": "refused", "names": refused}
    done: dict[str, dict[str, bool]] = {}
    for row in conn.execute(select(w.connection, w.stream, w.first_completed_at)):
        done.setdefault(row.connection, {})[row.stream] = row.first_completed_at is not None
    readers = {name: one for name, one in config.connections.items() if one.vendor in vendors()}  # others only send
    unread = sorted(name for name, one in readers.items() if not _is_read(done.get(name, {}), one.streams))
    if not unread:
        return None
    return {"code": "first_read", "names": unread, "begun": any(name in done for name in config.connections)}


def _is_read(streams: Mapping[str, bool], wanted: Any) -> bool:
    """Whether every stream was read to its end once."""
    return bool(streams) and all(streams.values()) and all(streams.get(name, False) for name in wanted)
