"""Always do this: an answer that a person gives once for every conflict of a shape; shown first, ended with undo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from mapping.engine import map_record
from mapping.value_rules import choices
from sync.answering import AnswerError
from sync.context import Context
from sync.fold.changes import context_of
from sync.fold.rules import END, MAKE, fitting
from sync.fold.shapes import LEAVE, MAP, shape_of_row
from tieout.canonical.documents import ClaimCandidate
from tieout.core import exact_json
from tieout.core.errors import Gone, StaleWrite, TieoutError
from tieout.store import audit
from tieout.store.among import among
from tieout.store.inputs import append_input
from tieout.store.landing import chunks, load_payloads
from tieout.store.queries import answer_rules as queries
from tieout.store.queries import conflicts as conflict_queries
from tieout.store.queries.answer_rules import Shape, ruled_values
from tieout.store.session import reading, unit
from tieout.store.tables import source_records

SHOWN = 200  # rows of a preview; totals count all


class RuleDesk:
    """Offers, previews, makes and ends rules; what one answers is folded at once."""

    def __init__(self, ctx: Context, after: Callable[[], None]) -> None:
        self._ctx, self._after = ctx, after

    def offers(self, conflict_id: str) -> list[dict[str, Any]]:
        """The answers to a conflict that may be made a rule: action and, for map, the words to choose from."""
        with reading(self._ctx.engine) as conn:
            found = _conflict(conn, conflict_id)
            shape = shape_of_row(found) if found["state"] == "open" else None
        return [] if shape is None else _offers(self._ctx, shape)

    def preview(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Which open conflicts the rule would answer now, the money in them, and a digest of it all."""
        with reading(self._ctx.engine) as conn:
            return _preview(self._ctx, conn, wish)

    def make(self, wish: Mapping[str, Any], digest: str, note: str, actor: str) -> dict[str, Any]:
        """Make the rule exactly as it was shown; StaleWrite when the conflicts it would answer have moved."""
        ctx = self._ctx
        with unit(ctx.engine, "answer.commit") as conn:
            shown = _preview(ctx, conn, wish)
            if shown["digest"] != digest:
                raise StaleWrite("these conflicts have changed since they were shown", hint="Look again.", code="moved")
            rule = ctx.ids.new("rul")
            body = {
                "do": MAKE,
                "id": rule,
                **shown["shape"],
                "action": shown["action"],
                "target": shown["target"],
                "note": note,
            }
            append_input(conn, "rule", ctx.clock.now(), body, actor=actor)
            audit.append(conn, ctx.clock.now(), actor, "conflict.rule", rule, {**body, "answers": shown["answered"]})
        self._after()
        return {"id": rule, "state": queries.ACTIVE, "answered": shown["answered"]}

    def end(self, rule_id: str, note: str, actor: str) -> dict[str, Any]:
        """Switch a rule off: what it answered is open again, what people answered by hand stays."""
        ctx = self._ctx
        with unit(ctx.engine, "answer.commit") as conn:
            found = queries.get(conn, rule_id)
            if found is None:
                raise Gone(f"there is no rule {rule_id}", code="no_rule")
            if found["state"] != queries.ACTIVE:
                raise StaleWrite(f"rule {rule_id} is {found['state']} already", code="rule_ended")
            body = {"do": END, "id": rule_id, "note": note}
            append_input(conn, "rule", ctx.clock.now(), body, actor=actor)
            audit.append(conn, ctx.clock.now(), actor, "conflict.rule_end", rule_id, body)
        self._after()
        return {"id": rule_id, "state": queries.ENDED}

    def rules(self, state: str | None = None, limit: int = 50, cursor: str | None = None) -> dict[str, Any]:
        """Rules, newest first, with author, time and what goes by them."""
        with reading(self._ctx.engine) as conn:
            found = queries.page(conn, state, limit, cursor)
            effects = queries.effects(conn, [row["id"] for row in found.rows])
        return {"items": [{**row, **effects[row["id"]]} for row in found.rows], "next": found.next}


def _conflict(conn: Connection, conflict_id: str) -> Mapping[Any, Any]:
    found = conflict_queries.get(conn, conflict_id)
    if found is None:
        raise Gone(f"there is no conflict {conflict_id}", code="no_conflict")
    return found


