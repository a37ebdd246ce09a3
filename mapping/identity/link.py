"""The judgement on one record: link by a sufficient rule with no veto, review by a person, or separate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mapping.identity import tax_ids
from mapping.identity.evidence import Evidence, Reason, compared
from mapping.identity.facts import PartyFacts
from mapping.identity.findings import joined
from mapping.identity.rule_digest import rule_digest
from mapping.identity.views import View
from mapping.identity.weights import CROWDS, VETOES, barred, held, strong, sufficient, weights

RULE_VERSION = f"identity-7-{rule_digest()}"
MAX_SUGGESTIONS = 10
# What stops a rule that fits. A legal name that differs stops only the name rule: firms change their names.
_VETOES = {
    "tax_id": ("tax_id_conflict", "branch_conflict", "names_share_nothing"),
    "legal_name": ("tax_id_conflict", "branch_conflict", "region_conflict", "legal_name_differs", "group_word_differs"),
}

_NONE: frozenset[str] = frozenset()

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
    so). `rule` is must_link, tax_id, legal_name or one of `weights.sufficient`. `reasons` say why, also why not.
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
    notes: Mapping[str, frozenset[str]] | None = None,
    seen: dict[str, Evidence] | None = None,
    rivals_matter: set[str] | None = None,
) -> Verdict:
    """Which customer a record belongs to.

    `candidates` are all records that share a rule key with it (`keys.RULE_KINDS`), those of its own side included: they
    are its rivals, and a rule that fits two of them equally well decides nothing. Records that share only hint keys may
    be left out; what they would have brought is then neither linked nor suggested. Answers of people (unordered pairs
    of refs) come first. `notes`: by ref, whether others bear its brand or domain. The order of candidates is no matter.
    `seen` keeps what was compared, for a judgement among more candidates. Records of its own side that share only hint
    keys are rivals where the evidence alone would link, and nothing else: `rivals_matter` then takes in the record, so
    that a caller who left them out can judge it once more with them.
    """
    noted = notes or {}
    others = sorted((c for c in candidates if c.ref != record.ref and c.side != record.side), key=lambda c: c.ref)
    rivals = sorted((c for c in candidates if c.ref != record.ref and c.side == record.side), key=lambda c: c.ref)
    wanted, refused = _paired(record.ref, must_link), _paired(record.ref, must_not_link)
    # Parted from a record means parted from its whole customer; an answer may also name the customer itself.
    parted = {*refused, *(c.group for c in (*others, *rivals) if c.group and c.ref in refused)}
    view = View(record)
    known = {} if seen is None else seen
    evidence: dict[str, Evidence] = {}
    for other in others:
        if other.ref in refused or (other.group and other.group in parted):
            continue
        found = known.get(other.ref)
        if found is None:
            about = noted.get(record.ref, _NONE) | noted.get(other.ref, _NONE)
            found = known[other.ref] = compared(view, View(other), about)
        evidence[other.ref] = found
    groups = _groups(others, evidence)
    suggestions = _suggestions(evidence, groups)
    if wanted:
        return _answered(record, others, wanted, refused, parted, suggestions)
    sides: dict[str, set[str]] = {}
    for other in others:
        sides.setdefault(other.group or other.ref, set()).add(other.side)
    customers = frozenset(other.group for other in others if other.group)
    ruled, reasons = _by_rule(record, groups, rivals, sides, customers)
    if ruled is not None:
        rule, members = ruled
        refs = tuple(sorted(one.ref for one in members))
        return Verdict("link", refs, rule, RULE_VERSION, reasons, suggestions)
    if not reasons and (linked := _by_evidence(view, groups, rivals, customers, noted, rivals_matter)) is not None:
        rule, members, reasons = linked
        if rule:
            return Verdict("link", tuple(sorted(one.ref for one in members)), rule, RULE_VERSION, reasons, suggestions)
    strong = any(not evidence[s.ref].is_vetoed for s in suggestions)
    outcome: Outcome = "review" if reasons or strong else "separate"
    return Verdict(outcome, (), "", RULE_VERSION, reasons, suggestions)


def _groups(others: Sequence[PartyFacts], evidence: Mapping[str, Evidence]) -> dict[str, list[Evidence]]:
    """The evidence by customer. Where a person put legal persons together, one of them is enough to belong to."""
    groups: dict[str, list[Evidence]] = {}
    answered = {other.group for other in others if other.group and other.is_answered}
    for other in others:
        if other.ref in evidence:
            groups.setdefault(other.group or other.ref, []).append(evidence[other.ref])
    for group in answered & groups.keys():
        fits = [one for one in groups[group] if not one.is_vetoed] or groups[group]
        groups[group] = [one for one in fits if not one.is_barred] or fits
    return groups


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
    if len(hits) == 1:
        against += _stopped(next(iter(hits.values())), rule)
    vetoes = _VETOES[rule]
    against += [r for found in hits.values() for one in found for r in one.reasons if r.code in vetoes]
    code = "tax_id_equal" if rule == "tax_id" else "legal_name_equal"
    speaking = [r for found in hits.values() for one in found for r in one.reasons if r.code == code]
    reasons = tuple(sorted({*speaking, *against}, key=lambda r: (r.code != code, r.code, r.ref, r.mine, r.theirs)))
    if against:
        return None, reasons
    return (rule, next(iter(hits.values()))), reasons


def _by_evidence(
    view: View,
    groups: Mapping[str, Sequence[Evidence]],
    rivals: Sequence[PartyFacts],
    customers: frozenset[str],
    noted: Mapping[str, frozenset[str]],
    rivals_matter: set[str] | None,
) -> tuple[str, Sequence[Evidence], tuple[Reason, ...]] | None:
    """The customer for whom the evidence is sufficient, or the reasons why a person must look; None for neither."""
    weigh = weights()
    ranked: list[tuple[int, str, tuple[str, ...]]] = []
    for group, found in groups.items():
        codes = joined([one.codes for one in found])
        ranked.append((weigh.score(codes), group, codes))
    ranked.sort(key=lambda one: (-one[0], one[1]))
    if not ranked or ranked[0][0] < weigh.auto:
        return None
    score, best, codes = ranked[0]
    members = groups[best]
    if any(one.is_vetoed or one.is_barred for one in members) or not VETOES.isdisjoint(codes) or held(codes):
        return None
    record = view.facts
    against: list[Reason] = []
    for other_score, group, _ in ranked[1:]:
        # Loose records of a further system are judged on their own where a customer is meant.
        if other_score > score - weigh.margin and (group in customers or best not in customers):
            against += [Reason("ambiguous", "evidence", one.ref, one.ref) for one in groups[group]]
    if rivals_matter is not None:
        rivals_matter.add(record.ref)
    for rival in rivals:
        twin = compared(view, View(rival), noted.get(record.ref, _NONE) | noted.get(rival.ref, _NONE))
        if twin.points >= weigh.auto and not held(twin.codes) and not twin.is_vetoed:
            against.append(Reason("duplicate_in_source", record.shown_names(), rival.shown_names(), rival.ref))
    weighed = [reason for one in members for reason in one.weighed if reason.code in codes]
    reasons = tuple(sorted({*weighed, *against}, key=lambda r: (-r.weight, r.code, r.ref, r.mine, r.theirs)))
    return ("" if against else sufficient(codes)), members, reasons


def _stopped(found: Sequence[Evidence], rule: str) -> list[Reason]:
    """What stands against the customer that a rule fits: vetoes, holds, a crowd that bears the name, thin evidence."""
    codes = joined([one.codes for one in found])
    why = held(codes)
    stops = VETOES | {why} | (CROWDS if why == "no_rule" else frozenset())
    out = [
        reason for one in found for reason in one.weighed if reason.code in stops or reason.code == barred(one.codes)
    ]
    if not out and (why or not strong(codes, weights().score(codes), weights().auto)):
        out = [Reason("evidence_thin", rule, one.ref, one.ref) for one in found]
    return out


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


def _suggestions(evidence: Mapping[str, Evidence], groups: Mapping[str, Sequence[Evidence]]) -> tuple[Suggestion, ...]:
    """The best candidates. To be linked to one is to be linked to its customer: what vetoes another member counts."""
    ranked = sorted(evidence.values(), key=lambda one: (-one.points, one.ref))
    least = weights().review
    chosen = [one for one in ranked if one.points >= least or one.tax_equal][:MAX_SUGGESTIONS]
    vetoes: dict[str, list[Reason]] = {}
    for group, members in groups.items():
        if len(members) > 1:
            vetoes[group] = [reason for one in members for reason in one.weighed if reason.code in VETOES]
    out = []
    for one in chosen:
        known = {reason.code for reason in one.weighed}
        facts = one.theirs.facts
        others = {reason.code: reason for reason in vetoes.get(facts.group or facts.ref, ())}
        more = tuple(reason for code, reason in sorted(others.items()) if code not in known)
        out.append(Suggestion(one.ref, one.points, (*one.weighed, *more)))
    return tuple(out)
