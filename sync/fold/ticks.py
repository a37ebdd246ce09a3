"""Passing time is change too: a new business day touches exactly what said it would move on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select

from sync.fold.batch import Batch
from tieout.store.tables import decisions

# decision kind -> what is looked at again
_TOUCH = {"payment_status": "document", "credit": "customer", "reminder": "customer"}


def fold_ticks(batch: Batch, rows: Sequence[Mapping[str, Any]]) -> None:
    """Touch the subjects of standing decisions whose next change is due by the tick's date."""
    for row in rows:
        day = date.fromisoformat(row["body"]["on"])
        d = decisions.c
        found = batch.conn.execute(
            select(d.kind, d.subject, d.body).where(d.next_change_on <= day, d.is_current.is_(True))
        ).mappings()
        for decision in found:
            if decision["kind"] == "payment_status" and "/" in decision["subject"]:
                batch.touch("deal", [decision["subject"]])
            else:
                batch.touch(_TOUCH[decision["kind"]], [decision["subject"].split("|")[0]])
        batch.count("ticks")
