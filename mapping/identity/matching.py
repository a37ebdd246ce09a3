"""Many records at once: clusters of one customer each, and what a person should look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mapping.identity.blocks import Blocks
from mapping.identity.cluster import Clusters, Link, Pair
from mapping.identity.facts import PartyFacts, facts
from mapping.identity.keys import keys_of
from mapping.identity.weights import NEVER_ASKED, Weights, weights
from tieout.canonical.parties import PartyCandidate

CANDIDATES = 3  # asked about one cluster


@dataclass(frozen=True, slots=True)
class Record:
    """One record to be matched; `ref` is unique over all sources."""

    ref: str
    source: str
    party: PartyCandidate


@dataclass(frozen=True, slots=True)
class Question:
    """Two clusters that a person should look at, by a record of each; `ref` stands for the smaller one."""

    ref: str
    other: str
    link: Link


@dataclass(frozen=True, slots=True)
class Prepared:
    """Records read, with the blocks that bring candidate pairs; numbers stand for refs in sorted order."""

    refs: Sequence[str]
    facts: Mapping[str, PartyFacts]
    blocks: Blocks
    notes: Mapping[str, frozenset[str]]

    def pairs(self) -> Iterator[Pair]:
        """Candidate pairs by ref."""
        for left, right in self.blocks.pairs():
            yield self.refs[left], self.refs[right]


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


def prepare(records: Iterable[Record]) -> Prepared:
    """Facts, blocks and candidate pairs; the order of records does not matter."""
    known = {record.ref: facts(record.ref, record.party, side=record.source) for record in records}
    refs = sorted(known)
    blocks = Blocks()
    for number, ref in enumerate(refs):
        blocks.add(number, keys_of(known[ref]))
    blocks.close([known[ref] for ref in refs])
    return Prepared(refs, known, blocks, {refs[number]: codes for number, codes in blocks.notes.items()})


def matched(
    prepared: Prepared, chosen: Weights, must_link: Iterable[Pair] = (), must_not_link: Iterable[Pair] = ()
) -> Matching:
    """The clusters and questions of prepared records."""
    clusters = Clusters(prepared.facts, prepared.pairs(), chosen, must_link, must_not_link, prepared.notes)
    clusters.run()
    groups = clusters.groups()
    home = {ref: key for key, refs in groups.items() for ref in refs}
    return Matching(home, _questions(clusters), prepared.blocks.dropped)


def match(records: Iterable[Record], must_link: Iterable[Pair] = (), must_not_link: Iterable[Pair] = ()) -> Matching:
    """Match records by the shipped weights; people's answers come first."""
    return matched(prepare(records), weights(), must_link, must_not_link)


def _questions(clusters: Clusters) -> list[Question]:
    """The best few candidates of each cluster that may be another one; asked once, from the smaller side."""
    asked: dict[str, list[Link]] = {}
    for link in clusters.open_links():
        if NEVER_ASKED.isdisjoint(link.codes) and link.why_not not in NEVER_ASKED:
            small = min((link.left, link.right), key=lambda one: (len(clusters.members[one]), one))
            asked.setdefault(small, []).append(link)
    out = []
    for small, links in sorted(asked.items()):
        for link in sorted(links, key=lambda one: (-one.score, one.left, one.right))[:CANDIDATES]:
            out.append(Question(small, link.right if link.left == small else link.left, link))
    return out
