"""Linking: accounts get their customer, CRM records are judged by rules with vetoes, people's answers first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from sqlalchemy import bindparam, select, update

from mapping.identity.beside import MEMBER
from mapping.identity.blocks import BLOCK_CAP
from mapping.identity.keys import RULE_KINDS
from sync.fold.batch import Batch
from sync.fold.blocks import Moves, onlookers, side_of
from sync.fold.conflicts import close_conflicts, open_conflicts
from sync.settle import memberships as membership
from sync.settle.judging import Judged, answered, judged
from sync.settle.memberships import Wanted
from sync.settle.questions import KIND, questions, reason_row
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.queries.blocks import Key, keys_held
from tieout.store.refs import by_refs, rows_by
from tieout.store.tables import accounts, customers

BOOK_RULE = "book_of_record"
ANSWERED = "must_link"
_a = accounts.c
_NAMESAKES = by_refs(select(_a.id, _a.connection, _a.party_ref), (_a.connection, _a.party_ref))


def settle_accounts(batch: Batch, ids: Sequence[str]) -> None:
    """Every account belongs to a customer: the one a person said, the one it had, or a new one."""
    a = accounts.c
    rows: list[Mapping[Any, Any]] = []
    for part in chunks(ids):
        rows.extend(batch.conn.execute(select(accounts).where(among(a.id, part)).order_by(a.id)).mappings())
    held = membership.standing(batch, ids)
    first = membership.first_customers(batch, ids)
    said = {row.subject: row for row in answered(batch, ids) if row.action == "link"}
    twins = _twins(batch, rows)
    wanted: list[Wanted] = []
    fresh: dict[str, str] = {}
    by_ref: dict[tuple[str, str], str] = {}
    for row in rows:
        member = row["id"]
        target = said.get(member)
        if target is not None:
            goal = _customer_of(batch, target.target)
            if goal is not None:
                wanted.append(Wanted(member, goal, "must_link", "answer", {"target": target.target}, target.seq))
                continue
        ref = (row["connection"], row["party_ref"])
        kept = held.get(member)
        customer = (
            (kept["customer_id"] if kept is not None and kept["rule"] == BOOK_RULE else None)
            or first.get(member)
            or twins.get(ref)
            or by_ref.get(ref)
        )
        if customer is None:
            customer = batch.ids.new("cus")
            fresh[customer] = row["name"]
        by_ref[ref] = customer
        wanted.append(Wanted(member, customer, BOOK_RULE, "1", None))
    membership.make_customers(batch, fresh, BOOK_RULE)
    moved = membership.change(batch, wanted)
    _rename(batch, rows, wanted)
    left = {str(held[member]["customer_id"]) for member in moved if member in held}
    # Records that a person put into a customer go where its accounts go, whatever brings them together.
    batch.touch("party", _neighbours(batch, moved) | membership.records_of(batch, left))


def _customer_of(batch: Batch, target: str) -> str | None:
    if target.startswith("cus_"):
        return target
    found = membership.standing(batch, [target]).get(target)
    return found["customer_id"] if found is not None else None


def _twins(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> dict[tuple[str, str], str]:
    """The customer of the same customer number in another company of the same source."""
    refs = sorted({(row["connection"], row["party_ref"]) for row in rows})
    ids: dict[str, tuple[str, str]] = {}
    for row in rows_by(batch.conn, _NAMESAKES, refs):
        ids[row.id] = (row.connection, row.party_ref)
    held = membership.standing(batch, ids)
    return {ids[member]: row["customer_id"] for member, row in sorted(held.items()) if row["rule"] == BOOK_RULE}


def _rename(batch: Batch, rows: Sequence[Mapping[Any, Any]], wanted: Sequence[Wanted]) -> None:
    """A customer is called what its account is called, once the customer record is known."""
    names = {row["id"]: row["name"] for row in rows if not row["is_provisional"]}
    changes = [
        {"b_id": one.customer, "b_name": names[one.member]}
        for one in wanted
        if one.member in names and one.rule == BOOK_RULE and one.customer
    ]
    if changes:
        batch.conn.execute(
            update(customers).where(customers.c.id == bindparam("b_id")).values(name=bindparam("b_name")), changes
        )


def settle_parties(batch: Batch, keys: Sequence[str]) -> None:
    """Judge these CRM records: link, or review as a conflict, or separate."""
    found = judged(batch, keys)
    wanted: list[Wanted] = []
    loose: list[str] = []
    closed: list[str] = []
    for key in keys:
        verdict = found.verdicts.get(key)
        if verdict is None:
            wanted.append(Wanted(key, None, "", ""))  # the record is gone
            closed.append(key)
            continue
        customer = found.goal(key)
        if customer is not None:
            answer_seq = found.said[key].seq if verdict.rule == "must_link" else None
            evidence = {"refs": list(verdict.refs), "reasons": [reason_row(r) for r in verdict.reasons]}
            wanted.append(Wanted(key, customer, verdict.rule, verdict.rule_version, evidence, answer_seq))
            closed.append(key)
            continue
        wanted.append(Wanted(key, None, "", ""))
        loose.append(key)
    calls = questions(batch, found, loose)
    closed += [key for key in loose if key not in calls]  # nobody we do business with: not worth a person's time
    before = found.sight.held
    membership.change(batch, wanted, before)
    batch.touch("party", _leaning(batch, found, {one.member: _rules(before.get(one.member), one) for one in wanted}))
    close_conflicts(batch, KIND, closed, state="superseded")
    open_conflicts(batch, list(calls.values()))
    found.sight.keep(batch)


def _rules(before: Mapping[Any, Any] | None, now: Wanted) -> tuple[str, str] | None:
    """The rules by which a record stood and stands in a customer, "" for none; None where nothing changed."""
    was = (before["customer_id"], before["rule"]) if before is not None else (None, "")
    return None if was == (now.customer, now.rule) else (str(was[1]), now.rule)


def _leaning(batch: Batch, found: Judged, changed: Mapping[str, tuple[str, str] | None]) -> set[str]:
    """Records of further systems that may lean on one of these, which stands elsewhere now or by another rule.

    Who is linked by accounts alone leans on nobody but on records that a person linked; those may be of its own system.
    """
    out: set[str] = set()
    for is_answered in (False, True):
        mine = {member for member, rules in changed.items() if rules is not None and (ANSWERED in rules) == is_answered}
        near = {one for one in _onlookers(batch, found, mine) if "/" in one}
        if not is_answered and near:
            sides = {side_of(one) for one in mine}
            near = {one for one in near if sides - {side_of(one)}}
            held = {member: row["rule"] for member, row in found.sight.held.items() if member not in changed}
            if unknown := near - found.sight.known.keys() | near & changed.keys():
                held |= membership.rules(batch, unknown)
            near = {one for one in near if held.get(one, MEMBER) == MEMBER}
        out |= near
    return out


def _onlookers(batch: Batch, found: Judged, members: Set[str]) -> set[str]:
    """Who sees any of these records, which were just judged, by a key; their keys are not read again."""
    out: set[str] = set()
    common: dict[Key, Moves] = {}
    for member in members:
        for key, block in found.shared.get(member, {}).items():
            if len(block) <= BLOCK_CAP:
                out.update(block)
            elif key[0] in RULE_KINDS:
                common.setdefault(key, Moves()).changed.add(member)
    return out | onlookers(batch, common) if common else out


def _neighbours(batch: Batch, members: Iterable[str]) -> set[str]:
    """CRM records that see any of these members by a rule key."""
    changed: dict[Key, Moves] = {}
    for member, kind, value in keys_held(batch.conn, set(members), RULE_KINDS):
        changed.setdefault((kind, value), Moves()).changed.add(member)
    return {member for member in onlookers(batch, changed) if "/" in member}
