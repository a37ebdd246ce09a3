"""The judgement on one record: link by a sufficient rule with no veto, review by a person, or separate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mapping.identity import tax_ids
from mapping.identity.evidence import Evidence, Reason, compare
from mapping.identity.facts import PartyFacts

RULE_VERSION = "identity-1"
REVIEW_POINTS = 25  # a suggestion this strong is worth a person's time
MAX_SUGGESTIONS = 10
# What stops a rule that fits. A legal name that differs stops only the name rule: firms change their names.
_VETOES = {
    "tax_id": ("tax_id_conflict", "branch_conflict", "names_share_nothing"),
    "legal_name": ("tax_id_conflict", "branch_conflict", "region_conflict", "legal_name_differs", "group_word_differs"),
}

Pairs = Collection[tuple[str, str]]
Outcome = Literal["link", "review", "separate"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A record that may be the same customer, with what speaks for and against it; `points` only rank."""

    ref: str
    points: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for one record.

    `refs` are the records it is linked to ("link" only; several when they are one customer already or a person said
    so). `rule` is must_link, tax_id or legal_name. `reasons` say why, also why not.
    """

    outcome: Outcome
    refs: tuple[str, ...]
    rule: str
    rule_version: str
    reasons: tuple[Reason, ...]
    suggestions: tuple[Suggestion, ...]


def judge(
    record: PartyFacts,
    candidates: Sequence[PartyFacts],
    must_link: Pairs = (),
    must_not_link: Pairs = (),
) -> Verdict:
    """Which customer a record belongs to.

    `candidates` are all records that share a rule key with it (`keys.RULE_KINDS`), those of its own side included: they
    are its rivals, and a rule that fits two of them equally well decides nothing. Records that share only hint keys may
    be left out; they never change a link, only suggestions. Answers of people (unordered pairs of refs) come first.
    The result does not depend on the order of candidates.
    """
    others = sorted((c for c in candidates if c.ref != record.ref and c.side != record.side), key=lambda c: c.ref)
    rivals = sorted((c for c in candidates if c.ref != record.ref and c.side == record.side), key=lambda c: c.ref)
    wanted, refused = _paired(record.ref, must_link), _paired(record.ref, must_not_link)
    # Parted from a record means parted from its whole customer; an answer may also name the customer itself.
    parted = {*refused, *(c.group for c in (*others, *rivals) if c.group and c.ref in refused)}
    evidence = {
        other.ref: compare(record, other)
        for other in others
        if other.ref not in refused and not (other.group and other.group in parted)
    }
    suggestions = _suggestions(evidence)
    if wanted:
        return _answered(record, others, wanted, refused, parted, suggestions)
    groups: dict[str, list[Evidence]] = {}
    for other in others:
        if other.ref in evidence:
            groups.setdefault(other.group or other.ref, []).append(evidence[other.ref])
    sides: dict[str, set[str]] = {}
    for other in others:
        sides.setdefault(other.group or other.ref, set()).add(other.side)
    customers = frozenset(other.group for other in others if other.group)
    found, reasons = _by_rule(record, groups, rivals, sides, customers)
    if found is not None:
        rule, members = found
        refs = tuple(sorted(one.ref for one in members))
        return Verdict("link", refs, rule, RULE_VERSION, reasons, suggestions)
    strong = any(s.points >= REVIEW_POINTS and not evidence[s.ref].is_vetoed for s in suggestions)
    outcome: Outcome = "review" if reasons or strong else "separate"
    return Verdict(outcome, (), "", RULE_VERSION, reasons, suggestions)


def _paired(ref: str, pairs: Pairs) -> frozenset[str]:
    return frozenset(b if a == ref else a for a, b in pairs if ref in (a, b) and a != b)


def _answered(
    record: PartyFacts,
    others: Sequence[PartyFacts],
    wanted: frozenset[str],
    refused: frozenset[str],
    parted: set[str],
    suggestions: tuple[Suggestion, ...],
) -> Verdict:
    """A person said which: that holds, whatever else speaks against it; two answers that contradict go back."""
    both = [ref for ref in sorted(wanted) if ref in refused]
    both += [c.ref for c in others if c.ref in wanted and c.ref not in refused and c.group in parted]
    if both:
        reasons = tuple(Reason("answers_contradict", record.ref, ref, ref) for ref in both)
        return Verdict("review", (), "", RULE_VERSION, reasons, suggestions)
    reasons = tuple(Reason("must_link", record.ref, ref, ref) for ref in sorted(wanted))
    return Verdict("link", tuple(sorted(wanted)), "must_link", RULE_VERSION, reasons, suggestions)


def _by_rule(
    record: PartyFacts,
    groups: Mapping[str, Sequence[Evidence]],
    rivals: Sequence[PartyFacts],
    sides: Mapping[str, set[str]],
    customers: frozenset[str],
) -> tuple[tuple[str, Sequence[Evidence]] | None, tuple[Reason, ...]]:
    """The rule that fits and the customer it fits, or the reasons why a person must look."""
    by_tax = _settled(
        {g: found for g, found in groups.items() if any(one.tax_equal for one in found)}, sides, customers
    )
    by_name = _settled(
        {g: found for g, found in groups.items() if any(one.name_equal for one in found)}, sides, customers
    )
    if not by_tax and not by_name:
        return None, ()
    rule, hits = ("tax_id", by_tax) if by_tax else ("legal_name", by_name)
    against: list[Reason] = []
    if len(hits) > 1:
        against += [Reason("ambiguous", rule, one.ref, one.ref) for found in hits.values() for one in found]
    if by_tax and by_name and not by_tax.keys() & by_name.keys():
        against += [Reason("name_says_other", "", one.ref, one.ref) for found in by_name.values() for one in found]
    against += [
        Reason("duplicate_in_source", record.shown_names(), rival.shown_names(), rival.ref)
        for rival in rivals
        if _competes(record, rival, rule)
    ]
    vetoes = _VETOES[rule]
    against += [r for found in hits.values() for one in found for r in one.reasons if r.code in vetoes]
    code = "tax_id_equal" if rule == "tax_id" else "legal_name_equal"
    speaking = [r for found in hits.values() for one in found for r in one.reasons if r.code == code]
    reasons = tuple(sorted({*speaking, *against}, key=lambda r: (r.code != code, r.code, r.ref, r.mine, r.theirs)))
    if against:
        return None, reasons
    return (rule, next(iter(hits.values()))), reasons


def _settled(
    hits: Mapping[str, Sequence[Evidence]], sides: Mapping[str, set[str]], customers: frozenset[str]
) -> Mapping[str, Sequence[Evidence]]:
    """The hits without loose records of a further system, where a customer was hit: they are judged on their own."""
    anchored = {side for group in hits if group in customers for side in sides[group]}
    if not anchored:
        return hits
    return {group: found for group, found in hits.items() if group in customers or sides[group] & anchored}


def _competes(record: PartyFacts, rival: PartyFacts, rule: str) -> bool:
    """True when the rule that fits the record fits its rival at least as well: one of them is a duplicate."""
    if rule == "tax_id":
        return any(tax_ids.equal(a, b) for a in record.tax_ids for b in rival.tax_ids)
    return bool(record.legal_keys & rival.legal_keys)


def _suggestions(evidence: Mapping[str, Evidence]) -> tuple[Suggestion, ...]:
    ranked = sorted(evidence.values(), key=lambda one: (-one.points, one.ref))
    return tuple(Suggestion(one.ref, one.points, one.reasons) for one in ranked if one.points > 0)[:MAX_SUGGESTIONS]
