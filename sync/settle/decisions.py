"""Decisions are stored with their inputs; a new one closes the one before, an equal one changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Text, bindparam, select, type_coerce, update

from sync.fold.batch import Batch
from tieout.core import exact_json
from tieout.receivables.status import Reason
from tieout.store.among import among_given
from tieout.store.bulk import insert_rows, update_rows
from tieout.store.tables import decisions
from tieout.store.types import Stored

_of = (
    decisions.c.kind == bindparam("of"),
    among_given(decisions.c.subject, "subjects"),
    decisions.c.is_current.is_(True),
)
_STANDING = select(*(column for column in decisions.c if column.name != "inputs")).where(*_of)
# As stored: most decisions that are made again say the same in the same words, and need not be decoded to see it.
_WORDS = select(
    decisions.c.subject,
    decisions.c.id,
    decisions.c.value,
    decisions.c.next_change_on,
    type_coerce(decisions.c.body, Text).label("body"),
    type_coerce(decisions.c.reasons, Text).label("reasons"),
).where(*_of)
_FIGURES = select(
    decisions.c.subject, decisions.c.id, decisions.c.next_change_on, type_coerce(decisions.c.body, Text)
).where(*_of)
_CLOSE = update(decisions).where(among_given(decisions.c.id, "ids")).values(is_current=False)


class Verdict(msgspec.Struct, frozen=True):
    """One decision as the rules made it."""

    subject: str
    company: str
    value: str
    body: Mapping[Any, Any]
    reasons: Sequence[Reason]
    inputs: Mapping[Any, Any]
    rule_version: str
    effective_on: date
    next_change_on: date | None


def current(batch: Batch, kind: str, subjects: Iterable[str]) -> dict[str, Mapping[Any, Any]]:
    """The standing decisions of a kind, by subject, without their inputs: nothing is decided on those."""
    of = {"of": kind, "subjects": sorted(set(subjects))}
    return {row["subject"]: row for row in batch.conn.execute(_STANDING, of).mappings()} if of["subjects"] else {}


def figures(batch: Batch, kind: str, subjects: Iterable[str]) -> list[tuple[str, str, date | None, str]]:
    """Subject, id, next change and stored body of the standing decisions of a kind."""
    rows = batch.conn.execute(_FIGURES, {"of": kind, "subjects": sorted(set(subjects))}).all()
    return [(subject, key, next_on, body) for subject, key, next_on, body in rows]


def put(batch: Batch, kind: str, verdicts: Sequence[Verdict]) -> set[str]:
    """Store verdicts that differ from what stands in value, figures or reasons; answers their subjects."""
    if not verdicts:
        batch.count(f"decided_{kind}", 0)
        return set()
    of = {"of": kind, "subjects": sorted({verdict.subject for verdict in verdicts})}
    held = {row.subject: row for row in batch.conn.execute(_WORDS, of).all()}
    fresh: list[dict[str, Any]] = []
    close: list[str] = []
    moves: list[dict[str, Any]] = []
    changed: set[str] = set()
    for verdict in verdicts:
        body = Stored(verdict.body)
        reasons = Stored([{"code": reason.code, "params": reason.params} for reason in verdict.reasons])
        old = held.get(verdict.subject)
        if old is not None and old.value == verdict.value and _says_the_same(old, body, reasons):
            if old.next_change_on != verdict.next_change_on:
                moves.append({"id": old.id, "next_change_on": verdict.next_change_on})
            continue
        changed.add(verdict.subject)
        if old is not None:
            close.append(old.id)
        fresh.append(
            {
                "id": batch.ids.new("dec"),
                "kind": kind,
                "subject": verdict.subject,
                "company_id": verdict.company,
                "value": verdict.value,
                "body": body,
                "reasons": reasons,
                "inputs": Stored(verdict.inputs),
                "rule_version": verdict.rule_version,
                "effective_on": verdict.effective_on,
                "recorded_at": batch.now,
                "seq": batch.mark_seq,
                "is_current": True,
                "next_change_on": verdict.next_change_on,
            }
        )
    if close:
        batch.conn.execute(_CLOSE, {"ids": close})
    insert_rows(batch.conn, decisions, fresh)
    update_rows(batch.conn, decisions, ("id",), moves)
    batch.count(f"decided_{kind}", len(fresh))
    return changed


def _says_the_same(old: Any, body: Stored, reasons: Stored) -> bool:
    """By value: words that differ may still mean the same (1.10 and 1.1, another order of keys)."""
    if old.body == body.text and old.reasons == reasons.text:
        return True
    before, now = _meaning(old.body, old.reasons), _meaning(body.text, reasons.text)
    return before == now and exact_json.canonical(before) == exact_json.canonical(now)  # True is not 1


def _meaning(*texts: str) -> list[Any]:
    return [exact_json.loads_fast(text.encode()) for text in texts]


def close(batch: Batch, kind: str, subjects: Iterable[str]) -> None:
    """Standing decisions about what is not there any more: nothing takes their place."""
    held = current(batch, kind, subjects)
    if held:
        batch.conn.execute(_CLOSE, {"ids": sorted(row["id"] for row in held.values())})


def day(value: Any) -> date | None:
    """A date out of a stored body."""
    return date.fromisoformat(value) if value else None
