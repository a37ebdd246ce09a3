"""Message texts of users: put in force and taken out by inputs of their own, so that each has a version and an author.

They decide words, never whether somebody is written to: nothing is decided anew. What waits to be sent keeps its words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, update

from sync.fold.batch import Batch
from tieout.store.tables import dunning_texts

USE, DROP = "use", "drop"


def fold_texts(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Of one company, slot, language and channel the newest text is in force; dropped, the shipped words are."""
    t = dunning_texts.c
    for row in rows:
        body = row["body"]
        place = {"company_id": body["company"], **{name: body[name] for name in ("slot", "language", "channel")}}
        batch.conn.execute(
            update(dunning_texts)
            .where(t.is_active, *(t[name] == value for name, value in place.items()))
            .values(is_active=False, ended_by=row["actor"] or "", ended_at=row["at"])
        )
        if body["do"] == USE:
            batch.conn.execute(
                insert(dunning_texts).values(
                    seq=row["seq"],
                    **place,
                    version=body["version"],
                    text=body["text"],
                    note=body.get("note", ""),
                    actor=row["actor"] or "",
                    at=row["at"],
                    is_active=True,
                )
            )
        batch.count("texts")
