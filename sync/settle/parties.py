"""Linking: accounts get their customer, CRM records are judged by rules with vetoes, people's answers first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update

from mapping.identity.facts import PartyFacts, facts
from mapping.identity.keys import RULE_KINDS
from mapping.identity.link import Verdict, judge
from sync.fold.batch import Batch
from sync.fold.blocks import Moves, onlookers, side_of
from sync.fold.blocks import candidates as blocks_of
from sync.fold.conflicts import ConflictCall, close_conflicts, open_conflicts
from sync.settle import memberships as membership
from sync.settle import rivals
from sync.settle.memberships import Wanted
from sync.settle.scope import Business, documents_of_parties
from tieout.canonical.parties import PartyCandidate
from tieout.ledger import chart
from tieout.store.among import among, among_given
from tieout.store.landing import chunks
from tieout.store.queries.blocks import Key, keys_held
from tieout.store.queries.parties import parties_of
from tieout.store.refs import by_refs, rows_by
from tieout.store.tables import accounts, answers, balances, customers

KIND = "identity"
BOOK_RULE = "book_of_record"
_ANSWERS = (
    select(answers)
    .where(among_given(answers.c.subject, "subjects"), answers.c.is_active.is_(True))
    .order_by(answers.c.seq)
)
_a = accounts.c
_NAMESAKES = by_refs(select(_a.id, _a.connection, _a.party_ref), (_a.connection, _a.party_ref))
BOUND_POINTS = 400  # documents bound by their own keys: ranks above names that merely look alike


def settle_accounts(batch: Batch, ids: Sequence[str]) -> None:
    """Every account belongs to a customer: the one a person said, the one it had, or a new one."""
    a = accounts.c
    rows: list[Mapping[Any, Any]] = []
    for part in chunks(ids):
        rows.extend(batch.conn.execute(select(accounts).where(among(a.id, part)).order_by(a.id)).mappings())
    held = membership.standing(batch, ids)
    first = membership.first_customers(batch, ids)
    said = {row["subject"]: row for row in _answered(batch, ids) if row["action"] == "link"}
    twins = _twins(batch, rows)
    wanted: list[Wanted] = []
    fresh: dict[str, str] = {}
    by_ref: dict[tuple[str, str], str] = {}
    for row in rows:
        member = row["id"]
        target = said.get(member)
        if target is not None:
            goal = _customer_of(batch, target["target"])
            if goal is not None:
                wanted.append(Wanted(member, goal, "must_link", "answer", {"target": target["target"]}, target["seq"]))
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
    batch.touch("party", _neighbours(batch, moved))


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


@dataclass(frozen=True, slots=True)
class Judged:
    """CRM records as they were judged: what was looked at, what people said, and the verdict on each that is there."""

    candidates: Mapping[str, PartyCandidate]
    known: Mapping[str, PartyFacts]
    held: Mapping[str, Mapping[Any, Any]]
    said: Mapping[str, Mapping[Any, Any]]
    refused: Set[tuple[str, str]]
    left_alone: Set[str]
    business: Mapping[str, Business]
    blocks: Mapping[str, Set[str]]
    verdicts: Mapping[str, Verdict]

    def goal(self, key: str) -> str | None:
        """The customer that a record's verdict puts it into."""
        return _goal(self.verdicts[key], self.held) if self.verdicts[key].outcome == "link" else None


