"""Opening and closing conflicts in sets: one open conflict per kind and cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update

from sync.fold.batch import Batch
from sync.fold.shapes import closed_by, shape_of
from tieout.core.exact_json import canonical
from tieout.store.among import among_given
from tieout.store.bulk import insert_rows
from tieout.store.landing import chunks
from tieout.store.tables import conflicts

# What every new record asks is made once.
_c = conflicts.c
_THESE = (_c.kind == bindparam("of"), among_given(_c.cause, "causes"))
_HELD = select(_c.id, _c.kind, _c.cause, _c.title, _c.evidence, _c.suggestions, _c.currency, _c.money_minor).where(
    _c.state == "open", *_THESE
)
_RESOLVED = select(_c.cause, _c.answer, _c.evidence, _c.money_minor, _c.rule_id).where(_c.state == "resolved", *_THESE)
_CLOSE = (
    update(conflicts)
    .where(_c.state == "open", *_THESE)
    .values(
        state=bindparam("b_state"),
        closed_at=bindparam("b_at"),
        answer_seq=bindparam("b_seq"),
        answered_by=bindparam("b_by"),
        answer=bindparam("b_answer"),
    )
)
FEW = 20  # causes that are closed without asking first whether anything is open
_OPEN = select(_c.id).where(_c.state == "open", _c.kind == bindparam("of")).limit(1)


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

    What a person left as it is stays left while the facts are those the person saw. What a rule of people answers is
    opened and closed in one go, so that it can be looked at and taken back like every answer.
    """
    if not calls:
        return
    by_key = {(call.kind, call.cause): call for call in calls}
    held: dict[tuple[str, str], Any] = {}
    for kind in sorted({call.kind for call in calls}):
        causes = [call.cause for call in by_key.values() if call.kind == kind]
        for part in chunks(causes):
            for row in batch.conn.execute(_HELD, {"of": kind, "causes": part}).mappings():
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
            by_rule = left.get(key, {}).get(_facts(call.evidence, call.money_minor))
            if by_rule is False or (by_rule and not call.suggestions):
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
                    **_ruled(batch, call),
                }
            )
        elif canonical([known["evidence"], known["suggestions"], known["money_minor"], known["title"]]) != canonical(
            [call.evidence, call.suggestions, call.money_minor, call.title]
        ):
            batch.conn.execute(update(conflicts).where(conflicts.c.id == known["id"]).values(**values))
    for part in chunks(fresh):
        insert_rows(batch.conn, conflicts, part)
    batch.count("conflicts_opened", sum(row["state"] == "open" for row in fresh))


def _facts(evidence: Any, money_minor: int) -> bytes:
    return canonical([evidence, money_minor])


def _ruled(batch: Batch, call: ConflictCall) -> dict[str, Any]:
    """How a rule in force closes this conflict; all empty where none does."""
    open_ = {"closed_at": None, "answered_by": None, "answer": None, "rule_id": None}
    if not batch.rules:
        return open_
    shape = shape_of(call.kind, call.connection, call.stream, call.evidence, call.suggestions)
    if shape is None or (rule := batch.rules.get(shape)) is None:
        return open_
    batch.count("conflicts_ruled")
    return closed_by(rule, batch.now)


def _left(batch: Batch, calls: Sequence[ConflictCall]) -> dict[tuple[str, str], dict[bytes, bool]]:
    """The facts of each of these causes that were left as they are: by a rule (True) or by a person who saw them."""
    out: dict[tuple[str, str], dict[bytes, bool]] = {}
    for kind in sorted({call.kind for call in calls}):
        for part in chunks([call.cause for call in calls if call.kind == kind]):
            for row in batch.conn.execute(_RESOLVED, {"of": kind, "causes": part}):
                if (row.answer or {}).get("action") == "leave":
                    facts = _facts(row.evidence, row.money_minor)
                    seen = out.setdefault((kind, row.cause), {})
                    seen[facts] = seen.get(facts, True) and row.rule_id is not None
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
    wanted = sorted(set(causes))
    if not wanted or (len(wanted) > FEW and batch.conn.execute(_OPEN, {"of": kind}).first() is None):
        batch.count("conflicts_closed", 0)
        return 0
    values = {"b_state": state, "b_at": batch.now, "b_seq": answer_seq, "b_by": answered_by, "b_answer": answer}
    for part in chunks(wanted):
        done = batch.conn.execute(_CLOSE, {"of": kind, "causes": part, **values})
        closed += max(0, done.rowcount)
    batch.count("conflicts_closed", closed)
    return closed


def answer_one(conn: Connection, row: Mapping[Any, Any]) -> None:
    """What an answer input does at once, before it is folded: its conflict is closed, or open again after an undo."""
    body, c = row["body"], conflicts.c
    if body.get("undo_of"):
        given = select(conflicts).where(c.state == "resolved", c.answer_seq == body["undo_of"])
        for found in conn.execute(given).mappings().all():
            reopen(conn, found)
    elif body.get("conflict_id"):
        said = {"action": str(body["action"]), "target": body.get("target", ""), "note": body.get("note", "")}
        conn.execute(
            update(conflicts)
            .where(c.id == body["conflict_id"], or_(c.state == "open", c.rule_id.is_not(None)))
            .values(
                state="resolved",
                rule_id=None,
                closed_at=row["at"],
                answer_seq=row["seq"],
                answered_by=row["actor"],
                answer=said,
            )
        )


def reopen(conn: Connection, found: Mapping[Any, Any]) -> None:
    """The conflict is open again, unless a newer one of the same cause is."""
    c = conflicts.c
    twin = conn.execute(
        select(c.id).where(c.kind == found["kind"], c.cause == found["cause"], c.state == "open")
    ).first()
    state = "superseded" if twin else "open"
    conn.execute(
        update(conflicts)
        .where(c.id == found["id"])
        .values(state=state, closed_at=None, answer_seq=None, answered_by=None, answer=None, rule_id=None)
    )
