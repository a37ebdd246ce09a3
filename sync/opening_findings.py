"""What `tieout check` and `tieout doctor` say of `start_on`: where the books begin, and what lies before it."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from sync.context import Context
from sync.fold.batch import business_dates
from sync.fold.parties import books_of
from sync.openings import HOLD, is_book, start_on
from tieout.core.ports import Finding
from tieout.store.migrate import current as schema
from tieout.store.migrate import head
from tieout.store.queries import openings
from tieout.store.session import reading
from tieout.store.tables import documents, meta, opening_items

CODE = "start_on"


def start_findings(ctx: Context, name: str) -> list[Finding]:
    """Nothing where no beginning is configured and none is in force."""
    day = start_on(ctx, name)
    if not is_book(ctx, name):
        why = f"{name}: start_on has no effect here: only a book of record posts, claims need no opening"
        return [Finding("warning", CODE, why)] if day is not None else []
    if schema(ctx.engine) != head():
        return []
    with reading(ctx.engine) as conn:
        row = openings.current(conn).get(name)
        stands = row["start_on"] if row is not None else None
        if day is None and stands is None:
            return []
        is_held = conn.execute(select(meta.c.key).where(meta.c.key == f"{HOLD}{name}")).first() is not None
        today = min(business_dates(ctx.config, ctx.clock.now())[company] for company in books_of(ctx.config, name))
        if day is not None and day > today:
            until = f"the books begin on {stands}" if stands else "the whole history is posted"
            return [Finding("warning", CODE, f"{name}: start_on {day} has not come yet: until then {until}")]
        if is_held:
            return [Finding("ok", CODE, f"{name}: {_waiting(conn, name)} until the first reads have ended")]
        if day != stands:
            return [_pending(conn, name, stands, day)]
        return [Finding("ok", CODE, f"{name}: {_in_force(conn, name, day)}")]


def _waiting(conn: Connection, name: str) -> str:
    return f"{_kept(conn, name, False)} documents from before start_on wait without entry"


def _pending(conn: Connection, name: str, stands: date | None, day: date | None) -> Finding:
    last = max(one for one in (stands, day) if one is not None)
    d = documents.c
    count = conn.execute(
        select(func.count()).where(d.connection == name, d.state == "posted", d.issue_on < last)
    ).scalar_one()
    then = f"begin on {day}" if day else "have no beginning"
    return Finding(
        "warning",
        CODE,
        f"{name}: from the next apply on the books {then}: {count} documents before {last} are posted anew",
        "Take start_on back if that was not meant.",
    )


def _in_force(conn: Connection, name: str, day: Any) -> str:
    count, still_open = _kept(conn, name, False), _kept(conn, name, True)
    return (
        f"the books begin on {day}: {count} documents before it, {still_open} of them opening items, the rest history"
    )


def _kept(conn: Connection, name: str, only_open: bool) -> int:
    d, o = documents.c, opening_items.c
    query = select(func.count()).select_from(documents).join(opening_items, o.document_id == d.id)
    query = query.where(d.connection == name)
    return int(conn.execute(query.where(o.amount_minor != 0) if only_open else query).scalar_one())
