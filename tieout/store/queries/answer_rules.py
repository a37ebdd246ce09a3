"""Answers that people gave once for all conflicts of a shape, and what goes by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, func, select

from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.tables import answer_rules, conflicts, rule_uses

ACTIVE, ENDED = "active", "ended"


class Shape(NamedTuple):
    """What conflicts have in common that one answer may fit: kind, connection, stream, a field and its value."""

    kind: str
    connection: str
    stream: str
    field: str
    value: str


def shape_of_rule(row: Mapping[Any, Any]) -> Shape:
    """The shape a rule is about."""
    return Shape(row["kind"], row["connection"], row["stream"], row["field"], row["value"])


def standing(conn: Connection) -> dict[Shape, RowMapping]:
    """The rules in force, by shape: there is at most one of each."""
    found = conn.execute(select(answer_rules).where(answer_rules.c.state == ACTIVE)).mappings()
    return {shape_of_rule(row): row for row in found}


def ruled_values(rules: Mapping[Shape, Mapping[Any, Any]], connection: str) -> dict[str, dict[tuple[str, str], str]]:
    """stream -> (path, value) -> ours: what rules in force say of values that no map of a connection has."""
    out: dict[str, dict[tuple[str, str], str]] = {}
    for shape, row in rules.items():
        if shape.kind == "unmapped_value" and shape.connection == connection:
            out.setdefault(shape.stream, {})[shape.field, shape.value] = row["target"]
    return out


def get(conn: Connection, rule_id: str) -> RowMapping | None:
    """One rule, or None."""
    return conn.execute(select(answer_rules).where(answer_rules.c.id == rule_id)).mappings().first()


def page(conn: Connection, state: str | None, limit: int, cursor: str | None) -> Slice[RowMapping]:
    """Rules, newest first."""
    r = answer_rules.c
    query = select(answer_rules)
    if state is not None:
        query = query.where(r.state == state)
    if cursor:
        query = query.where(r.seq < decode(cursor, "rules", (int,))[0])
    rows = conn.execute(query.order_by(r.seq.desc()).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "rules", lambda row: (row["seq"],))


def effects(conn: Connection, rule_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """By rule: how many conflicts it answered and how many records are read by it now."""
    out = {key: {"answered": 0, "records": 0} for key in rule_ids}
    for name, column in (("answered", conflicts.c.rule_id), ("records", rule_uses.c.rule_id)):
        for part in chunks(list(rule_ids)):
            for key, count in conn.execute(select(column, func.count()).where(among(column, part)).group_by(column)):
                out[key][name] = int(count)
    return out
