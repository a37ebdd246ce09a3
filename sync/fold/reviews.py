"""A monthly review folds its yardstick; everybody's grade is judged by it from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select

from sync.fold.batch import Batch
from tieout.store.tables import decisions, yardsticks
from tieout.store.upsert import upsert


def fold_reviews(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Store the yardstick and look at every customer of the company again."""
    d = decisions.c
    for row in rows:
        body = row["body"]
        taken = {
            "company_id": body["company"],
            "review_on": date.fromisoformat(body["review_on"]),
            "body": {"billing": body["billing"]},
            "seq": row["seq"],
        }
        upsert(batch.conn, yardsticks, [taken])
        standing = select(d.subject).where(d.kind == "credit", d.is_current.is_(True), d.company_id == body["company"])
        batch.touch("customer", batch.conn.execute(standing).scalars())
