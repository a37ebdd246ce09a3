"""What waits in the outbox as the fold of a batch finds it: kept with the batch's mark, for a rebuild to find the same.

Senders and people move messages between batches (sent, tried, refused, sent again, cancelled); whether one may still be
taken back decides on what is asked for next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, select, update

from tieout.store.among import among_given
from tieout.store.landing import chunks
from tieout.store.outbox import OPEN
from tieout.store.session import lock_rows
from tieout.store.tables import dirty, outbox

Noted = Sequence[Sequence[Any]]  # [row, state, attempts]
_MESSAGES = (
    select(
        outbox.c.id,
        outbox.c.subject,
        outbox.c.event_key,
        outbox.c.reason,
        outbox.c.state,
        outbox.c.attempts,
        outbox.c.connection,
        outbox.c.parent_id,
    )
    .where(among_given(outbox.c.subject, "subjects"), outbox.c.event_key.is_not(None))
    .order_by(outbox.c.id)
)
_NEXT = (
    select(dirty.c.key).where(dirty.c.kind == "customer").order_by(dirty.c.key).limit(bindparam("most", type_=Integer))
)


def message_rows(conn: Connection, subjects: Sequence[str]) -> list[Mapping[Any, Any]]:
    """Every row of a message of which some row is still open, by the `customer|company` it is about."""
    out: list[Mapping[Any, Any]] = []
    for part in chunks(sorted(subjects)):
        rows = conn.execute(_MESSAGES, {"subjects": part}).mappings().all()
        live = {message_of(row) for row in rows if row["state"] in OPEN}
        out += [row for row in rows if message_of(row) in live]
    return out


def message_of(row: Mapping[Any, Any]) -> tuple[str, str]:
    """Whom a row is about and the key of its message, the same for all its channels."""
    return row["subject"], row["reason"].get("key") or row["event_key"]


def note_messages(conn: Connection, limit: int) -> list[list[Any]]:
    """The messages that the next batch of customers will look at; no sender takes one until the transaction ends."""
    o = outbox.c
    subjects = _next_subjects(conn, limit)
    if lock_rows(conn):
        for part in chunks(subjects):
            conn.execute(
                select(o.id)
                .where(o.subject.in_(part), o.event_key.is_not(None), o.state.in_(OPEN))
                .order_by(o.id)
                .with_for_update()
            ).all()
    return [[row["id"], row["state"], row["attempts"]] for row in message_rows(conn, subjects)]


def recall_messages(conn: Connection, limit: int, noted: Noted) -> None:
    """Put the messages of the next batch of customers back into the states they were noted in."""
    o = outbox.c
    known = {row_id for row_id, _, _ in noted}
    for row_id, state, attempts in noted:
        conn.execute(update(outbox).where(o.id == row_id).values(state=state, attempts=attempts))
    for row_id in _open_rows(conn, _next_subjects(conn, limit)):
        if row_id not in known:  # sent, refused or cancelled by then: nothing of its message was open any more
            conn.execute(update(outbox).where(o.id == row_id).values(state="done"))


def _next_subjects(conn: Connection, limit: int) -> list[str]:
    return list(conn.execute(_NEXT, {"most": limit}).scalars())


def _open_rows(conn: Connection, subjects: Sequence[str]) -> Iterator[str]:
    for row in message_rows(conn, subjects):
        if row["state"] in OPEN:
            yield row["id"]
