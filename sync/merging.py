"""People say who is one customer and who is not: merge, relink, separate, and taking each back. No journal row moves.

An answer is given about what stands: one more about the same members or customers waits until the first was folded,
else two people could swap two customers. What contradicts "not the same" is refused unless the person overrules it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from sync.answering import AnswerError, append_undo, present
from sync.apply import append_answer
from sync.context import Context
from tieout.core.errors import Gone, StaleWrite
from tieout.store import audit
from tieout.store.queries import parties
from tieout.store.session import lock_rows, unit
from tieout.store.tables import answers, dirty, inputs, pending

_n = answers.c
Row = Mapping[Any, Any]


class Contradiction(AnswerError):
    """A person said that the two are not the same; the message says who and when."""

    code = "contradicts_answer"


def to_merge(conn: Connection, customer_id: str, other_id: str) -> list[str]:
    """The members of `other_id` that a merge moves: its accounts, whose records follow; without any, its records."""
    if customer_id == other_id:
        raise AnswerError("a customer cannot be merged with itself")
    members = _as_it_stands(conn, [customer_id, other_id])[other_id]
    return [member for member in members if member.startswith("acc_")] or members


def merge(
    ctx: Context, customer_id: str, other_id: str, actor: str, reason: str = "", *, overrule: bool = False
) -> dict[str, Any]:
    """Make two customers one: the accounts of `other_id` become members of `customer_id`.

    Raises Gone, StaleWrite (an answer about them waits), Contradiction unless `overrule`.
    """
    now = ctx.clock.now()
    with unit(ctx.engine, "answer.commit") as conn:
        one_at_a_time(conn)
        moving = to_merge(conn, customer_id, other_id)
        groups = [[key, *parties.members_now(conn, key)] for key in (customer_id, other_id)]
        against = _overruled(contradicted(conn, *groups), overrule)
        said = {"action": "link", "target": customer_id, **_act(ctx, reason)}
        seqs = [
            append_answer(conn, now, {"subject": member, **said, **_over(against, place == 0)}, actor)
            for place, member in enumerate(moving)
        ]
        told = _told({"other": other_id, "members": moving}, reason, against)
        audit.append(conn, now, actor, "customer.merge", customer_id, told)
    return {"customer": customer_id, "merged": other_id, "members": moving, "answers": seqs}


def relink(
    ctx: Context,
    customer_id: str,
    members: Sequence[str],
    actor: str,
    reason: str = "",
    *,
    overrule: bool = False,
) -> dict[str, Any]:
    """Put accounts or CRM records into this customer, wherever rules or people had put them; `unmerge` takes it back.

    Raises Gone for a customer or member that is not there, AnswerError for one that is there already, StaleWrite and
    Contradiction as for `merge`.
    """
    now = ctx.clock.now()
    wanted = sorted(set(members))
    if not wanted:
        raise AnswerError("say which members move", hint="Name accounts (acc_…) or records (connection/stream/id).")
    with unit(ctx.engine, "answer.commit") as conn:
        one_at_a_time(conn)
        homes = {member: parties.membership_of(conn, member) for member in wanted}
        about = [*wanted, *(str(home["customer_id"]) for home in homes.values() if home is not None)]
        group = [customer_id, *_as_it_stands(conn, [customer_id], about)[customer_id]]
        for member, home in homes.items():
            if home is not None and home["customer_id"] == customer_id:
                raise AnswerError(f"{member} is a member of {customer_id} already")
            if home is None and parties.party_of(conn, member) is None:
                raise Gone(f"there is no account or record {member!r}", code="no_party")
        against = _overruled(contradicted(conn, group, wanted), overrule)
        said = {"action": "link", "target": customer_id, **_act(ctx, reason)}
        seqs = [
            append_answer(
                conn, now, {"subject": one, **said, **_over([row for row in against if one in _pair(row)])}, actor
            )
            for one in wanted
        ]
        told = _told({"members": wanted}, reason, against)
        audit.append(conn, now, actor, "customer.relink", customer_id, told)
    return {"customer": customer_id, "members": wanted, "answers": seqs}


def to_separate(conn: Connection, customer_id: str, members: Collection[str]) -> tuple[list[str], list[str]]:
    """The records that a person may part from a customer, and the accounts of it that they are then parted from.

    A record that a person put there is taken back with `unmerge`; an account is the customer and cannot leave it.
    """
    inside = _as_it_stands(conn, [customer_id], members)[customer_id]
    wanted = sorted(set(members))
    if not wanted:
        raise AnswerError("say which records are not this customer", hint="Name them as connection/stream/id.")
    _inside(customer_id, inside, wanted)
    for member in wanted:
        if "/" not in member:
            raise AnswerError(
                f"{member} is an account of {customer_id}: it is the customer",
                hint="Unmerge takes back a merge; relink puts an account into another customer.",
            )
        home = parties.membership_of(conn, member)
        if home is not None and home["answer_seq"] is not None:
            raise AnswerError(f"a person put {member} there", hint="Take that back with unmerge.")
    books = [member for member in inside if member.startswith("acc_")]
    return wanted, books or [customer_id]


def separate(ctx: Context, customer_id: str, members: Collection[str], actor: str, reason: str = "") -> dict[str, Any]:
    """Say that records which a rule linked are not this customer: they leave it, and no rule brings them back.

    The answer is about every account the customer has, so that it holds whatever becomes of the customer. Undone with
    `undo_act`.
    """
    now = ctx.clock.now()
    with unit(ctx.engine, "answer.commit") as conn:
        one_at_a_time(conn)
        wanted, books = to_separate(conn, customer_id, members)
        said = {"action": "separate", **_act(ctx, reason)}
        seqs = [
            append_answer(conn, now, {"subject": member, **said, "target": account}, actor)
            for member in wanted
            for account in books
        ]
        told = _told({"members": wanted}, reason, ())
        audit.append(conn, now, actor, "customer.separate", customer_id, told)
    return {"customer": customer_id, "members": wanted, "answers": seqs}


def to_unmerge(conn: Connection, customer_id: str, members: Sequence[str]) -> dict[str, int]:
    """The members that a person put into a customer, each with its last answer; without members those of the last act.

    One merge or relink is one act, however many members it moved.
    """
    inside = parties.members_now(conn, customer_id)
    _inside(customer_id, inside, members)
    wanted = [member for member in inside if not members or member in members]
    _refuse_waiting(conn, [customer_id, *wanted])
    query = select(_n.seq, _n.subject).where(_n.subject.in_(wanted), _n.action == "link", _n.is_active.is_(True))
    last = {row.subject: row.seq for row in conn.execute(query.order_by(_n.seq))}
    if not last:
        raise AnswerError(
            f"no member of {customer_id} was put there by a person",
            hint="A record that a rule linked is parted with separate.",
        )
    if not members:
        act = set(act_of(conn, max(last.values())))
        last = {subject: seq for subject, seq in last.items() if seq in act}
    return last


def unmerge(ctx: Context, customer_id: str, members: Sequence[str], actor: str, reason: str = "") -> dict[str, Any]:
    """Take merges and relinks back: the named members (those of the last act when none is named) return home.

    Of several answers about a member only the last is taken back: what stood before it holds again.
    """
    now = ctx.clock.now()
    with unit(ctx.engine, "answer.commit") as conn:
        one_at_a_time(conn)
        last = to_unmerge(conn, customer_id, members)
        for seq in sorted(last.values()):
            append_undo(conn, now, seq, actor, None)
        told = _told({"members": sorted(last)}, reason, ())
        audit.append(conn, now, actor, "customer.unmerge", customer_id, told)
    return {"customer": customer_id, "members": sorted(last)}


def undo_act(ctx: Context, seq: int, actor: str, reason: str = "") -> dict[str, Any]:
    """Take back one standing answer given by hand, with all that was said in the same act.

    Raises Gone for an answer that is not there, StaleWrite for one that does not stand or answers a question.
    """
    now = ctx.clock.now()
    with unit(ctx.engine, "answer.commit") as conn:
        one_at_a_time(conn)
        found = conn.execute(select(answers).where(_n.seq == seq)).mappings().first()
        if found is None:
            raise Gone(f"there is no answer {seq}", code="no_answer")
        if not found["is_active"]:
            raise StaleWrite(f"answer {seq} was taken back already", code="answer_not_standing")
        if found["conflict_id"]:
            raise StaleWrite(
                f"answer {seq} answers {found['conflict_id']}",
                hint=f"Take it back there: tieout conflicts undo {found['conflict_id']}.",
                code="answers_question",
            )
        act = act_of(conn, seq)
        rows = conn.execute(select(_n.seq, _n.subject).where(_n.seq.in_(act), _n.is_active.is_(True))).all()
        _refuse_waiting(conn, [row.subject for row in rows])
        for row in rows:
            append_undo(conn, now, row.seq, actor, None)
        told = _told({"members": sorted({row.subject for row in rows})}, reason, ())
        audit.append(conn, now, actor, "answer.undo", str(seq), told)
    return {"answers": [row.seq for row in rows], "members": sorted({row.subject for row in rows})}


def act_of(conn: Connection, seq: int) -> list[int]:
    """The answers that were given in one act with this one."""
    i = inputs.c
    row = conn.execute(select(i.at, i.actor, i.body).where(i.seq == seq)).first()
    if row is None:
        return [seq]
    act = row.body.get("act")
    if not act:  # from before acts had a name: the same hand in the same moment on the same target
        act, of = row.body.get("target"), "target"
    else:
        of = "act"
    same = select(i.seq, i.body).where(i.kind == "answer", i.at == row.at, i.actor == row.actor).order_by(i.seq)
    return [one.seq for one in conn.execute(same) if one.seq == seq or one.body.get(of) == act]


def contradicted(conn: Connection, left: Collection[str], right: Collection[str]) -> list[Row]:
    """Standing answers by which a person parted someone of the one group from someone of the other, oldest first."""
    query = select(answers).where(_n.action == "separate", _n.target != "", _n.is_active.is_(True))
    rows = {
        row["seq"]: row
        for one, other in ((left, right), (right, left))
        for row in conn.execute(query.where(_n.subject.in_(one), _n.target.in_(other))).mappings()
    }
    return [rows[seq] for seq in sorted(rows)]


def one_at_a_time(conn: Connection) -> None:
    """People's answers about customers follow one another: the second sees the first."""
    if lock_rows(conn):
        conn.execute(select(func.pg_advisory_xact_lock(func.hashtext("answers"))))


