"""After a restore: which messages may have been sent before it, by the database that was lost.

A mail server or a group robot cannot be asked. So what was unsent in the copy, and what is decided again that the lost
database could have decided too, is for a person to judge. It could, where an item came to its step before the day after
the restore and was in the books by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, exists, select

from sync.context import Context
from tieout.core.dates import business_on, parse_at, parse_on
from tieout.store import restored
from tieout.store.landing import chunks
from tieout.store.pushes import AGAIN_AT
from tieout.store.session import reading
from tieout.store.tables import documents, inputs, open_items, outbox

_o = outbox.c


def may_have_been_sent(ctx: Context, row_ids: Sequence[str]) -> set[str]:
    """Of these outbox rows those that may have been sent before the last restore; none where there was no restore.

    A row that a person said to send again since then is not among them.
    """
    out: set[str] = set()
    with reading(ctx.engine) as conn:
        at = restored.at(conn)
        if at is None:
            return out
        for part in chunks(list(row_ids)):
            query = select(_o.id, _o.created_at, _o.subject, _o.reason).where(_o.id.in_(part))
            rows = [dict(row) for row in conn.execute(query).mappings()]
            new = _new_items(conn, {item for row in rows for item in _reached(row)})
            out.update(row["id"] for row in rows if _may_be_old(ctx, row, at, new))
    return out


def _may_be_old(ctx: Context, row: Mapping[str, Any], at: datetime, new: set[str]) -> bool:
    reason = row["reason"] if isinstance(row["reason"], dict) else {}
    if AGAIN_AT in reason and parse_at(reason[AGAIN_AT]) > at:
        return False
    company = ctx.config.companies.get(str(row["subject"]).rpartition("|")[2])
    reached = _reached(row)
    if row["created_at"] <= at or company is None or not reached:
        return True
    day = business_on(at, company.timezone)
    return any(on <= day and item not in new for item, on in reached.items())


def _reached(row: Mapping[str, Any]) -> dict[str, date]:
    """The day on which each item that a message moves came to its step."""
    reason = row["reason"] if isinstance(row["reason"], dict) else {}
    return {str(item): parse_on(day) for item, day in reason.get("reached", {}).items()}


def _new_items(conn: Connection, items: set[str]) -> set[str]:
    """Those whose document was first read after every stream had been read since the restore."""
    seq = restored.read_seq(conn)
    if seq is None:
        return set()
    d, i = documents.c, inputs.c
    was_known = exists().where(
        i.connection == d.connection, i.stream == d.stream, i.external_id == d.record_id, i.seq <= seq
    )
    by_base: dict[str, set[str]] = {}
    for item in items:  # a part in dispute is named item#dispute
        by_base.setdefault(item.partition("#")[0], set()).add(item)
    out: set[str] = set()
    for part in chunks(sorted(by_base)):
        query = (
            select(open_items.c.id)
            .join(documents, d.id == open_items.c.document_id)
            .where(open_items.c.id.in_(part), ~was_known)
        )
        for base in conn.execute(query).scalars():
            out |= by_base[base]
    return out
