"""People's answers: stored once, undoable, read before every rule."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select, update

from mapping.identity.relations import STATED
from sync.fold import relations
from sync.fold.batch import Batch
from sync.fold.blocks import Moves, onlookers
from sync.fold.conflicts import answer_one
from sync.fold.documents import claims_holding
from tieout.store.queries.blocks import Key, keys_held
from tieout.store.tables import (
    allocations,
    answers,
    bindings,
    conflicts,
    document_keys,
    inputs,
    memberships,
    pending,
    source_records,
)

SETTLED = ("payment_match", "missing_reference")  # kinds that are judged with their allocation
READ = ("invalid_record", "unmapped_value")  # kinds that are judged when their record is read


def fold_answers(batch: Batch, rows: Sequence[Mapping[Any, Any]], read: Container[int] = ()) -> None:
    """Fold answer inputs in order: an answer becomes a standing rule for its subject, an undo takes one back.

    The conflict it answers is closed; what it unblocks (the record, the claim) is looked at again, nothing else; not
    the versions whose inputs are `read` in this batch anyway, after the answer was given.
    """
    for row in rows:
        body = row["body"]
        if body.get("undo_of"):
            _undo(batch, row, body, read)
        else:
            _answer(batch, row, body)


def _answer(batch: Batch, row: Mapping[Any, Any], body: Mapping[Any, Any]) -> None:
    subject, said = str(body["subject"]), str(body["action"])
    action = "separate" if said in STATED else said  # related is not the same: it parts the two like any separate
    conn = batch.conn
    conn.execute(
        insert(answers).values(
            seq=row["seq"],
            subject=subject,
            action=action,
            target=str(body.get("target", "")),
            actor=row["actor"] or "",
            at=row["at"],
            conflict_id=body.get("conflict_id"),
            is_active=True,
        )
    )
    answer_one(conn, row)
    _overrule(batch, body, stands=False)
    if said in STATED:
        relations.state(batch, relations.Relation(subject, subject, said, str(body["target"])), row["seq"])
    _replay(batch, action, subject, str(body.get("target", "")))
    batch.count("answers")


def _undo(batch: Batch, row: Mapping[Any, Any], body: Mapping[Any, Any], read: Container[int]) -> None:
    found = (
        batch.conn.execute(select(answers).where(answers.c.seq == body["undo_of"], answers.c.is_active.is_(True)))
        .mappings()
        .first()
    )
    if found is None:
        return
    batch.conn.execute(update(answers).where(answers.c.seq == found["seq"]).values(is_active=False))
    relations.take_back(batch, found["seq"])
    _overrule(
        batch, batch.conn.execute(select(inputs.c.body).where(inputs.c.seq == found["seq"])).scalar_one(), stands=True
    )
    answer_one(batch.conn, row)
    if found["conflict_id"]:
        _ask_again(batch, found["conflict_id"], read)
    _replay(batch, found["action"], found["subject"], found["target"])
    batch.count("undone")


def _overrule(batch: Batch, body: Mapping[Any, Any], *, stands: bool) -> None:
    """Answers that a person overruled with this one: they stand no more, and again once it is taken back."""
    n, seqs = answers.c, body.get("overrules", ())
    if not seqs:
        return
    batch.conn.execute(update(answers).where(n.seq.in_(seqs)).values(is_active=stands))
    for action, subject, target in batch.conn.execute(
        select(n.action, n.subject, n.target).where(n.seq.in_(seqs)).order_by(n.seq)
    ).all():
        _replay(batch, action, subject, target)


def _ask_again(batch: Batch, conflict_id: str, read: Container[int]) -> None:
    """What a conflict was about is judged once more: while its answer stood the facts may have gone their way."""
    c, a, s = conflicts.c, allocations.c, source_records.c
    asked = batch.conn.execute(
        select(c.kind, c.cause, c.connection, c.stream, c.external_id).where(c.id == conflict_id)
    )
    for kind, cause, connection, stream, external_id in asked.all():
        if kind == "identity":
            batch.touch("party", [cause])
        elif stream == "allocations" and kind in SETTLED:
            same = (a.connection == connection, a.group_key == external_id)
            batch.touch("allocation", batch.conn.execute(select(a.id).where(*same)).scalars())
        elif kind in READ:
            mine = (
                s.connection == connection,
                s.stream == stream,
                s.external_id == external_id,
                s.applied_seq == s.seq,
            )
            seq = batch.conn.execute(select(s.seq).where(*mine)).scalar()
            if seq is not None and seq not in read:
                batch.conn.execute(insert(pending).values(seq=seq))
                batch.conn.execute(update(source_records).where(*mine).values(applied_seq=None))


def _replay(batch: Batch, action: str, subject: str, target: str) -> None:
    """What an answer unblocks: its own subject, and those it competes with or is compared to."""
    if action in ("separate", "leave"):  # it claims no customer any more, or does again: others may, or may not
        changed: dict[Key, Moves] = {}
        for member, kind, value in keys_held(batch.conn, [subject]):
            changed.setdefault((kind, value), Moves()).changed.add(member)
        batch.touch("party", onlookers(batch, changed))
    if action in ("link", "separate"):
        members = {subject}
        m = memberships.c
        if target.startswith("acc_"):
            members.add(target)
        customers = list(
            batch.conn.execute(select(m.customer_id).where(m.member == subject, m.to_seq.is_(None))).scalars()
        )
        if customers:
            members.update(
                batch.conn.execute(select(m.member).where(m.customer_id.in_(customers), m.to_seq.is_(None))).scalars()
            )
        batch.touch("party", members)
        return
    claims = {subject}
    b = bindings.c
    if target:
        claims.update(
            f"{row.connection}/{row.stream}/{row.external_id}"
            for row in batch.conn.execute(
                select(b.connection, b.stream, b.external_id).where(b.document_id == target, b.to_seq.is_(None))
            )
        )
        k = document_keys.c
        keys = batch.conn.execute(select(k.kind, k.value).where(k.document_id == target))
        claims |= claims_holding(batch, {(row.kind, row.value) for row in keys})  # it may be theirs (again)
    batch.touch("claim", claims)
