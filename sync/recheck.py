"""The last look before a reminder leaves: does the ledger still say what the message says?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from sync.context import Context
from tieout.store.landing import chunks
from tieout.store.session import reading
from tieout.store.tables import open_items, outbox, pending

HOLD = timedelta(seconds=10)  # for apply to take the message back, or to find that it stands


@dataclass
class Overtaken:
    """Reminders that must not leave now, and whose customers (`customer|company`) have to be decided again for it."""

    held: set[str] = field(default_factory=set)
    undecided: set[str] = field(default_factory=set)


def overtaken(ctx: Context, row_ids: Sequence[str]) -> Overtaken:
    """Reminders among these outbox rows that must not leave now.

    Something landed that is not applied yet (it may be the payment), or less is open than the message asks for. The
    second kind was being sent while its customer was decided, so that nobody could take it back then.
    """
    out = Overtaken()
    asked: dict[str, dict[str, int]] = {}
    subjects: dict[str, str] = {}
    o = outbox.c
    with reading(ctx.engine) as conn:
        for part in chunks(list(row_ids)):
            for row_id, reason, subject in conn.execute(select(o.id, o.reason, o.subject).where(o.id.in_(part))):
                if isinstance(reason, dict) and reason.get("kind") == "reminder":
                    subjects[row_id] = subject
                    sums = asked.setdefault(row_id, {})
                    for item, amount in reason.get("items", []):
                        base = str(item).partition("#")[0]
                        sums[base] = sums.get(base, 0) + amount
        if not asked:
            return out
        if conn.execute(select(pending.c.seq).limit(1)).first() is not None:
            out.held.update(asked)
            return out
        items = sorted({item for sums in asked.values() for item in sums})
        is_open: dict[str, int] = {}
        for part in chunks(items):
            found = select(open_items.c.id, open_items.c.open_minor).where(open_items.c.id.in_(part))
            is_open.update(conn.execute(found).all())
    for row_id, sums in asked.items():
        if any(is_open.get(item, 0) < amount for item, amount in sums.items()):
            out.held.add(row_id)
            out.undecided.add(subjects[row_id])
    return out
