"""Settle one stage: the dirty keys of one kind, in the order in which later stages depend on earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Integer, bindparam, delete, select

from sync.fold.batch import Batch
from sync.fold.openings import open_documents
from sync.settle import relations
from sync.settle.binding import settle_claims
from sync.settle.customers import decide_customers
from sync.settle.effects import intend_pushes
from sync.settle.parties import settle_accounts, settle_parties
from sync.settle.settlements import settle_allocations
from sync.settle.statuses import decide_deals, decide_documents
from tieout.store.among import among_given
from tieout.store.landing import chunks
from tieout.store.queries.openings import OPENING
from tieout.store.tables import dirty

_d = dirty.c
_FIRST = select(_d.key).where(_d.kind == bindparam("of")).order_by(_d.key).limit(bindparam("most", type_=Integer))
_TAKE = delete(dirty).where(_d.kind == bindparam("of"), among_given(_d.key, "keys"))
_WORK: dict[str, Callable[[Batch, Sequence[str]], None]] = {
    OPENING: open_documents,  # not one of the stages: it is done before anything else is folded or settled
    "account": settle_accounts,
    "party": settle_parties,
    relations.STAGE: relations.settle_relations,
    "allocation": settle_allocations,
    "claim": settle_claims,
    "document": decide_documents,
    "deal": decide_deals,
    "customer": decide_customers,
    "push": intend_pushes,
}
STAGES = tuple(stage for stage in _WORK if stage != OPENING)


def settle(batch: Batch, stage: str, limit: int) -> int:
    """Settle up to `limit` dirty keys of a stage, lowest first; answers how many."""
    keys = list(batch.conn.execute(_FIRST, {"of": stage, "most": limit}).scalars())
    if not keys:
        return 0
    for part in chunks(keys):
        batch.conn.execute(_TAKE, {"of": stage, "keys": part})
    _WORK[stage](batch, keys)
    if stage in ("account", "party"):
        relations.mark_related(batch, keys)
    return len(keys)
