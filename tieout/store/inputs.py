"""What enters the input log from within: answers, cases, terms, rates, texts, rules, ticks, activations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tieout.store.landing import append_inputs


def append_input(
    conn: Connection,
    kind: str,
    at: datetime,
    body: Mapping[str, Any],
    *,
    actor: str | None = None,
    connection: str | None = None,
    stream: str | None = None,
) -> int:
    """Put one statement of our own, which no vendor's record stands behind, into the input log; answers its seq."""
    row = {
        "kind": kind,
        "at": at,
        "actor": actor,
        "connection": connection,
        "stream": stream,
        "is_deleted": False,
        "is_current": False,
        "body": dict(body),
    }
    return append_inputs(conn, [row])[0]
