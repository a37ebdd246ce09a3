"""Many records at once: clusters of one customer each, and what a person should look at."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from mapping.identity.blocks import Blocks, Keys, KeyTable, Spread
from mapping.identity.cluster import Clusters, Link
from mapping.identity.facts import facts
from mapping.identity.keys import beside, keys_of
from mapping.identity.packed import Packed, packed
from mapping.identity.scored import Codes, Scored, score
from mapping.identity.weights import NEVER_ASKED, Weights, weights
from tieout.canonical.parties import PartyCandidate

CANDIDATES = 3  # asked about one cluster
PART = 10_000  # records of one step

RefPair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """One record to be matched; `ref` is unique over all sources."""

    ref: str
    source: str
    party: PartyCandidate


@dataclass(frozen=True, slots=True)
class Question:
    """Two clusters that a person should look at, by the smallest record of each; `ref` stands for the smaller one.

    `mine` and `theirs`: the records of the two that have most in common, `own`: what that is; `link`: all records
    together. `why`: what keeps the clusters apart (`evidence_thin`: too little).
    """

    ref: str
    other: str
    link: Link
    mine: str
    theirs: str
    own: Codes
    why: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """Records read, with the blocks that bring candidate pairs; numbers stand for refs in sorted order."""

    refs: Sequence[str]
    facts: Packed
    blocks: Blocks
    beside: array[int]  # of each number: those that sound alike have numbers close to each other

    def number_of(self) -> dict[str, int]:
        """The number of each ref."""
        return {ref: number for number, ref in enumerate(self.refs)}


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


@dataclass(frozen=True, slots=True)
class _Part:
    refs: list[str]
    data: bytes
    sizes: array[int]
    keys: Keys
    beside: array[int]


def prepare(records: Iterable[Record], spread: Spread = map) -> Prepared:
    """Facts, blocks and candidate pairs; the order of records does not matter."""
    refs: list[str] = []
    pieces: list[bytes] = []
    sizes, sounds = array("I"), array("Q")
    table = KeyTable()
    for part in spread(_read, _parts(iter(records))):
        table.extend(part.keys, len(refs))
        refs += part.refs
        pieces.append(part.data)
        sizes.extend(part.sizes)
        sounds.extend(part.beside)
    order = sorted(range(len(refs)), key=refs.__getitem__)
    ranks = array("I", bytes(4 * len(refs)))
    for rank, place in enumerate(order):
        ranks[place] = rank
    starts = array("Q", [0])
    for size in sizes:
        starts.append(starts[-1] + size)
    read = Packed([refs[place] for place in order], b"".join(pieces), starts, array("I", order))
    return Prepared(
        read.refs, read, Blocks(len(refs), table, ranks, spread), array("Q", [sounds[place] for place in order])
    )


def _parts(records: Iterator[Record]) -> Iterator[list[Record]]:
    while part := list(islice(records, PART)):
        yield part


def _read(records: Sequence[Record]) -> _Part:
    table, data, sizes, sounds = KeyTable(), bytearray(), array("I"), array("Q")
    for number, record in enumerate(records):
        known = facts(record.ref, record.party, side=record.source)
        keys = keys_of(known)
        table.add(number, keys)
        sounds.append(beside(keys))
        piece = packed(known)
        sizes.append(len(piece))
        data += piece
    return _Part([record.ref for record in records], bytes(data), sizes, table.kinds, sounds)


def scored(prepared: Prepared, chosen: Weights, spread: Spread = map) -> Scored:
    """The pairs worth keeping; those that sound alike are looked at together: few are taken apart twice."""
    order = array("I", sorted(range(len(prepared.refs)), key=prepared.beside.__getitem__))
    steps = [order[at : at + PART] for at in range(0, len(order), PART)]
    out = Scored()
    for part in spread(partial(_score, prepared, chosen), steps):
        out.extend(part)
    return out


def _score(prepared: Prepared, chosen: Weights, numbers: Sequence[int]) -> Scored:
    return score(prepared.facts, prepared.blocks, numbers, chosen)


def matched(
    prepared: Prepared,
    chosen: Weights,
    must_link: Iterable[RefPair] = (),
    must_not_link: Iterable[RefPair] = (),
    spread: Spread = map,
) -> Matching:
    """The clusters and questions of prepared records; answers about records that are not there are left out."""
    answers = [list(must_link), list(must_not_link)]
    at = prepared.number_of() if any(answers) else {}
    said, refused = ([(at[a], at[b]) for a, b in pairs if a in at and b in at and a != b] for pairs in answers)
    clusters = Clusters(
        prepared.facts, prepared.blocks, scored(prepared, chosen, spread), chosen, said, refused, spread
    )  # fmt: skip
    clusters.run()
    refs = prepared.refs
    home = {refs[number]: refs[key] for number, key in enumerate(clusters.home)}
    return Matching(home, _questions(clusters, refs), prepared.blocks.dropped)


def match(
    records: Iterable[Record], must_link: Iterable[RefPair] = (), must_not_link: Iterable[RefPair] = ()
) -> Matching:
    """Match records by the shipped weights; people's answers come first."""
    return matched(prepare(records), weights(), must_link, must_not_link)


def _questions(clusters: Clusters, refs: Sequence[str]) -> list[Question]:
    """The best few candidates of each cluster that may be another one; asked once, from the smaller side."""
    asked: dict[int, list[Link]] = {}
    for link in clusters.open_links():
        if NEVER_ASKED.isdisjoint(link.codes) and link.why_not not in NEVER_ASKED:
            small = min((link.left, link.right), key=lambda one: (len(clusters.of(one)), one))
            asked.setdefault(small, []).append(link)
    out = []
    for small, links in sorted(asked.items()):
        links = sorted(links, key=lambda one: (-one.score, one.left, one.right))[:CANDIDATES]
        mine = None
        for link in links:
            large = link.right if link.left == small else link.left
            pairs = [(x, y) for x in ((mine,) if mine is not None else clusters.of(small)) for y in clusters.of(large)]
            mine, theirs = min(pairs, key=lambda pair: (-clusters.weights.score(clusters.codes(*pair)), pair))
            own = clusters.codes(mine, theirs)
            out.append(
                Question(refs[small], refs[large], link, refs[mine], refs[theirs], own, clusters.why_apart(link))
            )
    return out
