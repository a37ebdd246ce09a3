"""Who else bears a name or domain, from the stored keys: what identity calls contested."""

from __future__ import annotations

from collections.abc import Mapping

from mapping.identity.facts import PartyFacts
from mapping.identity.keys import keys_of
from mapping.identity.rivals import SHARED_KINDS, noted
from sync.fold.batch import Batch
from tieout.store.queries.parties import legal_persons


def notes(batch: Batch, known: Mapping[str, PartyFacts]) -> dict[str, frozenset[str]]:
    """By record: whether several legal persons (valid tax ids) of the customer base share its brand or domain."""
    mine = {ref: [(key.kind, key.value) for key in keys_of(one)] for ref, one in known.items()}
    asked: dict[str, set[str]] = {kind: set() for kind in SHARED_KINDS}
    for keys in mine.values():
        for kind, value in keys:
            if kind in asked:
                asked[kind].add(value)
    return noted(mine, legal_persons(batch.conn, asked))