def judged(batch: Batch, keys: Sequence[str]) -> Judged:
    """The verdict on these CRM records as things stand; nothing is written."""
    blocks = blocks_of(batch, keys)
    everyone = {*keys, *(other for group in blocks.values() for other in group)}
    answered = _answered(batch, keys)
    said = {row["subject"]: row for row in answered if row["action"] == "link"}
    everyone |= {row["target"] for row in said.values()}
    candidates = parties_of(batch.conn, everyone)
    held = membership.standing(batch, everyone)
    refused = {
        (row["subject"], row["target"]) for row in answered if row["action"] == "separate" and row["target"] != ""
    }
    left_alone = {row["subject"] for row in answered if _leaves_alone(row)}
    known = {
        ref: facts(
            ref,
            candidate,
            side=side_of(ref),
            group=held[ref]["customer_id"] if ref in held else "",
            is_answered=ref in held and held[ref]["rule"] == "must_link",
        )
        for ref, candidate in candidates.items()
    }
    business = documents_of_parties(batch, keys)
    noted = rivals.notes(batch, known)
    verdicts: dict[str, Verdict] = {}
    for key in keys:
        record = known.get(key)
        if record is not None:
            others = [known[ref] for ref in sorted(blocks.get(key, ())) if ref in known]
            must = {(key, said[key]["target"])} if key in said else set()
            verdicts[key] = judge(record, others, must, refused, noted)
    return Judged(candidates, known, held, said, refused, left_alone, business, blocks, verdicts)


def settle_parties(batch: Batch, keys: Sequence[str]) -> None:
    """Judge these CRM records: link, or review as a conflict, or separate."""
    found = judged(batch, keys)
    wanted: list[Wanted] = []
    calls: list[ConflictCall] = []
    closed: list[str] = []
    for key in keys:
        verdict = found.verdicts.get(key)
        if verdict is None:
            wanted.append(Wanted(key, None, "", ""))  # the record is gone
            closed.append(key)
            continue
        customer = found.goal(key)
        if customer is not None:
            answer_seq = found.said[key]["seq"] if verdict.rule == "must_link" else None
            evidence = {"refs": list(verdict.refs), "reasons": [_reason(r) for r in verdict.reasons]}
            wanted.append(Wanted(key, customer, verdict.rule, verdict.rule_version, evidence, answer_seq))
            closed.append(key)
            continue
        wanted.append(Wanted(key, None, "", ""))
        call = question(batch, found, key)
        if call is not None:
            calls.append(call)
        else:
            closed.append(key)  # nobody we do business with: no question worth a person's time
    membership.change(batch, wanted, found.held)
    close_conflicts(batch, KIND, closed, state="superseded")
    open_conflicts(batch, _with_money(batch, calls))


def question(batch: Batch, found: Judged, key: str) -> ConflictCall | None:
    """What a person is asked about a record that is linked to nobody; None for nothing."""
    verdict = found.verdicts[key]
    deals_in = _less(batch, found.business.get(key), {target for subject, target in found.refused if subject == key})
    if (verdict.outcome == "review" or deals_in is not None) and key not in found.left_alone:
        return _call(batch, key, found.candidates, verdict, deals_in)
    return None


def _goal(verdict: Verdict, held: Mapping[str, Mapping[Any, Any]]) -> str | None:
    for ref in verdict.refs:
        if ref.startswith("cus_"):
            return ref
        if ref in held:
            return str(held[ref]["customer_id"])
    return None


def _neighbours(batch: Batch, members: Iterable[str]) -> set[str]:
    """CRM records that see any of these members by a rule key."""
    changed: dict[Key, Moves] = {}
    for member, kind, value in keys_held(batch.conn, set(members), RULE_KINDS):
        changed.setdefault((kind, value), Moves()).changed.add(member)
    return {member for member in onlookers(batch, changed) if "/" in member}


def _answered(batch: Batch, subjects: Iterable[str]) -> list[Mapping[Any, Any]]:
    """The standing answers about these subjects, oldest first."""
    out: list[Mapping[Any, Any]] = []
    for part in chunks(sorted(set(subjects))):
        out.extend(batch.conn.execute(_ANSWERS, {"subjects": part}).mappings())
    return out


def _leaves_alone(answer: Mapping[Any, Any]) -> bool:
    """A person said: this record has no counterpart in the books."""
    return bool(answer["action"] == "leave" or (answer["action"] == "separate" and answer["target"] == ""))


def _reason(reason: Any) -> dict[str, Any]:
    return dataclasses.asdict(reason)


