"""Passing time is change too: a new business day touches exactly what said it would move on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select

from sync.fold.batch import Batch
from tieout.store.tables import conflicts, decisions


def fold_ticks(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Touch the subjects of standing decisions whose next change is due by the tick's date, and open questions."""
    for row in rows:
        day, company = date.fromisoformat(row["body"]["on"]), row["body"]["company"]
        d = decisions.c
        found = batch.conn.execute(
            select(d.kind, d.subject).where(d.next_change_on <= day, d.is_current.is_(True), d.company_id == company)
        ).mappings()
        for decision in found:
            subject = decision["subject"]
            if decision["kind"] == "payment_status" and "|" not in subject:
                batch.touch("deal" if "/deal:" in subject else "document", [subject])
            else:  # customer|company of credit, customer|company|currency of statuses and reminders
                batch.touch("customer", ["|".join(subject.split("|")[:2])])
        batch.count("ticks")
    if rows:  # the money at stake in a question moves with the books: once a day is often enough
        c = conflicts.c
        batch.touch(
            "party", batch.conn.execute(select(c.cause).where(c.state == "open", c.kind == "identity")).scalars()
        )
