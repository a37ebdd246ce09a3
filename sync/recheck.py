"""The last look before a reminder leaves: does the ledger still say what the message says?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from sync.context import Context
from tieout.store.landing import chunks
from tieout.store.session import reading
from tieout.store.tables import open_items, outbox, pending

HOLD = timedelta(seconds=10)  # for apply to take the message back, or to find that it stands


def overtaken(ctx: Context, row_ids: Sequence[str]) -> set[str]:
    """Reminders among these outbox rows that must not leave now.

    Something landed that is not applied yet (it may be the payment), or less is open than the message asks for.
    """
    out: set[str] = set()
    asked: dict[str, dict[str, int]] = {}
    with reading(ctx.engine) as conn:
        for part in chunks(list(row_ids)):
            for row_id, reason in conn.execute(select(outbox.c.id, outbox.c.reason).where(outbox.c.id.in_(part))):
                if isinstance(reason, dict) and reason.get("kind") == "reminder":
                    sums = asked.setdefault(row_id, {})
                    for item, amount in reason.get("items", []):
                        base = str(item).partition("#")[0]
                        sums[base] = sums.get(base, 0) + amount
        if not asked:
            return out
        if conn.execute(select(pending.c.seq).limit(1)).first() is not None:
            return set(asked)
        items = sorted({item for sums in asked.values() for item in sums})
        is_open: dict[str, int] = {}
        for part in chunks(items):
            found = select(open_items.c.id, open_items.c.open_minor).where(open_items.c.id.in_(part))
            is_open.update(conn.execute(found).all())
    for row_id, sums in asked.items():
        if any(is_open.get(item, 0) < amount for item, amount in sums.items()):
            out.add(row_id)
    return out