def _offers(ctx: Context, shape: Shape) -> list[dict[str, Any]]:
    if shape.kind == "unlinked_document":
        return [{"action": LEAVE, "targets": []}]
    profile = ctx.profiles(shape.connection).get(shape.stream) if shape.connection in ctx.config.connections else None
    words = choices(profile, shape.field) if profile is not None else ()
    return [{"action": MAP, "targets": list(words)}] if words else []


def _preview(ctx: Context, conn: Connection, wish: Mapping[str, Any]) -> dict[str, Any]:
    action, target = str(wish["action"]), str(wish.get("target") or "")
    found = _conflict(conn, str(wish["conflict"]))
    if found["state"] != "open":
        raise StaleWrite(f"conflict {found['id']} is {found['state']} already", code="conflict_closed")
    shape = shape_of_row(found)
    offered = {one["action"]: one["targets"] for one in _offers(ctx, shape)} if shape is not None else {}
    if shape is None or action not in offered:
        can = ", ".join(sorted(offered))
        raise AnswerError(
            f"{action!r} cannot be made a rule for this conflict",
            hint=f"What can: {can}." if can else "Each conflict of this kind has to be looked at by itself.",
            code="no_rule_for_this",
        )
    if target not in (offered[action] or [""]):
        known = ", ".join(offered[action])
        raise AnswerError(
            f"{target!r} is no answer here", hint=f"Choose one of: {known}." if known else "Leave the target out."
        )
    if shape in queries.standing(conn):
        raise StaleWrite("there is a rule for this already", hint="It answers when it is folded.", code="rule_stands")
    lines = _lines(ctx, conn, shape, action, target)
    totals: dict[str, int] = {}
    for line in lines:
        if line["currency"] and not line["why_not"]:
            totals[line["currency"]] = totals.get(line["currency"], 0) + line["money_minor"]
    return {
        "conflict": found["id"],
        "shape": shape._asdict(),
        "action": action,
        "target": target,
        "rows": lines[:SHOWN],
        "answered": len(lines),
        "skipped": sum(bool(line["why_not"]) for line in lines),
        "totals": [{"currency": code, "money_minor": minor} for code, minor in sorted(totals.items())],
        "digest": exact_json.digest([shape, action, target, [line["id"] for line in lines]]),
    }


def _lines(ctx: Context, conn: Connection, shape: Shape, action: str, target: str) -> list[dict[str, Any]]:
    rows = fitting(conn, shape)
    read = _readings(ctx, conn, shape, target, rows) if action == MAP else {}
    return [
        {
            "id": row["id"],
            "title": row["title"],
            "kind": row["kind"],
            "currency": row["currency"],
            "money_minor": int(row["money_minor"] or 0),
            "why_not": "",
            **read.get(row["external_id"], {}),
        }
        for row in rows
    ]


def _readings(
    ctx: Context, conn: Connection, shape: Shape, target: str, rows: Sequence[Mapping[Any, Any]]
) -> dict[str, dict[str, Any]]:
    """What each record would be read as: its money, or why it would still not be read."""
    rule = {shape: {"target": target}}
    context = context_of(
        ctx.config, shape.connection, ruled_values({**queries.standing(conn), **rule}, shape.connection)
    )
    profile = ctx.profiles(shape.connection)[shape.stream]
    s = source_records.c
    hashes: dict[str, str] = {}
    for part in chunks([row["external_id"] for row in rows]):
        found = select(s.external_id, s.payload_hash).where(
            s.connection == shape.connection, s.stream == shape.stream, among(s.external_id, part)
        )
        hashes.update((row.external_id, row.payload_hash) for row in conn.execute(found) if row.payload_hash)
    bodies = load_payloads(conn, list(hashes.values()))
    out: dict[str, dict[str, Any]] = {}
    for key, digest in hashes.items():
        try:
            made = map_record(profile, bodies[digest], context)
        except TieoutError as error:
            out[key] = {"why_not": error.message}
            continue
        if isinstance(made, ClaimCandidate):
            out[key] = {"currency": made.currency, "money_minor": abs(made.amount_minor or 0)}
    return out
