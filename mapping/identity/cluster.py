"""Clusters of records that are one customer: best evidence first, nothing against a veto, no chain of guesses.

The result depends on the records, the pairs that were looked at, the weights and people's answers; never on order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mapping.identity.facts import PartyFacts
from mapping.identity.findings import findings, joined
from mapping.identity.rivals import NONE, with_notes
from mapping.identity.weights import VETOES, Weights, held

_ROUNDS = 8

Pair = tuple[str, str]
Codes = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """Two clusters (by their smallest refs) and the evidence between them; `why_not` "" = strong enough to join."""

    left: str
    right: str
    score: int
    codes: Codes
    why_not: str = ""


class Clusters:
    """Records that become clusters step by step; ask `groups` and `open_links` when `run` is done."""

    def __init__(
        self,
        facts: Mapping[str, PartyFacts],
        pairs: Iterable[Pair],
        weights: Weights,
        must_link: Iterable[Pair] = (),
        must_not_link: Iterable[Pair] = (),
        notes: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self.facts = facts
        self.notes = notes or {}
        self.weights = weights
        self.refused = frozenset(tuple(sorted(pair)) for pair in must_not_link)
        self.members: dict[str, tuple[str, ...]] = {ref: (ref,) for ref in facts}
        self.home: dict[str, str] = {ref: ref for ref in facts}
        self.made: list[Link] = []
        self._codes: dict[Pair, Codes] = {}
        self._same: dict[Codes, Codes] = {}
        self._near: dict[str, set[str]] = {}
        self._answered = sorted({_ordered(*pair) for pair in must_link})
        for pair in pairs:
            left, right = _ordered(*pair)
            codes = self.codes(left, right)
            if self.weights.score(codes) >= weights.floor or "tax_id_equal" in codes:
                self._near.setdefault(left, set()).add(right)
                self._near.setdefault(right, set()).add(left)
            else:
                self._codes.pop((left, right), None)

    def run(self) -> None:
        """People's answers, then pairs of records, then whole clusters until nothing moves."""
        for left, right in self._answered:
            if left in self.home and right in self.home and self.home[left] != self.home[right]:
                self._join(self.home[left], self.home[right], Link(left, right, 0, ("must_link",)))
        self._by_records()
        for _ in range(_ROUNDS):
            if not self._by_clusters():
                break

    def codes(self, left: str, right: str) -> Codes:
        """The findings of two records."""
        pair = _ordered(left, right)
        known = self._codes.get(pair)
        if known is None:
            known = findings(self.facts[pair[0]], self.facts[pair[1]])
            known = with_notes(known, self.notes.get(left, NONE) | self.notes.get(right, NONE))
            if pair in self.refused:
                known = (*known, "must_not_link")
            known = self._codes[pair] = self._same.setdefault(known, known)  # few combinations, many pairs
        return known

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Members of each cluster, by its smallest ref."""
        return {min(refs): tuple(sorted(refs)) for refs in self.members.values()}

    def open_links(self) -> list[Link]:
        """Pairs of clusters that were looked at and not joined, with what kept them apart."""
        out = []
        for left, right in sorted(self._cluster_pairs()):
            link = self._between(left, right)
            if link.score >= self.weights.review or "tax_id_equal" in link.codes:
                out.append(link)
        return out

    def _by_records(self) -> None:
        found = []
        for left, others in self._near.items():
            for right in others:
                if left < right:
                    codes = self._codes[left, right]
                    score = self.weights.score(codes)
                    if score >= self.weights.auto and not held(codes):
                        found.append((-score, left, right))
        for minus, left, right in sorted(found):
            a, b = self.home[left], self.home[right]
            if a == b or self._vetoed(a, b) or self._contested(left, right, -minus):
                continue
            self._join(a, b, Link(left, right, -minus, self._codes[left, right]))

    def _contested(self, left: str, right: str, score: int) -> bool:
        """True when either record has another candidate about as good that cannot be the same customer."""
        return any(
            other != theirs
            and self.weights.score(self.codes(mine, other)) > score - self.weights.margin
            and self.home[other] not in (self.home[mine], self.home[theirs])
            and self._apart(other, theirs)
            for mine, theirs in ((left, right), (right, left))
            for other in self._near.get(mine, ())
        )

    def _apart(self, left: str, right: str) -> bool:
        """True when two records cannot be one customer."""
        codes = self.codes(left, right)
        return not VETOES.isdisjoint(codes) or self.weights.score(codes) < self.weights.floor

    def _by_clusters(self) -> bool:
        links = [self._between(*pair) for pair in self._cluster_pairs()]
        best: dict[str, list[Link]] = {}
        for link in links:
            best.setdefault(link.left, []).append(link)
            best.setdefault(link.right, []).append(link)
        moved: set[str] = set()
        strong = (link for link in links if not link.why_not and link.score >= self.weights.joint)
        for link in sorted(strong, key=lambda one: (-one.score, one.left, one.right)):
            if link.left in moved or link.right in moved:
                continue
            if any(
                moved & {other.left, other.right} or self._rivals(link, other)
                for other in (*best[link.left], *best[link.right])
            ):
                continue
            moved |= {link.left, link.right}
            self._join(link.left, link.right, link)
        return bool(moved)

    def _rivals(self, link: Link, other: Link) -> bool:
        if other is link or other.score <= link.score - self.weights.margin or "must_not_link" in other.codes:
            return False
        if other.left in (link.left, link.right):
            shared, third = other.left, other.right
        else:
            shared, third = other.right, other.left
        opposite = link.right if shared == link.left else link.left
        return any(self._apart(x, y) for x in self.members[third] for y in self.members[opposite])

    def _cluster_pairs(self) -> set[Pair]:
        out: set[Pair] = set()
        for left, others in self._near.items():
            for right in others:
                a, b = self.home[left], self.home[right]
                if a != b:
                    out.add(_ordered(a, b))
        return out

    def _between(self, left: str, right: str) -> Link:
        pairs = [self.codes(x, y) for x in self.members[left] for y in self.members[right]]
        codes = joined(pairs) if len(pairs) > 1 else pairs[0]
        why = next((code for codes in pairs for code in codes if code in VETOES), "") or held(codes)
        return Link(left, right, self.weights.score(codes), codes, why)

    def _vetoed(self, left: str, right: str) -> bool:
        return any(self._apart(x, y) for x in self.members[left] for y in self.members[right])

    def _join(self, left: str, right: str, link: Link) -> None:
        keep, gone = _ordered(left, right)
        self.made.append(link)
        self.members[keep] = (*self.members[keep], *self.members.pop(gone))
        for ref in self.members[keep]:
            self.home[ref] = keep


def _ordered(left: str, right: str) -> Pair:
    return (left, right) if left < right else (right, left)
