"""The judgement on a CRM record where several CRMs stand beside the books, independent of which was linked first.

A link leans on what is settled without it: on accounts and on records that a person linked. Only where that is not
enough, records that were linked by accounts alone count as well; what they carry is told by its own rule (`MEMBER`) and
carries nobody else. So a link never leans on itself, and the order of arrival changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from mapping.identity.evidence import Evidence, Reason, compared, shown
from mapping.identity.facts import PartyFacts
from mapping.identity.findings import joined, told_apart
from mapping.identity.link import Pairs, Verdict, judge
from mapping.identity.views import View
from mapping.identity.weights import VETOES, held, strong, weights

MEMBER = "member"  # the rule of a link for which another CRM record of the customer was needed
CLAIMS = ("tax_id_conflict", "branch_conflict")  # why a record that claims the same customer is somebody else
ANCHORS = ("book_of_record", "must_link")  # rules of memberships that no judgement makes


def judge_beside(
    record: PartyFacts,
    candidates: Sequence[PartyFacts],
    must_link: Pairs = (),
    must_not_link: Pairs = (),
    notes: Mapping[str, frozenset[str]] | None = None,
    quiet: Collection[str] = (),
    seen: dict[str, Evidence] | None = None,
    rivals_matter: set[str] | None = None,
) -> Verdict:
    """Which customer a record belongs to; `candidates` as for `judge`, each with the customer and rule it stands in.

    `quiet`: records that claim no customer, for a person parted them from it or left them alone. `seen` and
    `rivals_matter` as for `judge`.
    """
    seen = {} if seen is None else seen
    firm = [c for c in candidates if c.side == record.side or c.rule in ANCHORS]
    verdict = judge(record, firm, must_link, must_not_link, notes, seen, rivals_matter)
    if verdict.rule == "must_link" or len(firm) == len(candidates):
        return verdict
    loose = [c for c in candidates if c.side != record.side and c.rule not in ANCHORS and c.ref not in quiet]
    if verdict.outcome == "link":
        return _unless_claimed(record, verdict, firm, loose)
    rest = [c if c.side == record.side or c.rule != MEMBER else replace(c, group="") for c in candidates]
    wider = judge(record, rest, must_link, must_not_link, notes, seen, rivals_matter)
    homes = {c.ref: c.group for c in rest}
    if wider.outcome == "link" and any(homes.get(ref) for ref in wider.refs):
        return _unless_claimed(record, replace(wider, rule=MEMBER), rest, loose)
    if wider.outcome == "link":  # to a record that belongs to nobody, or leans on others itself
        wider = replace(wider, outcome="separate", refs=(), rule="", reasons=())
    return verdict if verdict.outcome == "review" and wider.outcome != "review" else wider


def _unless_claimed(
    record: PartyFacts, verdict: Verdict, candidates: Sequence[PartyFacts], loose: Sequence[PartyFacts]
) -> Verdict:
    """A link, unless a record of a further system that is somebody else fits the same customer: then both are asked."""
    home = {c.group for c in candidates if c.ref in verdict.refs and c.group}
    members = [View(c) for c in candidates if c.group in home and c.side != record.side]
    mine = View(record)
    against = []
    for other in loose:
        if other.group in home and other.ref in verdict.refs:
            continue
        theirs = View(other)
        if _is_somebody_else(mine, theirs) and _fits(theirs, members):
            code = "tax_id_conflict" if told_apart(mine, theirs) else "branch_conflict"
            against.append(Reason(code, shown(code, record), shown(code, other), other.ref))
    if not against:
        return verdict
    reasons = (*verdict.reasons, *sorted(against, key=lambda r: (r.code, r.ref)))
    return replace(verdict, outcome="review", refs=(), rule="", reasons=reasons)


def _is_somebody_else(mine: View, theirs: View) -> bool:
    branches = mine.is_branch is not None and theirs.is_branch is not None and mine.is_branch != theirs.is_branch
    return branches or told_apart(mine, theirs)


def _fits(other: View, members: Sequence[View]) -> bool:
    """True when a record would be linked to the customer of these members, were it alone."""
    found = [compared(other, one) for one in members if one.facts.side != other.facts.side]
    if not found or any(one.is_vetoed for one in found):
        return False
    if any(one.tax_equal or one.name_equal for one in found):
        return True
    codes = joined([one.codes for one in found])
    weigh = weights()
    return VETOES.isdisjoint(codes) and not held(codes) and strong(codes, weigh.score(codes), weigh.auto)
