"""People decide once: an answer to a question stands, can be taken back, and is in the input log and the audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from mapping.identity.bind import kinds_of
from mapping.identity.contradictions import ranked
from mapping.identity.relations import STATED
from sync.apply import append_answer
from sync.context import Context
from sync.fold.conflicts import reopen
from tieout.core.errors import Gone, StaleWrite, TieoutError
from tieout.store import audit
from tieout.store.queries import parties
from tieout.store.session import unit
from tieout.store.tables import accounts, conflicts, customers, documents, memberships

ALLOWED = {
    "identity": ("link", "separate", *STATED, "leave"),
    "unlinked_document": ("bind", "separate", "leave"),
}
DEFAULT_ALLOWED = ("leave",)


class AnswerError(TieoutError):
    """The answer does not fit the conflict."""

    code = "answer"


def resolve(ctx: Context, conflict_id: str, answer: Mapping[Any, Any], actor: str) -> dict[str, Any]:
    """Answer an open conflict: link, bind, separate, related (a branch, a group's member) or leave.

    Where the answer has a `despite` (codes, a list or separated by commas), it must name all that contradicts a link or
    binding; without one the answer is taken at its word. What contradicted is stored with it either way.
    Raises Gone, StaleWrite (already closed), AnswerError.
    """
    action, target = str(answer.get("action", "")), str(answer.get("target", "") or "")
    now = ctx.clock.now()
    with unit(ctx.engine, "answer.commit") as conn:
        found = conn.execute(select(conflicts).where(conflicts.c.id == conflict_id)).mappings().first()
        if found is None:
            raise Gone(f"there is no conflict {conflict_id}", code="no_conflict")
        if found["state"] != "open" and not may_overrule(found):
            raise StaleWrite(f"conflict {conflict_id} is {found['state']} already", code="conflict_closed")
        allowed = ALLOWED.get(found["kind"], DEFAULT_ALLOWED)
        if action not in allowed:
            raise AnswerError(
                f"a conflict of kind {found['kind']} cannot be answered with {action!r}",
                hint="Actions: " + ", ".join(allowed) + ".",
            )
        _check_target(conn, found, action, target)
        despite = _check_contradictions(conn, found, action, target, answer.get("despite"))
        body: dict[str, Any] = {
            "conflict_id": conflict_id,
            "kind": found["kind"],
            "subject": found["cause"],
            "action": action,
            "target": target,
            "note": str(answer.get("note", "") or ""),
            **({"despite": despite} if despite else {}),
        }
        seq = append_answer(conn, now, body, actor)
        done = conn.execute(
            update(conflicts)
            .where(
                conflicts.c.id == conflict_id,
                conflicts.c.state == found["state"],
                conflicts.c.rule_id.is_not_distinct_from(found["rule_id"]),
            )
            .values(
                state="resolved",
                rule_id=None,
                closed_at=now,
                answer_seq=seq,
                answered_by=actor,
                answer={name: body[name] for name in ("action", "target", "note", "despite") if name in body},
            )
        )
        if done.rowcount != 1:
            raise StaleWrite(f"conflict {conflict_id} was just answered by somebody else", code="conflict_closed")
        audit.append(conn, now, actor, "conflict.resolve", conflict_id, body)
    return {"id": conflict_id, "state": "resolved", "answer_seq": seq, "action": action, "target": target}


def may_overrule(found: Mapping[Any, Any]) -> bool:
    """True where a person may answer by hand what a rule left: their word about the one record goes before it."""
    return found["state"] == "resolved" and bool(found["rule_id"]) and found["kind"] == "unlinked_document"


def _check_target(conn: Connection, found: Mapping[Any, Any], action: str, target: str) -> None:
    if action == "link" or action in STATED:
        table = accounts if target.startswith("acc_") else customers
        if not target.startswith(("acc_", "cus_")) or not _exists(conn, table, target):
            raise AnswerError(
                f"there is no account or customer {target!r} to name", hint="Take a target from the suggestions."
            )
        if table is customers:
            present(conn, target)
    if action == "bind":
        _check_document(conn, found, target)
    if action == "separate" and found["kind"] == "unlinked_document" and not target:
        raise AnswerError("say which document it is not", hint="Give target=<document id>, or answer with leave.")


def _check_contradictions(conn: Connection, found: Mapping[Any, Any], action: str, target: str, said: Any) -> list[str]:
    """The codes that contradict this answer; `said` names all of them where it is given.

    The console always gives one, so that nobody links what the page calls two firms with one click; a program that
    names its target decided before. Naming the customer is naming its accounts. Raises AnswerError (`contradicted`).
    """
    if action not in ("link", "bind"):
        return []
    meant = {target, *(parties.members_now(conn, target) if target.startswith("cus_") else ())}
    codes = dict.fromkeys(
        code
        for one in ranked(found["suggestions"], found["evidence"].get("reasons"))
        if one.get("target") in meant
        for code in one["contradictions"]
    )
    if said is None:
        return list(codes)
    named = said.split(",") if isinstance(said, str) else list(said)
    if missing := [code for code in codes if code not in named]:
        raise AnswerError(
            f"{target} is contradicted by {', '.join(missing)}",
            hint=f"If they are one all the same, say so: despite={','.join(codes)}",
            code="contradicted",
        )
    return list(codes)


def _check_document(conn: Connection, found: Mapping[Any, Any], target: str) -> None:
    """A record can only be bound to a document whose figures its own fields can show."""
    d = documents.c
    document = conn.execute(select(d.number, d.kind, d.currency).where(d.id == target)).first()
    if document is None:
        raise AnswerError(f"there is no document {target!r} to bind to", hint="Take a target from the suggestions.")
    kind = str(found["evidence"].get("record", {}).get("kind", "invoice"))
    if document.kind not in kinds_of(kind):
        raise AnswerError(
            f"{document.number} is a {document.kind.replace('_', ' ')}; the record says {kind}",
            hint="Take a document of the same kind from the suggestions, or answer with leave.",
        )
    if document.currency != found["currency"]:
        raise AnswerError(
            f"{document.number} is in {document.currency}, this record is in {found['currency']}:"
            " its fields cannot show the document's amounts",
            hint="Correct the currency in the CRM or take another document; leave keeps the record as it is.",
        )


def _exists(conn: Connection, table: Any, key: str) -> bool:
    return conn.execute(select(table.c.id).where(table.c.id == key)).first() is not None


def undo(ctx: Context, conflict_id: str, actor: str) -> dict[str, Any]:
    """Take the answer of a resolved conflict back; what it caused is decided again."""
    now = ctx.clock.now()
    with unit(ctx.engine, "answer.commit") as conn:
        found = conn.execute(select(conflicts).where(conflicts.c.id == conflict_id)).mappings().first()
        if found is None:
            raise Gone(f"there is no conflict {conflict_id}", code="no_conflict")
        if found["state"] != "resolved" or found["answer_seq"] is None:
            if found["rule_id"]:
                raise StaleWrite(
                    f"conflict {conflict_id} was answered by rule {found['rule_id']}",
                    hint="End the rule, or answer this one by hand.",
                    code="answered_by_rule",
                )
            raise StaleWrite(f"conflict {conflict_id} has no answer to take back", code="conflict_not_resolved")
        seq = append_undo(conn, now, found["answer_seq"], actor, conflict_id)
        reopen(conn, found)
        audit.append(conn, now, actor, "conflict.undo", conflict_id, {"undo_of": found["answer_seq"]})
    return {"id": conflict_id, "state": "open", "undo_seq": seq}


def append_undo(conn: Connection, now: Any, answer_seq: int, actor: str, conflict_id: str | None) -> int:
    """Put the taking back of an answer into the input log; answers its seq."""
    return append_answer(conn, now, {"undo_of": answer_seq, "conflict_id": conflict_id}, actor)


def present(conn: Connection, customer_id: str) -> None:
    """Raises Gone for a customer that is not known, or whose accounts stand in another one now."""
    m = memberships.c
    if conn.execute(select(customers.c.id).where(customers.c.id == customer_id)).first() is None:
        raise Gone(f"there is no customer {customer_id}", code="no_customer")
    if parties.members_now(conn, customer_id):
        return
    was = select(m.member).where(m.customer_id == customer_id, m.member.like("acc\\_%", escape="\\"))
    now = select(m.customer_id).where(m.member.in_(was), m.to_seq.is_(None)).order_by(m.member)
    home = conn.execute(now).scalar()
    where = f"it was merged into {home}" if home else "it has no member"
    raise Gone(f"customer {customer_id} is no more: {where}", code="merged_away")
