"""People decide once: answers, merges, relinks and unmerges, each undoable, each in the input log and the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from tieout.store.tables import accounts, answers, conflicts, customers, documents

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

    What contradicts a link or binding must be named in the answer's `despite` (codes, a list or separated by commas).
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
    if action == "bind":
        _check_document(conn, found, target)
    if action == "separate" and found["kind"] == "unlinked_document" and not target:
        raise AnswerError("say which document it is not", hint="Give target=<document id>, or answer with leave.")


def _check_contradictions(conn: Connection, found: Mapping[Any, Any], action: str, target: str, said: Any) -> list[str]:
    """The codes that contradict this answer, all of which it names; nobody overlooks that two firms are two.

    Naming the customer is naming its accounts. Raises AnswerError (`contradicted`).
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
    named = said.split(",") if isinstance(said, str) else list(said or ())
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
        seq = _append_undo(conn, now, found["answer_seq"], actor, conflict_id)
        reopen(conn, found)
        audit.append(conn, now, actor, "conflict.undo", conflict_id, {"undo_of": found["answer_seq"]})
    return {"id": conflict_id, "state": "open", "undo_seq": seq}


def _append_undo(conn: Connection, now: Any, answer_seq: int, actor: str, conflict_id: str | None) -> int:
    return append_answer(conn, now, {"undo_of": answer_seq, "conflict_id": conflict_id}, actor)


def to_merge(conn: Connection, customer_id: str, other_id: str) -> list[str]:
    """The members of `other_id` that a merge moves: its accounts, whose records follow; without any, its records."""
    if customer_id == other_id:
        raise AnswerError("a customer cannot be merged with itself")
    for key in (customer_id, other_id):
        if not _exists(conn, customers, key):
            raise Gone(f"there is no customer {key}", code="no_customer")
    members = parties.members_now(conn, other_id)
    if not members:
        raise AnswerError(f"customer {other_id} has no members to merge")
    return [member for member in members if member.startswith("acc_")] or members


def merge(ctx: Context, customer_id: str, other_id: str, actor: str, reason: str = "") -> dict[str, Any]:
    """Make two customers one: the accounts of `other_id` become members of `customer_id`. No journal row moves."""
    now = ctx.clock.now()
    with unit(ctx.engine, "answer.commit") as conn:
        moving = to_merge(conn, customer_id, other_id)
        said = _with_reason({"action": "link", "target": customer_id}, reason)
        seqs = [append_answer(conn, now, {"subject": member, **said}, actor) for member in moving]
        told = _with_reason({"other": other_id, "members": moving}, reason)
        audit.append(conn, now, actor, "customer.merge", customer_id, told)
    return {"customer": customer_id, "merged": other_id, "members": moving, "answers": seqs}


def _with_reason(body: dict[str, Any], reason: str) -> dict[str, Any]:
    return {**body, "reason": reason} if reason else body


def to_unmerge(conn: Connection, customer_id: str, members: Sequence[str]) -> dict[str, int]:
    """The members that a person put into a customer, each with its last answer; all of them when none is named."""
    n = answers.c
    inside = parties.members_now(conn, customer_id)
    unknown = sorted(set(members) - set(inside))
    if unknown:
        raise AnswerError(f"{', '.join(unknown)} is not a member of {customer_id}")
    wanted = [member for member in inside if not members or member in members]
    rows = conn.execute(
        select(n.seq, n.subject).where(n.subject.in_(wanted), n.action == "link", n.is_active.is_(True)).order_by(n.seq)
    ).all()
    if not rows:
        raise AnswerError(
            f"no member of {customer_id} was put there by a person",
            hint="Members linked by a rule are parted by answering with separate.",
        )
    return {row.subject: row.seq for row in rows}


def unmerge(ctx: Context, customer_id: str, members: Sequence[str], actor: str, reason: str = "") -> dict[str, Any]:
    """Take merges and relinks back: the named members (all put there when none is named) return to where they stood.

    Of several answers about a member only the last is taken back: what stood before it holds again.
    """
    now = ctx.clock.now()
    with unit(ctx.engine, "answer.commit") as conn:
        last = to_unmerge(conn, customer_id, members)
        for seq in sorted(last.values()):
            _append_undo(conn, now, seq, actor, None)
        told = _with_reason({"members": sorted(last)}, reason)
        audit.append(conn, now, actor, "customer.unmerge", customer_id, told)
    return {"customer": customer_id, "members": sorted(last)}


def relink(ctx: Context, customer_id: str, members: Sequence[str], actor: str) -> dict[str, Any]:
    """Put accounts or CRM records into this customer, wherever rules or people had put them; `unmerge` takes it back.

    Raises Gone for a customer or member that is not known, AnswerError for one that is there already.
    """
    now = ctx.clock.now()
    wanted = sorted(set(members))
    if not wanted:
        raise AnswerError("say which members move", hint="Name accounts (acc_…) or records (connection/stream/id).")
    with unit(ctx.engine, "answer.commit") as conn:
        if not _exists(conn, customers, customer_id):
            raise Gone(f"there is no customer {customer_id}", code="no_customer")
        for member in wanted:
            home = parties.membership_of(conn, member)
            if home is not None and home["customer_id"] == customer_id:
                raise AnswerError(f"{member} is a member of {customer_id} already")
            if home is None and parties.party_of(conn, member) is None:
                raise Gone(f"there is no account or record {member!r}", code="no_party")
        seqs = [
            append_answer(conn, now, {"subject": member, "action": "link", "target": customer_id}, actor)
            for member in wanted
        ]
        audit.append(conn, now, actor, "customer.relink", customer_id, {"members": wanted})
    return {"customer": customer_id, "members": wanted, "answers": seqs}
