"""What is still open: items and documents recomputed from the allocations that count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import bindparam, func, select, update

from sync.fold.batch import Batch
from tieout.store.among import among_given
from tieout.store.landing import chunks
from tieout.store.tables import allocation_lines, allocations, documents, open_items

CREDITS = ("payment", "credit_note")
_d, _o, _a, _line, _source = documents.c, open_items.c, allocations.c, allocation_lines.c, documents.alias("source")
_DOCUMENTS = select(_d.id, _d.kind, _d.total_minor, _d.state, _d.open_minor, _d.last_payment_on).where(
    among_given(_d.id, "ids")
)
_USED = (
    select(_a.from_document_id, func.sum(_a.amount_minor))
    .where(among_given(_a.from_document_id, "ids"), _a.is_applied.is_(True))
    .group_by(_a.from_document_id)
)
_APPLIED = (
    select(_a.to_document_id, _a.amount_minor, _a.effective_on, _source.c.kind, _source.c.issue_on)
    .join(_source, _source.c.id == _a.from_document_id)
    .where(among_given(_a.to_document_id, "ids"), _a.is_applied.is_(True))
)
_ON_ITEMS = (
    select(_line.item_id, func.sum(_line.amount_minor))
    .join(open_items, _o.id == _line.item_id)
    .where(among_given(_o.document_id, "ids"))
    .group_by(_line.item_id)
)
_ITEMS = select(_o.id, _o.document_id, _o.original_minor, _o.open_minor).where(among_given(_o.document_id, "ids"))
_SET_ITEM = update(open_items).where(_o.id == bindparam("b_id")).values(open_minor=bindparam("b_open"))
_SET_DOCUMENT = (
    update(documents)
    .where(_d.id == bindparam("b_id"))
    .values(open_minor=bindparam("b_open"), last_payment_on=bindparam("b_last"))
)


def recompute(batch: Batch, ids: Sequence[str]) -> None:
    """Open amounts of these documents: original less applied, by item; a payment's open amount is unapplied cash."""
    for part in chunks(ids):
        _recompute(batch, part)


def _recompute(batch: Batch, ids: Sequence[str]) -> None:
    conn, given = batch.conn, {"ids": ids}
    docs = {row["id"]: row for row in conn.execute(_DOCUMENTS, given).mappings()}
    used: dict[str, int] = {key: int(total) for key, total in conn.execute(_USED, given)}
    paid: dict[str, int] = {}
    last: dict[str, date] = {}
    for applied in conn.execute(_APPLIED, given):
        key = applied.to_document_id
        paid[key] = paid.get(key, 0) + applied.amount_minor
        if applied.kind == "payment":
            # The customer paid on the day of the receipt, whenever it was matched.
            last[key] = max(last.get(key, applied.issue_on), applied.issue_on)
    on_item: dict[str, int] = {key: int(total) for key, total in conn.execute(_ON_ITEMS, given)}
    item_rows: list[dict[str, Any]] = []
    for row in conn.execute(_ITEMS, given).mappings():
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
        conn.execute(_SET_ITEM, item_rows)
    if doc_rows:
        conn.execute(_SET_DOCUMENT, doc_rows)
