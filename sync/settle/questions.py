"""What a person is asked about a CRM record that is linked to nobody: both records, the reasons, the money at stake."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from mapping.identity.contradictions import against, contradictions
from mapping.identity.evidence import compare
from mapping.identity.facts import PartyFacts, facts
from mapping.identity.link import Suggestion, Verdict
from sync.fold.batch import Batch
from sync.fold.conflicts import ConflictCall
from sync.settle import memberships as membership
from sync.settle.judging import Judged
from sync.settle.scope import Business
from tieout.canonical.parties import PartyCandidate
from tieout.ledger import chart
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.queries.parties import parties_of
from tieout.store.tables import balances, memberships

KIND = "identity"
_REASON = ("code", "mine", "theirs", "ref", "weight")
BOUND_POINTS = 400  # documents bound by their own keys: ranks above names that merely look alike


def questions(batch: Batch, found: Judged, keys: Iterable[str]) -> dict[str, ConflictCall]:
    """What a person is asked about each of these records, with the money at stake; nothing about most."""
    asked: dict[str, Business | None] = {}
    for key in keys:
        verdict = found.verdicts[key]
        deals_in = _less(
            batch, found.business.get(key), {target for subject, target in found.refused if subject == key}
        )
        asks = verdict.outcome == "review" and _concerns_us(verdict, found.sight.held)
        if (asks or deals_in is not None) and key not in found.left_alone:
            asked[key] = deals_in
    shown = {*(one.ref for key in asked for one in found.verdicts[key].suggestions)}
    parties = parties_of(batch.conn, shown | asked.keys())
    held = found.sight.held
    calls = [_call(batch, key, parties, held, found.verdicts[key], business) for key, business in asked.items()]
    return {call.cause: call for call in _with_money(batch, calls)}


def question(batch: Batch, found: Judged, key: str) -> ConflictCall | None:
    """What a person is asked about a record that is linked to nobody; None for nothing."""
    return questions(batch, found, [key]).get(key)


def reason_row(reason: Any) -> dict[str, Any]:
    """A reason as evidence keeps it."""
    return {
        "code": reason.code,
        "mine": reason.mine,
        "theirs": reason.theirs,
        "ref": reason.ref,
        "weight": reason.weight,
    }


def _concerns_us(verdict: Verdict, held: Mapping[str, Mapping[Any, Any]]) -> bool:
    """True when a customer is meant: records of two CRMs that belong to nobody are no question yet."""
    refs = {one.ref for one in verdict.suggestions} | {one.ref for one in verdict.reasons if one.ref}
    return not refs or any(ref in held or ref.startswith(("acc_", "cus_")) for ref in refs)


def _call(
    batch: Batch,
    key: str,
    parties: Mapping[str, PartyCandidate],
    held: Mapping[str, Mapping[Any, Any]],
    verdict: Verdict,
    business: Business | None,
) -> ConflictCall:
    connection, stream, record = key.split("/", 2)
    mine = parties[key]
    suggestions = [
        {
            "target": target,
            "action": "link",
            "label": parties[one.ref].display_name if one.ref in parties else one.ref,
            "points": one.points,
            "reasons": [reason_row(r) for r in one.reasons],
            "record": _shown(parties[one.ref]) if one.ref in parties else {},
        }
        for target, one in _targets(verdict, held)
    ]
    reasons = [reason_row(r) for r in verdict.reasons]
    if business is not None:
        suggestions = _by_documents(batch, suggestions, business, facts(key, mine, side=connection))
    suggestions.sort(key=lambda one: bool(against(one, reasons)))
    if business is not None and not reasons:
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


def _targets(verdict: Verdict, held: Mapping[str, Mapping[Any, Any]]) -> list[tuple[str, Suggestion]]:
    """What a record can be linked to: each account, and each customer of another CRM's record once.

    A record of another CRM that belongs to nobody is no target: there is nothing to link to yet.
    """
    out: list[tuple[str, Suggestion]] = []
    accounts: dict[str, str] = {}
    for one in verdict.suggestions:
        if one.ref.startswith("acc_") and one.ref in held:
            accounts.setdefault(held[one.ref]["customer_id"], one.ref)
    for one in verdict.suggestions:
        home = held[one.ref]["customer_id"] if one.ref in held else ""
        target = one.ref if one.ref.startswith("acc_") else accounts.get(home, home)
        if target and target not in {known for known, _ in out}:
            out.append((target, one))
    return out


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


def _by_documents(
    batch: Batch, suggestions: list[dict[str, Any]], business: Business, mine: PartyFacts
) -> list[dict[str, Any]]:
    """Accounts whose documents this record's own invoices are bound to: the strongest hint short of a rule.

    One that its name alone would not have brought up still says what contradicts it.
    """
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
            "reasons": [] if party is None else _contradicted(mine, facts(account, party, side="books")),
            "record": _shown(party) if party is not None else {},
        }
    for account, bound in business.numbers.items():
        one, numbers = known[account], list(dict.fromkeys(bound))  # an order and its invoice name the same one
        shown = ", ".join(numbers[:3]) + (f" … +{len(numbers) - 3}" if len(numbers) > 3 else "")
        known[account] = {
            **one,
            "points": one["points"] + BOUND_POINTS,
            "reasons": [*one["reasons"], {"code": "documents_bound", "mine": shown, "theirs": shown, "ref": account}],
        }
    return sorted(known.values(), key=lambda one: (-one["points"], one["target"]))


def _contradicted(mine: PartyFacts, theirs: PartyFacts) -> list[dict[str, Any]]:
    found = compare(mine, theirs)
    codes = contradictions(found.codes)
    return [reason_row(one) for one in found.weighed if one.code in codes]


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
    """Money at stake: what the best suggested account or customer owes, in the currency it owes most of."""
    targets = {call.suggestions[0]["target"] for call in calls if call.suggestions}
    of = {target: target for target in targets if target.startswith("acc_")}
    m, b = memberships.c, balances.c
    for part in chunks(sorted(targets - of.keys())):
        rows = batch.conn.execute(select(m.member, m.customer_id).where(among(m.customer_id, part), m.to_seq.is_(None)))
        of.update(rows.all())
    sums: dict[tuple[str, str], int] = {}
    for part in chunks(sorted(of)):
        for row in batch.conn.execute(
            select(b.account_id, b.currency, b.amount_minor).where(among(b.account_id, part), b.code == chart.AR)
        ):
            key = (of[row.account_id], row.currency)
            sums[key] = sums.get(key, 0) + int(row.amount_minor)
    owed: dict[str, tuple[int, str]] = {}
    for (target, currency), amount in sums.items():
        owed[target] = max(owed.get(target, (0, "")), (amount, currency))
    out = []
    for call in calls:
        amount, currency = owed.get(call.suggestions[0]["target"], (0, "")) if call.suggestions else (0, "")
        out.append(dataclasses.replace(call, currency=currency or None, money_minor=amount))
    return out