def _as_it_stands(conn: Connection, keys: Sequence[str], others: Iterable[str] = ()) -> dict[str, list[str]]:
    """The members of customers, with nothing waiting to be worked in that would change them."""
    for key in keys:
        present(conn, key)
    before = {key: parties.members_now(conn, key) for key in keys}
    _refuse_waiting(conn, {*keys, *others, *(member for held in before.values() for member in held)})
    return {key: parties.members_now(conn, key) for key in keys}


def _refuse_waiting(conn: Connection, names: Collection[str]) -> None:
    """StaleWrite while an answer about any of these is not folded, or its effect not settled."""
    i, d = inputs.c, dirty.c
    given = select(i.body).join(pending, pending.c.seq == i.seq).where(i.kind == "answer")
    bodies = list(conn.execute(given).scalars())
    undone = [body["undo_of"] for body in bodies if body.get("undo_of")]
    named = {str(body.get(key, "")) for body in bodies for key in ("subject", "target")}
    for row in conn.execute(select(_n.subject, _n.target).where(_n.seq.in_(undone))):
        named |= {row.subject, row.target}
    stale = select(d.key).join(answers, _n.subject == d.key)
    named.update(conn.execute(stale.where(d.kind.in_(("account", "party")), d.key.in_(sorted(names)))).scalars())
    if not named.isdisjoint(names):
        raise StaleWrite(
            "an answer about these customers is being worked in",
            hint="Look again in a moment: what was shown may have changed.",
            code="answer_waits",
        )


def _inside(customer_id: str, inside: Sequence[str], members: Collection[str]) -> None:
    if unknown := sorted(set(members) - set(inside)):
        raise AnswerError(f"{', '.join(unknown)} is not a member of {customer_id}")


def _overruled(against: list[Row], overrule: bool) -> list[Row]:
    if against and not overrule:
        row = against[0]
        raise Contradiction(
            f"{row['actor']} said on {row['at']:%Y-%m-%d} that {row['subject']} is not {row['target']}",
            hint="Overrule that, or leave them apart.",
        )
    return against


def _pair(row: Row) -> tuple[str, str]:
    return row["subject"], row["target"]


def _over(against: Sequence[Row], here: bool = True) -> dict[str, Any]:
    return {"overrules": [row["seq"] for row in against]} if against and here else {}


def _act(ctx: Context, reason: str) -> dict[str, Any]:
    """What all answers of one act share."""
    return {"act": ctx.ids.new("act"), **({"reason": reason} if reason else {})}


def _told(body: dict[str, Any], reason: str, against: Sequence[Row]) -> dict[str, Any]:
    """What the audit trail keeps of it."""
    return {**body, **({"reason": reason} if reason else {}), **_over(against)}
