"""Links: applied allocations without an entry, kept with the batches between which each stood.

A credit note against an invoice of its own account moves nothing in the journal; what was open of either on a day, as
known at a point, is told by these rows. They are closed and made anew, never changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any, Self

from sqlalchemy import bindparam, select, update

from sync.fold.batch import Batch
from tieout.ledger.allocation import AllocationFact
from tieout.store.among import among_given
from tieout.store.bulk import put_rows
from tieout.store.landing import chunks
from tieout.store.tables import links

_k = links.c
_STANDING = select(links).where(among_given(_k.allocation_id, "ids"), _k.to_seq.is_(None))
_CLOSE = (
    update(links).where(among_given(_k.allocation_id, "ids"), _k.to_seq.is_(None)).values(to_seq=bindparam("until"))
)


@dataclass(frozen=True, slots=True)
class Link:
    """What an allocation moves from one document to another; without documents: it moves nothing any more."""

    allocation_id: str
    from_document_id: str = ""
    to_document_id: str = ""
    to_line: str = ""
    amount_minor: int = 0
    effective_on: date | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any], fact: AllocationFact) -> Self:
        return cls(
            row["id"],
            fact.from_document_id,
            fact.to_document_id,
            fact.to_line,
            fact.amount_minor,
            fact.effective_on,
        )


def put_links(batch: Batch, wanted: Sequence[Link]) -> None:
    """Close the links that stand and are no longer so, open those that are new."""
    for part in chunks(wanted):
        held = {
            row.allocation_id: Link(
                row.allocation_id, row.from_document_id, row.to_document_id, row.to_line, row.amount_minor,
                row.effective_on,
            )
            for row in batch.conn.execute(_STANDING, {"ids": [one.allocation_id for one in part]})
        }  # fmt: skip
        moved = [one for one in part if held.get(one.allocation_id, Link(one.allocation_id)) != one]
        gone = [one.allocation_id for one in moved if one.allocation_id in held]
        if gone:
            batch.conn.execute(_CLOSE, {"ids": gone, "until": batch.mark_seq})
        names = list(Link.__slots__)
        fresh = [dict(zip(names, astuple(one), strict=True)) for one in moved if one.from_document_id]
        # Decided twice in one batch: the row of the batch is the later decision.
        put_rows(batch.conn, links, [{**row, "from_seq": batch.mark_seq, "to_seq": None} for row in fresh])
