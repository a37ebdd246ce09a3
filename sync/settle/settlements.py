"""Allocations that do not count: once all that may still arrive has arrived, they are conflicts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from sync.fold.batch import Batch
from sync.fold.conflicts import ConflictCall, close_conflicts, open_conflicts
from tieout.core.money import format_minor
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.tables import allocations

_KIND = {"missing_document": "missing_reference"}
KINDS = ("payment_match", "missing_reference")


def settle_allocations(batch: Batch, ids: Sequence[str]) -> None:
    """Open a conflict per refused allocation, close those that count now or were undone at the source."""
    a = allocations.c
    calls: list[ConflictCall] = []
    causes: dict[str, str | None] = {}
    for part in chunks(ids):
        for row in batch.conn.execute(select(allocations).where(among(a.id, part)).order_by(a.id)).mappings():
            cause = f"{row['connection']}/allocation/{row['group_key']}"
            refusal = row["refusal"]
            causes[cause] = None
            if row["is_applied"] or refusal in (None, "undone"):
                continue
            kind = _KIND.get(refusal, "payment_match")
            causes[cause] = kind
            amount = format_minor(row["amount_minor"], row["currency"])
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
                    money_minor=row["amount_minor"],
                    blocks_balance=True,
                )
            )
    for kind in KINDS:
        close_conflicts(batch, kind, [c for c, wanted in causes.items() if wanted != kind], state="superseded")
    open_conflicts(batch, calls)
