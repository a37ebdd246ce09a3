"""A monthly review folds its yardstick; everybody's grade is judged by it from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sync.fold.batch import Batch
from sync.fold.credit import touch_company
from tieout.store.tables import yardsticks
from tieout.store.upsert import upsert


def fold_reviews(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Store the yardstick and look at every customer of the company again."""
    for row in rows:
        body = row["body"]
        taken = {
            "company_id": body["company"],
            "review_on": date.fromisoformat(body["review_on"]),
            "body": {"billing": body["billing"]},
            "seq": row["seq"],
        }
        upsert(batch.conn, yardsticks, [taken])
        touch_company(batch, body["company"])
