"""Messages that wait in the outbox: counted, and taken back when what they ask for was paid, disputed or promised."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import update

from sync.fold.batch import Batch
from sync.settle.decisions import Verdict, put
from sync.settle.positions import Position
from sync.settle.waiting import message_of, message_rows
from tieout.receivables.status import Reason
from tieout.store.landing import chunks
from tieout.store.outbox import OPEN
from tieout.store.tables import outbox

WITHDRAWAL_VERSION = "reminder-withdrawal-2"
Claims = Mapping[str, tuple[str, int]]


def waiting_of(batch: Batch, positions: Sequence[Position]) -> set[str]:
    """Subjects (`customer|company|currency`) with a message that is still to be sent and needs nobody's approval."""
    return {
        f"{row['subject']}|{row['reason'].get('currency', '')}"
        for row in _rows(batch, positions)
        if row["state"] in OPEN and not row["reason"].get("needs_approval")
    }


def withdraw(
    batch: Batch,
    positions: Sequence[Position],
    members: Mapping[str, Sequence[str]],
    claims: Callable[[Position], Claims],
) -> None:
    """Take back what asks for more than may be asked for now, and what would be written to a record that left.

    `members` by customer; `claims` of a position: (currency, minor units) a part.
    A message of which one channel has gone out stays sent; its other channels are only stopped.
    """
    by_message: dict[tuple[str, str], list[Mapping[Any, Any]]] = {}
    for row in _rows(batch, positions):
        by_message.setdefault(message_of(row), []).append(row)
    owners = {position.key: position for position in positions}
    for (subject, key), rows in sorted(by_message.items()):
        position, reason = owners[subject], rows[0]["reason"]
        currency, asked = reason.get("currency", ""), dict(tuple(pair) for pair in reason.get("items", []))
        claimed = claims(position)
        now = {item: claimed.get(item, ("", 0))[1] for item in asked}
        credits = -(position.unapplied_minor.get(currency, 0) + position.credits_minor.get(currency, 0))
        waiting = [row for row in rows if row["state"] in OPEN]  # tried and refused, or not there on a look: not sent
        stands = all(now[item] >= amount for item, amount in asked.items()) and sum(asked.values()) > credits
        is_home = all(_is_home(row, members.get(position.customer, ())) for row in waiting)
        if (stands and is_home) or not waiting:
            continue
        for part in chunks([row["id"] for row in waiting]):
            batch.conn.execute(
                update(outbox)
                .where(outbox.c.id.in_(part))
                .values(
                    state="cancelled",
                    updated_at=batch.now,
                    error_code="cancelled",
                    error="settled" if not stands else "record_left",
                )
            )
        batch.count("reminders_withdrawn")
        if any(row["state"] not in (*OPEN, "cancelled") for row in rows):
            continue
        verdict = Verdict(
            subject=f"{subject}|{currency}",
            company=position.company,
            value="withdrawn",
            body={"key": key, "items": [list(pair) for pair in sorted(asked.items())]},
            reasons=[Reason("settled" if not stands else "record_left")],
            inputs={"open": now, "credits_minor": credits},
            rule_version=WITHDRAWAL_VERSION,
            effective_on=batch.on[position.company],
            next_change_on=None,
        )
        put(batch, "reminder", [verdict])


def _is_home(row: Mapping[Any, Any], members: Sequence[str]) -> bool:
    """Whether the record that a message hangs on belongs to the customer; most channels hang on none."""
    if not row["parent_id"]:
        return True
    return any("/" in one and one.split("/", 2)[::2] == [row["connection"], row["parent_id"]] for one in members)


def _rows(batch: Batch, positions: Sequence[Position]) -> list[Mapping[Any, Any]]:
    return message_rows(batch.conn, sorted({position.key for position in positions}))
