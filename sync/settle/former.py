"""Where accounts stood before: what was said of them there goes with them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from sync.fold.batch import Batch
from sync.settle.positions import Position
from tieout.store.among import among_given
from tieout.store.tables import memberships

# Every customer a member ever stood in.
_HOMES = (
    select(memberships.c.member, memberships.c.customer_id)
    .where(among_given(memberships.c.member, "members"))
    .distinct()
    .order_by(memberships.c.member, memberships.c.customer_id)
)


def former_homes(batch: Batch, positions: Sequence[Position]) -> dict[str, list[str]]:
    """`customer|company` of other customers in which accounts of a position stood."""
    owner = {account: position for position in positions for account in position.accounts}
    found: dict[str, set[str]] = {position.key: set() for position in positions}
    for member, customer in batch.conn.execute(_HOMES, {"members": sorted(owner)}):
        position = owner[member]
        if customer != position.customer:
            found[position.key].add(f"{customer}|{position.company}")
    return {key: sorted(homes) for key, homes in found.items()}
