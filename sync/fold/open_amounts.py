"""What is still open: items and documents recomputed from the allocations that count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import bindparam, func, select, update

from sync.fold.batch import Batch
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.tables import allocation_lines, allocations, documents, open_items

CREDITS = ("payment", "credit_note")


def recompute(batch: Batch, ids: Sequence[str]) -> None:
    """Open amounts of these documents: original less applied, by item; a payment's open amount is unapplied cash."""
    for part in chunks(ids):
        _recompute(batch, part)


def _recompute(batch: Batch, ids: Sequence[str]) -> None:
    conn, d, o, a, line = batch.conn, documents.c, open_items.c, allocations.c, allocation_lines.c
    docs = {
        row["id"]: row
        for row in conn.execute(
            select(d.id, d.kind, d.total_minor, d.state, d.open_minor, d.last_payment_on).where(among(d.id, ids))
        ).mappings()
    }
    used: dict[str, int] = {
        key: int(total)
        for key, total in conn.execute(
            select(a.from_document_id, func.sum(a.amount_minor))
            .where(among(a.from_document_id, ids), a.is_applied.is_(True))
            .group_by(a.from_document_id)
        )
    }
    paid: dict[str, int] = {}
    last: dict[str, date] = {}
    source = documents.alias("source")
    for applied in conn.execute(
        select(a.to_document_id, a.amount_minor, a.effective_on, source.c.kind, source.c.issue_on)
        .join(source, source.c.id == a.from_document_id)
        .where(among(a.to_document_id, ids), a.is_applied.is_(True))
    ):
        key = applied.to_document_id
        paid[key] = paid.get(key, 0) + applied.amount_minor
        if applied.kind == "payment":
            # The customer paid on the day of the receipt, whenever it was matched.
            last[key] = max(last.get(key, applied.issue_on), applied.issue_on)
    on_item: dict[str, int] = {
        key: int(total)
        for key, total in conn.execute(
            select(line.item_id, func.sum(line.amount_minor))
            .join(open_items, o.id == line.item_id)
            .where(among(o.document_id, ids))
            .group_by(line.item_id)
        )
    }
    item_rows: list[dict[str, Any]] = []
    for row in conn.execute(
        select(o.id, o.document_id, o.original_minor, o.open_minor).where(among(o.document_id, ids))
    ).mappings():
        if docs[row["document_id"]]["kind"] == "credit_note":
            left = row["original_minor"] + used.get(row["document_id"], 0)
        else:
            left = row["original_minor"] - on_item.get(row["id"], 0)
        if left != row["open_minor"]:
            item_rows.append({"b_id": row["id"], "b_open": left})
    doc_rows: list[dict[str, Any]] = []
    for key, doc in docs.items():
        if doc["state"] != "posted":
            left = 0
        elif doc["kind"] in CREDITS:
            left = doc["total_minor"] + used.get(key, 0)
        else:
            left = doc["total_minor"] - paid.get(key, 0)
        if left != doc["open_minor"] or last.get(key) != doc["last_payment_on"]:
            doc_rows.append({"b_id": key, "b_open": left, "b_last": last.get(key)})
    if item_rows:
        conn.execute(
            update(open_items).where(o.id == bindparam("b_id")).values(open_minor=bindparam("b_open")), item_rows
        )
    if doc_rows:
        conn.execute(
            update(documents)
            .where(d.id == bindparam("b_id"))
            .values(open_minor=bindparam("b_open"), last_payment_on=bindparam("b_last")),
            doc_rows,
        )
