"""Many conflicts answered at once: first looked at, then answered exactly as shown, and taken back as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select

from mapping.identity.contradictions import ranked
from sync import answering
from sync.context import Context
from tieout.core import exact_json
from tieout.core.errors import Gone, StaleWrite, TieoutError
from tieout.store import audit
from tieout.store.queries import conflicts as queries
from tieout.store.session import reading, unit
from tieout.store.tables import audit as audit_table
from tieout.store.tables import conflicts

MOST = 200
ACTION = "conflict.bulk"
How = Literal["suggested", "leave"]


@dataclass(frozen=True, slots=True)
class BulkWish:
    """Which conflicts (the named ones, or the open ones of a filter) and how each is answered.

    suggested: the first suggestion of each, where one is ahead of the others and nothing contradicts it; leave: left
    as it is.
    """

    how: How
    ids: tuple[str, ...] = ()
    kind: str | None = None
    connection: str | None = None
    q: str | None = None


def preview(ctx: Context, wish: BulkWish) -> dict[str, Any]:
    """What each conflict would be answered with, or why it would not be, with money totals and a digest of it all."""
    with reading(ctx.engine) as conn:
        rows = _chosen(conn, wish)
    lines = [_line(row, wish.how) for row in rows]
    totals: dict[str, int] = {}
    for line in lines:
        if not line["why_not"] and line["currency"]:
            totals[line["currency"]] = totals.get(line["currency"], 0) + line["money_minor"]
    answered = [line for line in lines if not line["why_not"]]
    return {
        "how": wish.how,
        "rows": lines,
        "answered": len(answered),
        "skipped": len(lines) - len(answered),
        "unblocked": sum(line["blocks_balance"] for line in answered),
        "totals": [{"currency": code, "money_minor": minor} for code, minor in sorted(totals.items())],
        "digest": exact_json.digest([[one["id"], one["action"], one["target"]] for one in answered]),
    }


def answer(ctx: Context, wish: BulkWish, digest: str, note: str, actor: str) -> dict[str, Any]:
    """Answer exactly what was shown; StaleWrite when it is not the same any more. Each answer is one of its own.

    A conflict that somebody else answers in the meantime is left to them and counted.
    """
    shown = preview(ctx, wish)
    if shown["digest"] != digest:
        raise StaleWrite("these conflicts have changed since they were shown", hint="Look again.", code="bulk_moved")
    if not shown["answered"]:
        raise answering.AnswerError("none of these can be answered like that")
    batch = ctx.ids.new("blk")
    done, lost = [], []
    for line in shown["rows"]:
        if line["why_not"]:
            continue
        words = {"action": line["action"], "target": line["target"], "note": note}
        try:
            answering.resolve(ctx, line["id"], words, actor)
        except TieoutError as error:
            lost.append({"id": line["id"], "error": error.message})
            continue
        done.append(line["id"])
    with unit(ctx.engine, "answer.commit") as conn:
        audit.append(conn, ctx.clock.now(), actor, ACTION, batch, {"how": wish.how, "ids": done, "note": note})
    return {"batch": batch, "answered": len(done), "ids": done, "lost": lost}


def undo(ctx: Context, batch: str, actor: str) -> dict[str, Any]:
    """Take back every answer of a batch that still stands; Gone for a batch nobody made."""
    a = audit_table.c
    with reading(ctx.engine) as conn:
        body = conn.execute(select(a.body).where(a.action == ACTION, a.subject == batch)).scalar()
    if body is None:
        raise Gone(f"there is no batch {batch}", code="no_batch")
    undone, kept = [], []
    for key in body["ids"]:
        try:
            answering.undo(ctx, key, actor)
        except TieoutError as error:
            kept.append({"id": key, "error": error.message})
            continue
        undone.append(key)
    if not undone:
        raise StaleWrite(f"no answer of batch {batch} stands any more", code="batch_undone")
    return {"batch": batch, "undone": len(undone), "kept": kept}


def _chosen(conn: Connection, wish: BulkWish) -> Sequence[Mapping[Any, Any]]:
    if wish.ids:
        if len(wish.ids) > MOST:
            raise answering.AnswerError(f"at most {MOST} conflicts at once")
        found = conn.execute(select(conflicts).where(conflicts.c.id.in_(wish.ids)).order_by(conflicts.c.id)).mappings()
        return found.all()
    wanted = queries.ConflictFilter(kind=wish.kind, connection=wish.connection, q=wish.q)
    return queries.page(conn, wanted, MOST, None).rows


def _line(row: Mapping[Any, Any], how: How) -> dict[str, Any]:
    top: Mapping[str, Any] = {}
    why_not = "" if row["state"] == "open" else "closed"
    if how == "suggested" and not why_not:
        offered = [one for one in ranked(row["suggestions"], _reasons(row)) if one.get("action")]
        top = offered[0] if offered else {}
        if not top:
            why_not = "no_suggestion"
        elif top["contradictions"]:
            why_not = "contradicted"
        elif len(offered) > 1 and not offered[1]["contradictions"] and offered[1].get("points") == top.get("points"):
            why_not = "tie"
    action = "leave" if how == "leave" else str(top.get("action", ""))
    if not why_not and action not in answering.ALLOWED.get(row["kind"], answering.DEFAULT_ALLOWED):
        why_not = "not_possible"
    return {
        "id": row["id"],
        "title": row["title"],
        "kind": row["kind"],
        "action": "" if why_not else action,
        "target": "" if why_not else str(top.get("target", "") or ""),
        "label": str(top.get("label", "") or ""),
        "points": None if top.get("points") is None else str(top["points"]),
        "reasons": list(top.get("reasons") or []),
        "contradictions": list(top.get("contradictions") or []),
        "blocks_balance": bool(row["blocks_balance"]),
        "currency": row["currency"],
        "money_minor": int(row["money_minor"] or 0),
        "why_not": why_not,
    }


def _reasons(row: Mapping[Any, Any]) -> Any:
    found = row["evidence"]
    return found.get("reasons") if isinstance(found, dict) else ()


class BulkDesk:
    """Previews, answers and undoes for the API and the console; what was answered is folded at once."""

    def __init__(self, ctx: Context, after: Callable[[], None]) -> None:
        self._ctx, self._after = ctx, after

    def preview(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """What many conflicts would be answered with."""
        return preview(self._ctx, BulkWish(**wish))

    def answer(self, wish: Mapping[str, Any], digest: str, note: str, actor: str) -> dict[str, Any]:
        """Answer many conflicts exactly as they were shown."""
        done = answer(self._ctx, BulkWish(**wish), digest, note, actor)
        self._after()
        return done

    def undo(self, batch: str, actor: str) -> dict[str, Any]:
        """Take a whole batch of answers back."""
        done = undo(self._ctx, batch, actor)
        self._after()
        return done
