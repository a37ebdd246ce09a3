"""What people said of who is who: standing answers with author, time and reason, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select

from tieout.store.queries import names, parties
from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.tables import answers, conflicts, inputs

KINDS = ("link", "separate", "leave")  # about who is who; `bind` is about documents


@dataclass(frozen=True, slots=True)
class AnswerFilter:
    """What to list: an action, an actor, a member or customer named on either side; "" is everything."""

    action: str = ""
    actor: str = ""
    about: str = ""


def listed(conn: Connection, wanted: AnswerFilter, limit: int, cursor: str | None) -> Slice[dict[str, Any]]:
    """Standing answers: who said what of whom, when, why, and whether a question was answered or it was by hand."""
    n = answers.c
    query = (
        select(answers, inputs.c.body)
        .join(inputs, inputs.c.seq == n.seq)
        .outerjoin(conflicts, conflicts.c.id == n.conflict_id)
        .where(or_(n.conflict_id.is_(None), conflicts.c.kind == "identity"))
        .where(n.is_active.is_(True), n.action.in_([wanted.action] if wanted.action else KINDS))
    )
    if wanted.actor:
        query = query.where(n.actor == wanted.actor)
    if wanted.about:
        query = query.where(or_(n.subject == wanted.about, n.target == wanted.about))
    if cursor:
        query = query.where(n.seq < decode(cursor, "answers", (int,))[0])
    found = conn.execute(query.order_by(n.seq.desc()).limit(limit + 1)).mappings().all()
    page = cut(found, limit, "answers", lambda row: (int(row["seq"]),))
    called = _named(conn, {row[side] for row in page.rows for side in ("subject", "target")} - {""})
    rows = [
        {
            "seq": row["seq"],
            "action": row["body"].get("action", row["action"]),
            "subject": row["subject"],
            "subject_name": called.get(row["subject"], ""),
            "target": row["target"],
            "target_name": called.get(row["target"], ""),
            "actor": row["actor"],
            "at": row["at"],
            "reason": row["body"].get("reason") or row["body"].get("note") or "",
            "conflict_id": row["conflict_id"],
            "act": row["body"].get("act", ""),
        }
        for row in page.rows
    ]
    return Slice(rows, page.next)


def _named(conn: Connection, refs: set[str]) -> dict[str, str]:
    """What customers, accounts and records are called."""
    customers = {ref for ref in refs if ref.startswith("cus_")}
    known = {ref: party.display_name for ref, party in parties.parties_of(conn, refs - customers).items()}
    return known | dict(names.called(conn, customers))
