"""Allocations that do not count, and money of bills voided after they were paid: conflicts.

Judged once all that may still arrive has arrived.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from sync.fold.batch import Batch
from sync.fold.conflicts import ConflictCall, close_conflicts, open_conflicts
from tieout.core.money import format_minor
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.tables import allocations, documents

_KIND = {"missing_document": "missing_reference"}
KINDS = ("payment_match", "missing_reference")


def settle_allocations(batch: Batch, ids: Sequence[str]) -> None:
    """Open a conflict per refused allocation, close those that count now or were undone at the source."""
    a = allocations.c
    calls: list[ConflictCall] = []
    causes: dict[str, str | None] = {}
    stranded = _stranded(batch, ids)
    for part in chunks(ids):
        for row in batch.conn.execute(select(allocations).where(among(a.id, part)).order_by(a.id)).mappings():
            cause = f"{row['connection']}/allocation/{row['group_key']}"
            refusal = row["refusal"]
            causes[cause] = None
            amount_minor = row["amount_minor"]
            if refusal == "undone" and row["id"] in stranded:
                refusal, amount_minor = "bill_voided", stranded[row["id"]]
            if row["is_applied"] or refusal in (None, "undone"):
                continue
            kind = _KIND.get(refusal, "payment_match")
            causes[cause] = kind
            amount = format_minor(amount_minor, row["currency"])
            calls.append(
                ConflictCall(
                    kind=kind,
                    cause=cause,
                    connection=row["connection"],
                    stream="allocations",
                    external_id=row["group_key"],
                    title=f"{row['from_ref']} -> {row['to_ref']} {amount}: {refusal}",
                    evidence={
                        "from": row["from_ref"],
                        "to": row["to_ref"],
                        "from_document": row["from_document_id"],
                        "to_document": row["to_document_id"],
                        "refusal": refusal,
                        "effective_on": row["effective_on"].isoformat(),
                    },
                    currency=row["currency"],
                    money_minor=amount_minor,
                    blocks_balance=True,
                )
            )
    for kind in KINDS:
        close_conflicts(batch, kind, [c for c, wanted in causes.items() if wanted != kind], state="superseded")
    open_conflicts(batch, calls)


def _stranded(batch: Batch, ids: Sequence[str]) -> dict[str, int]:
    """Undone allocations to a void bill whose payment is still unapplied, with that money in minor units.

    A source releases a payment before it lets its bill be voided: the customer paid for something that is no more,
    and a person has to say for what the money is now. Of several allocations between two documents the last counts.
    """
    a = allocations.c
    source, target = documents.alias("source"), documents.alias("target")
    void: set[str] = set()
    for part in chunks(ids):
        void.update(
            batch.conn.execute(
                select(a.to_document_id)
                .join(target, target.c.id == a.to_document_id)
                .where(among(a.id, part), a.refusal == "undone", target.c.state == "void")
            ).scalars()
        )
    last: dict[tuple[str, str], tuple[str, str, int]] = {}
    for part in chunks(sorted(void)):
        found = batch.conn.execute(
            select(a.id, a.group_key, a.from_document_id, a.to_document_id, a.amount_minor, source.c.open_minor)
            .join(source, source.c.id == a.from_document_id)
            .where(
                among(a.to_document_id, part),
                a.refusal == "undone",
                source.c.kind == "payment",
                source.c.state == "posted",
                source.c.open_minor < 0,
            )
        )
        for row in found:
            pair = (row.from_document_id, row.to_document_id)
            held = (row.group_key, row.id, min(row.amount_minor, -row.open_minor))
            last[pair] = max(last.get(pair, held), held)
    return {row_id: money for _, row_id, money in last.values()}
