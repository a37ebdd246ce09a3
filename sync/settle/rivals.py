"""Who else bears a name or domain, from the stored keys: what identity calls contested."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select

from mapping.identity.facts import PartyFacts
from mapping.identity.keys import keys_of
from mapping.identity.rivals import SHARED_KINDS, noted
from sync.fold.batch import Batch
from tieout.store.landing import chunks
from tieout.store.tables import party_keys


def notes(batch: Batch, known: Mapping[str, PartyFacts]) -> dict[str, frozenset[str]]:
    """By record: whether several legal persons (valid tax ids) of the customer base share its brand or domain."""
    mine = {ref: [(key.kind, key.value) for key in keys_of(one)] for ref, one in known.items()}
    asked: dict[str, set[str]] = {}
    for keys in mine.values():
        for kind, value in keys:
            asked.setdefault(kind, set()).add(value)
    shared, taxed = party_keys.alias(), party_keys.alias()
    counts: dict[tuple[str, str], int] = {}
    for kind in SHARED_KINDS:
        for part in chunks(sorted(asked.get(kind, ()))):
            statement = (
                select(shared.c.value, func.count(taxed.c.value.distinct()))
                .select_from(shared.join(taxed, (taxed.c.member == shared.c.member) & (taxed.c.kind == "tax")))
                .where(shared.c.kind == kind, shared.c.value.in_(part))
                .group_by(shared.c.value)
            )
            counts.update({(kind, value): int(number) for value, number in batch.conn.execute(statement)})
    return noted(mine, counts)