def _call(
    batch: Batch, key: str, candidates: Mapping[str, PartyCandidate], verdict: Verdict, business: Business | None
) -> ConflictCall:
    connection, stream, record = key.split("/", 2)
    mine = candidates[key]
    suggestions = [
        {
            "target": one.ref,
            "action": "link",
            "label": candidates[one.ref].display_name if one.ref in candidates else one.ref,
            "points": one.points,
            "reasons": [_reason(r) for r in one.reasons],
            "record": _shown(candidates[one.ref]) if one.ref in candidates else {},
        }
        for one in verdict.suggestions
    ]
    reasons = [_reason(r) for r in verdict.reasons]
    if business is not None:
        suggestions = _by_documents(batch, suggestions, business)
        if not reasons:
            reasons = [{"code": "no_rule_links", "mine": mine.display_name, "theirs": "", "ref": ""}]
    return ConflictCall(
        kind=KIND,
        cause=key,
        connection=connection,
        stream=stream,
        external_id=record,
        title=mine.display_name,
        evidence={"record": _shown(mine), "reasons": reasons, "rule_version": verdict.rule_version},
        suggestions=suggestions,
    )


def _less(batch: Batch, business: Business | None, refused: set[str]) -> Business | None:
    """Business without the accounts that people parted from the record, and those of the same customers."""
    if business is None or not refused or not business.numbers:
        return business
    held = membership.standing(batch, {*business.numbers, *refused})
    parted = refused | {row["customer_id"] for member, row in held.items() if member in refused}
    kept = {
        account: numbers
        for account, numbers in business.numbers.items()
        if account not in parted and (account not in held or held[account]["customer_id"] not in parted)
    }
    return dataclasses.replace(business, numbers=kept)


def _by_documents(batch: Batch, suggestions: list[dict[str, Any]], business: Business) -> list[dict[str, Any]]:
    """Accounts whose documents this record's own invoices are bound to: the strongest hint short of a rule."""
    known = {one["target"]: one for one in suggestions}
    missing = sorted(business.numbers.keys() - known.keys())
    parties = parties_of(batch.conn, missing)
    for account in missing:
        party = parties.get(account)
        known[account] = {
            "target": account,
            "action": "link",
            "label": party.display_name if party is not None else account,
            "points": 0,
            "reasons": [],
            "record": _shown(party) if party is not None else {},
        }
    for account, numbers in business.numbers.items():
        one = known[account]
        shown = ", ".join(numbers[:3]) + (f" … +{len(numbers) - 3}" if len(numbers) > 3 else "")
        known[account] = {
            **one,
            "points": one["points"] + BOUND_POINTS,
            "reasons": [*one["reasons"], {"code": "documents_bound", "mine": shown, "theirs": shown, "ref": account}],
        }
    return sorted(known.values(), key=lambda one: (-one["points"], one["target"]))


def _shown(party: PartyCandidate) -> dict[str, Any]:
    """What a person compares side by side."""
    return {
        "names": list(party.names),
        "legal_name": party.legal_name,
        "tax_ids": list(party.tax_ids),
        "number": party.number,
        "phone": party.phone,
        "website": party.website,
        "country": party.country,
        "city": party.city,
        "address": party.address,
    }


def _with_money(batch: Batch, calls: Sequence[ConflictCall]) -> list[ConflictCall]:
    """Money at stake: what the best suggested account owes, in the currency it owes most of."""
    b = balances.c
    targets = sorted({call.suggestions[0]["target"] for call in calls if call.suggestions})
    owed: dict[str, tuple[int, str]] = {}
    for part in chunks(targets):
        for row in batch.conn.execute(
            select(b.account_id, b.currency, b.amount_minor).where(among(b.account_id, part), b.code == chart.AR)
        ):
            best = owed.get(row.account_id, (0, ""))
            owed[row.account_id] = max(best, (int(row.amount_minor), row.currency))
    out = []
    for call in calls:
        amount, currency = owed.get(call.suggestions[0]["target"], (0, "")) if call.suggestions else (0, "")
        out.append(dataclasses.replace(call, currency=currency or None, money_minor=amount))
    return out
