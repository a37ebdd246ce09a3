"""Opening and closing conflicts in sets: one open conflict per kind and cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select, update

from sync.fold.batch import Batch
from tieout.core.exact_json import canonical
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.tables import conflicts


@dataclass(frozen=True, slots=True)
class ConflictCall:
    """What the machine cannot decide safely, with its evidence and the money at stake."""

    kind: str
    cause: str
    connection: str | None
    stream: str | None
    external_id: str | None
    title: str
    evidence: dict[str, Any]
    suggestions: list[dict[str, Any]] = field(default_factory=list)
    currency: str | None = None
    money_minor: int = 0
    blocks_balance: bool = False


def open_conflicts(batch: Batch, calls: Sequence[ConflictCall]) -> None:
    """Open each call unless its conflict is open already; then its evidence is brought up to date.

    What a person left as it is stays left while the facts are those the person saw.
    """
    if not calls:
        return
    by_key = {(call.kind, call.cause): call for call in calls}
    held: dict[tuple[str, str], Any] = {}
    for kind in sorted({call.kind for call in calls}):
        causes = [call.cause for call in by_key.values() if call.kind == kind]
        for part in chunks(causes):
            c = conflicts.c
            for row in batch.conn.execute(
                select(c.id, c.kind, c.cause, c.title, c.evidence, c.suggestions, c.currency, c.money_minor).where(
                    c.state == "open", c.kind == kind, among(c.cause, part)
                )
            ).mappings():
                held[row["kind"], row["cause"]] = row
    left = _left(batch, [call for key, call in by_key.items() if key not in held])
    fresh: list[dict[str, Any]] = []
    for key, call in sorted(by_key.items()):
        values = {
            "title": call.title,
            "evidence": call.evidence,
            "suggestions": call.suggestions,
            "currency": call.currency,
            "money_minor": call.money_minor,
            "blocks_balance": call.blocks_balance,
        }
        known = held.get(key)
        if known is None:
            if _facts(call.evidence, call.money_minor) in left.get(key, ()):
                continue
            fresh.append(
                {
                    "id": batch.ids.new("cfl"),
                    "kind": call.kind,
                    "cause": call.cause,
                    "connection": call.connection,
                    "stream": call.stream,
                    "external_id": call.external_id,
                    "state": "open",
                    "opened_at": batch.now,
                    **values,
                }
            )
        elif canonical([known["evidence"], known["suggestions"], known["money_minor"], known["title"]]) != canonical(
            [call.evidence, call.suggestions, call.money_minor, call.title]
        ):
            batch.conn.execute(update(conflicts).where(conflicts.c.id == known["id"]).values(**values))
    for part in chunks(fresh):
        batch.conn.execute(insert(conflicts), list(part))
    batch.count("conflicts_opened", len(fresh))


def _facts(evidence: Any, money_minor: int) -> bytes:
    return canonical([evidence, money_minor])


def _left(batch: Batch, calls: Sequence[ConflictCall]) -> dict[tuple[str, str], set[bytes]]:
    """The facts of each of these causes that a person has seen and left as they are."""
    out: dict[tuple[str, str], set[bytes]] = {}
    c = conflicts.c
    for kind in sorted({call.kind for call in calls}):
        for part in chunks([call.cause for call in calls if call.kind == kind]):
            for row in batch.conn.execute(
                select(c.cause, c.answer, c.evidence, c.money_minor).where(
                    c.state == "resolved", c.kind == kind, among(c.cause, part)
                )
            ):
                if (row.answer or {}).get("action") == "leave":
                    out.setdefault((kind, row.cause), set()).add(_facts(row.evidence, row.money_minor))
    return out


def close_conflicts(
    batch: Batch,
    kind: str,
    causes: Iterable[str],
    *,
    state: str,
    answer_seq: int | None = None,
    answered_by: str | None = None,
    answer: dict[str, Any] | None = None,
) -> int:
    """Close the open conflicts of these causes: `superseded` by new facts or `resolved` by a person."""
    closed = 0
    c = conflicts.c
    if batch.conn.execute(select(c.id).where(c.state == "open", c.kind == kind).limit(1)).first() is None:
        batch.count("conflicts_closed", 0)
        return 0
    for part in chunks(sorted(set(causes))):
        done = batch.conn.execute(
            update(conflicts)
            .where(c.state == "open", c.kind == kind, among(c.cause, part))
            .values(state=state, closed_at=batch.now, answer_seq=answer_seq, answered_by=answered_by, answer=answer)
        )
        closed += max(0, done.rowcount)
    batch.count("conflicts_closed", closed)
    return closed
