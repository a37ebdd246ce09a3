"""Decisions are stored with their inputs; a new one closes the one before, an equal one changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, select, update

from sync.fold.batch import Batch
from tieout.core import exact_json
from tieout.receivables.status import Reason
from tieout.store.among import among
from tieout.store.bulk import insert_rows
from tieout.store.landing import chunks
from tieout.store.tables import decisions
from tieout.store.types import Stored

_STANDING = [column for column in decisions.c if column.name != "inputs"]


@dataclass(frozen=True, slots=True)
class Verdict:
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
    d = decisions.c
    out: dict[str, Mapping[Any, Any]] = {}
    for part in chunks(sorted(set(subjects))):
        for row in batch.conn.execute(
            select(*_STANDING).where(d.kind == kind, among(d.subject, part), d.is_current.is_(True))
        ).mappings():
            out[row["subject"]] = row
    return out


def put(batch: Batch, kind: str, verdicts: Sequence[Verdict]) -> set[str]:
    """Store verdicts that differ from what stands in value, figures or reasons; answers their subjects."""
    held = current(batch, kind, [verdict.subject for verdict in verdicts])
    fresh: list[dict[str, Any]] = []
    close: list[str] = []
    moves: list[dict[str, Any]] = []
    changed: set[str] = set()
    for verdict in verdicts:
        body = Stored(verdict.body)
        reasons = Stored([{"code": reason.code, "params": reason.params} for reason in verdict.reasons])
        old = held.get(verdict.subject)
        if old is not None and old["value"] == verdict.value and _says(old) == _would_say(body, reasons):
            if old["next_change_on"] != verdict.next_change_on:
                moves.append({"b_id": old["id"], "b_next": verdict.next_change_on})
            continue
        changed.add(verdict.subject)
        if old is not None:
            close.append(old["id"])
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
    d = decisions.c
    for part in chunks(close):
        batch.conn.execute(update(decisions).where(among(d.id, part)).values(is_current=False))
    insert_rows(batch.conn, decisions, fresh)
    if moves:
        batch.conn.execute(
            update(decisions).where(d.id == bindparam("b_id")).values(next_change_on=bindparam("b_next")), moves
        )
    batch.count(f"decided_{kind}", len(fresh))
    return changed


def _says(standing: Mapping[Any, Any]) -> bytes:
    return exact_json.canonical([standing["body"], standing["reasons"]])


def _would_say(body: Stored, reasons: Stored) -> bytes:
    return exact_json.canonical([exact_json.loads_fast(part.text.encode()) for part in (body, reasons)])


def day(value: Any) -> date | None:
    """A date out of a stored body."""
    return date.fromisoformat(value) if value else None
