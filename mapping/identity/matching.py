"""Many records at once: who is the same customer by sufficient rules, and what a person should look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mapping.identity.facts import PartyFacts, facts
from mapping.identity.keys import RULE_KINDS, link_keys
from mapping.identity.link import Suggestion, judge
from tieout.canonical.parties import PartyCandidate

BLOCK_CAP = 60  # members per hint key looked at (matching reference, section 4)


@dataclass(frozen=True, slots=True)
class Record:
    """One record to be matched; `ref` is unique over all sources."""

    ref: str
    source: str
    party: PartyCandidate


@dataclass(frozen=True, slots=True)
class Question:
    """Two clusters that a person should look at: `ref` of the one, `other` of the other, with the reasons."""

    ref: str
    other: str
    suggestion: Suggestion


@dataclass(frozen=True, slots=True)
class Matching:
    """`clusters`: the cluster id of each record (the smallest ref in it), made of automatic links alone."""

    clusters: Mapping[str, str]
    questions: Sequence[Question]
    dropped_blocks: int

    def sizes(self) -> dict[str, int]:
        """Records per cluster."""
        out: dict[str, int] = {}
        for cluster in self.clusters.values():
            out[cluster] = out.get(cluster, 0) + 1
        return out


def match(records: Iterable[Record]) -> Matching:
    """Judge every record against those of the other sources; the order of records does not matter."""
    known: dict[str, PartyFacts] = {}
    keys: dict[str, list[tuple[str, str]]] = {}
    index: dict[tuple[str, str], list[str]] = {}
    for record in sorted(records, key=lambda one: one.ref):
        known[record.ref] = facts(record.ref, record.party, side=record.source)
        keys[record.ref] = [(key.kind, key.value) for key in link_keys(record.party)]
        for pair in keys[record.ref]:
            index.setdefault(pair, []).append(record.ref)
    parent = {ref: ref for ref in known}
    asked: list[Question] = []
    dropped = sum(kind not in RULE_KINDS and len(block) > BLOCK_CAP for (kind, _), block in index.items())
    for ref, mine in known.items():
        near: set[str] = set()
        for kind, value in keys[ref]:
            block = index[kind, value]
            if kind in RULE_KINDS or len(block) <= BLOCK_CAP:
                near.update(block)
        verdict = judge(mine, [known[one] for one in near])
        for other in verdict.refs:
            _join(parent, ref, other)
        if verdict.outcome == "review":
            asked += [Question(ref, one.ref, one) for one in verdict.suggestions[:1]]
    clusters = {ref: _root(parent, ref) for ref in known}
    questions = [one for one in asked if clusters[one.ref] != clusters[one.other]]
    return Matching(clusters, questions, dropped)


def _root(parent: dict[str, str], ref: str) -> str:
    while parent[ref] != ref:
        parent[ref] = parent[parent[ref]]
        ref = parent[ref]
    return ref


def _join(parent: dict[str, str], left: str, right: str) -> None:
    a, b = sorted((_root(parent, left), _root(parent, right)))
    parent[b] = a
