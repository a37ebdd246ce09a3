"""Answer rules: one answer of a person for every conflict of a shape, now and later, until somebody ends it.

A rule is an input of its own. It closes the open conflicts it fits and those that would open later; ending it opens
again what it closed, and what a person answered by hand is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from sync.fold.batch import Batch
from sync.fold.conflicts import reopen
from sync.fold.shapes import MAP, closed_by, shape_of_row
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.queries.answer_rules import ACTIVE, ENDED, Shape
from tieout.store.tables import answer_rules, conflicts, pending, rule_uses, source_records

MAKE, END = "make", "end"


def fold_rules(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Fold rule inputs in order; before the records of the batch are mapped, so that they are read by them already."""
    for row in rows:
        body = row["body"]
        if body["do"] == MAKE:
            _make(batch, row, body)
        else:
            _end(batch, row, body)
        batch.forget_rules()


def _make(batch: Batch, row: Mapping[Any, Any], body: Mapping[Any, Any]) -> None:
    shape = Shape(body["kind"], body["connection"], body["stream"], body["field"], body["value"])
    if shape in batch.rules:
        return  # two people said it at once: the first word stands
    rule = {
        "id": body["id"],
        "seq": row["seq"],
        **shape._asdict(),
        "action": body["action"],
        "target": body["target"],
        "note": body["note"],
        "author": row["actor"] or "",
        "at": row["at"],
        "state": ACTIVE,
    }
    batch.conn.execute(insert(answer_rules).values(**rule))
    ids = [found["id"] for found in fitting(batch.conn, shape)]
    for part in chunks(ids):
        batch.conn.execute(
            update(conflicts).where(among(conflicts.c.id, part)).values(answer_seq=None, **closed_by(rule, row["at"]))
        )
    if rule["action"] == MAP:
        _read_again(batch, shape, _records_of(batch, rule["id"]))
    batch.count("rules")
    batch.count("conflicts_closed", len(ids))


def fitting(conn: Any, shape: Shape) -> list[Mapping[Any, Any]]:
    """Open conflicts of a shape, by id."""
    c = conflicts.c
    found = conn.execute(
        select(conflicts)
        .where(c.state == "open", c.kind == shape.kind, c.connection == shape.connection, c.stream == shape.stream)
        .order_by(c.id)
    ).mappings()
    return [row for row in found if shape_of_row(row) == shape]


def _end(batch: Batch, row: Mapping[Any, Any], body: Mapping[Any, Any]) -> None:
    r, c, u = answer_rules.c, conflicts.c, rule_uses.c
    rule = batch.conn.execute(select(answer_rules).where(r.id == body["id"], r.state == ACTIVE)).mappings().first()
    if rule is None:
        return
    closed = (
        batch.conn.execute(
            select(conflicts)
            .where(c.rule_id == rule["id"], c.state == "resolved")
            .order_by(c.opened_at.desc(), c.id.desc())
        )
        .mappings()
        .all()
    )
    records = {found["external_id"] for found in closed}
    records.update(batch.conn.execute(select(u.external_id).where(u.rule_id == rule["id"])).scalars())
    for conflict in closed:  # the newest first: of several about one record only that one opens again
        reopen(batch.conn, conflict)
    shape = Shape(rule["kind"], rule["connection"], rule["stream"], rule["field"], rule["value"])
    if rule["action"] == MAP:
        _read_again(batch, shape, records)
    else:
        batch.touch("claim", {found["cause"] for found in closed})
    batch.conn.execute(
        update(answer_rules)
        .where(r.id == rule["id"])
        .values(
            state=ENDED,
            ended_by=row["actor"] or "",
            ended_at=row["at"],
            end_note=body.get("note", ""),
            undone=len(records),
        )
    )
    batch.count("rules_ended")


def _records_of(batch: Batch, rule_id: str) -> set[str]:
    found = batch.conn.execute(select(conflicts.c.external_id).where(conflicts.c.rule_id == rule_id))
    return {key for key in found.scalars() if key}


def _read_again(batch: Batch, shape: Shape, records: set[str]) -> None:
    """These records wait to be mapped again, like new inputs; those that wait already are not counted twice."""
    s = source_records.c
    for part in chunks(sorted(records)):
        mine = (s.connection == shape.connection, s.stream == shape.stream, among(s.external_id, part))
        again = select(s.seq).where(*mine, s.applied_seq == s.seq)
        batch.conn.execute(insert(pending).from_select(["seq"], again))
        batch.conn.execute(update(source_records).where(*mine, s.applied_seq == s.seq).values(applied_seq=None))


_ANY_RULE = (
    select(answer_rules.c.id)
    .where(
        answer_rules.c.kind == "unmapped_value",
        answer_rules.c.connection == bindparam("of"),
        answer_rules.c.stream == bindparam("at"),
    )
    .limit(1)
)


def uses_of(batch: Batch, connection: str, stream: str, ids: Sequence[str]) -> dict[str, list[Mapping[Any, Any]]]:
    """external id -> the rules a record is read by, with what stood before; asks no more where no rule ever was."""
    r, u = answer_rules.c, rule_uses.c
    if batch.conn.execute(_ANY_RULE, {"of": connection, "at": stream}).first() is None:
        return {}
    out: dict[str, list[Mapping[Any, Any]]] = {}
    for part in chunks(ids):
        found = batch.conn.execute(
            select(rule_uses, r.state)
            .join(answer_rules, r.id == u.rule_id)
            .where(u.connection == connection, u.stream == stream, among(u.external_id, part))
            .order_by(u.external_id, u.rule_id)
        )
        for row in found.mappings():
            out.setdefault(row["external_id"], []).append(row)
    return out


def write_uses(batch: Batch, connection: str, stream: str, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Replace what these records are read by."""
    u = rule_uses.c
    for part in chunks(sorted(rows)):
        batch.conn.execute(
            delete(rule_uses).where(u.connection == connection, u.stream == stream, among(u.external_id, part))
        )
    fresh = [row for _, group in sorted(rows.items()) for row in group]
    for some in chunks(fresh):
        batch.conn.execute(insert(rule_uses), list(some))
