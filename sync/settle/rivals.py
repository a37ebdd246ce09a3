"""Who else bears a name or domain, from the stored counts: what identity calls contested."""

from __future__ import annotations

from collections.abc import Collection

from mapping.identity.rivals import noted
from sync.fold.batch import Batch
from tieout.store.queries.blocks import bearers_of


def notes(batch: Batch, members: Collection[str]) -> dict[str, frozenset[str]]:
    """By member: whether several legal persons (valid tax ids) of the customer base share its name, brand or domain."""
    return noted(bearers_of(batch.conn, members))
