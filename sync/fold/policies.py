"""Activated dunning policies: an input of their own, so that every decision can be made again under its policy (D1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select, update

from sync.fold.batch import Batch
from tieout.store.tables import decisions, dunning_policies


def fold_policies(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> None:
    """The newest activation of a company is in force; everyone it may concern is decided again."""
    for row in rows:
        body = row["body"]
        p, d = dunning_policies.c, decisions.c
        batch.conn.execute(
            update(dunning_policies).where(p.company_id == body["company"], p.is_active).values(is_active=False)
        )
        batch.conn.execute(
            insert(dunning_policies).values(
                seq=row["seq"],
                company_id=body["company"],
                name=body["policy"],
                version=body["version"],
                text=body["text"],
                actor=row["actor"] or "",
                at=row["at"],
                is_active=True,
            )
        )
        subjects = batch.conn.execute(
            select(d.subject).where(
                d.kind == "reminder", d.company_id == body["company"], d.is_current, d.value != "settled"
            )
        ).scalars()
        batch.touch("customer", {"|".join(subject.split("|")[:2]) for subject in subjects})
        batch.count("policies")
