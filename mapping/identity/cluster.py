"""Clusters of records that are one customer: best evidence first, nothing against a veto, no chain of guesses.

The result depends on the records, the pairs that were looked at, the weights and people's answers; never on order.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mapping.identity.blocks import Blocks, Spread
from mapping.identity.facts import PartyFacts
from mapping.identity.findings import between, joined
from mapping.identity.packed import Packed
from mapping.identity.relations import other_names
from mapping.identity.rivals import BY_MASK, is_ambiguous, with_notes
from mapping.identity.scored import Codes, Scored
from mapping.identity.views import View
from mapping.identity.weights import LEGAL, VETOES, Weights, barred, held, strong

_ROUNDS = 8
PART = 20_000  # pairs of clusters of one step

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Link:
    """Two clusters (by their smallest numbers) and the evidence between them; `why_not` "" = strong enough to join."""

    left: int
    right: int
    score: int
    codes: Codes
    why_not: str = ""


class Clusters:
    """Records that become clusters step by step; ask `groups` and `open_links` when `run` is done.

    Records are numbers in the order of their refs, so that "smallest" means the same everywhere.
    """

    def __init__(
        self,
        facts: Packed,
        blocks: Blocks,
        scored: Scored,
        weights: Weights,
        must_link: Iterable[Pair] = (),
        must_not_link: Iterable[Pair] = (),
        spread: Spread = map,
    ) -> None:
        self._spread = spread
        self.facts = facts
        self.blocks = blocks
        self.weights = weights
        self.members: dict[int, tuple[int, ...]] = {}  # of clusters with more than one record
        self.home = array("I", range(len(facts)))
        self.made: list[Link] = []
        self._refused = frozenset(_ordered(*pair) for pair in must_not_link)
        self._answered = sorted({_ordered(*pair) for pair in must_link})
        self._said = frozenset(number for pair in self._answered for number in pair)
        self._table = list(scored.table)
        self._scores = [weights.score(codes) for codes in scored.table]
        self._links = [
            not held(codes) and strong(codes, score, weights.auto)
            for codes, score in zip(scored.table, self._scores, strict=True)
        ]
        self._more: dict[Pair, Codes] = {}  # pairs that were not worth keeping, asked for after all
        self._called: dict[Pair, Codes] = {}  # pairs of which one bears a name that people's answers give the other
        self._between_known: dict[Pair, Link] = {}
        self._set_near(scored)

    def _set_near(self, scored: Scored) -> None:
        """The kept pairs of each record: neighbours and findings in flat arrays."""
        size = len(self.facts)
        first = array("I", bytes(4 * (size + 1)))
        for side in (scored.lefts, scored.rights):
            for number in side:
                first[number + 1] += 1
        for number in range(size):
            first[number + 1] += first[number]
        at = array("I", first)
        self._other = array("I", bytes(8 * len(scored.found)))
        self._found = array("I", bytes(8 * len(scored.found)))
        for left, right, found in zip(scored.lefts, scored.rights, scored.found, strict=True):
            for mine, theirs in ((left, right), (right, left)):
                place = at[mine]
                self._other[place], self._found[place] = theirs, found
                at[mine] = place + 1
        self._first = first

    def run(self) -> None:
        """People's answers, then pairs of records, then whole clusters until nothing moves."""
        for left, right in self._answered:
            if self.home[left] != self.home[right]:
                self._join(self.home[left], self.home[right], Link(left, right, 0, ("must_link",)))
        if self._answered:
            self._call()
        self._by_records()
        for _ in range(_ROUNDS):
            if not self._by_clusters():
                break

    def _call(self) -> None:
        """What people's answers call a customer speaks for others of that very name, like in `sync.settle.aliases`."""
        homes: dict[str, set[int]] = {}
        bearers: dict[str, set[int]] = {}
        for number in sorted({one for pair in self._answered for one in pair}):
            home = self.home[number]
            rest = [self.facts[other] for other in self.of(home) if other != number]
            for name in other_names(self.facts[number], rest, in_any_script=True):
                homes.setdefault(name.key, set()).add(home)
                bearers.setdefault(name.key, set()).add(number)
        for key in sorted(homes):
            near = {
                (self._other[place], number)
                for number in bearers[key]
                for place in range(self._first[number], self._first[number + 1])
                if _bears(self.facts[self._other[place]], key)
            }
            everyone = bearers[key] | {other for other, _ in near}
            said_no = any(
                (left in everyone and self.home[right] in homes[key])
                or (right in everyone and self.home[left] in homes[key])
                for left, right in self._refused
            )
            is_shared = said_no or len(homes[key]) > 1
            is_shared = is_shared or any(is_ambiguous(BY_MASK[self.blocks.notes[one]]) for one in everyone)
            keys = frozenset((key,))
            alone, too = (frozenset(), keys) if is_shared else (keys, frozenset())
            for other, number in sorted(near):
                home = self.home[number]
                if self.home[other] == home:
                    continue
                pairs = []
                for member in self.of(home):  # the whole customer is called so: what any of it says against it counts
                    called = View(replace(self.facts[member], called=alone, called_too=too))
                    notes = BY_MASK[self.blocks.notes[other] | self.blocks.notes[member]]
                    pairs.append(with_notes(between(self.facts.view(other), called), notes))
                self._called[_ordered(other, number)] = joined(pairs)

    def codes(self, left: int, right: int) -> Codes:
        """The findings of two records."""
        pair = _ordered(left, right)
        if pair in self._refused:
            return (*self._plain(pair), "must_not_link")
        return self._plain(pair)

    def _plain(self, pair: Pair) -> Codes:
        left, right = pair
        if self._called and (called := self._called.get(pair)) is not None:
            return called
        for place in range(self._first[left], self._first[left + 1]):
            if self._other[place] == right:
                return self._table[self._found[place]]
        known = self._more.get(pair)
        if known is None:
            notes = self.blocks.notes
            known = between(self.facts.view(left), self.facts.view(right))
            known = self._more[pair] = with_notes(known, BY_MASK[notes[left] | notes[right]])
        return known

    def of(self, cluster: int) -> tuple[int, ...]:
        """The members of a cluster."""
        return self.members.get(cluster, (cluster,))

    def groups(self) -> Iterator[tuple[int, ...]]:
        """The members of each cluster, sorted."""
        for number, home in enumerate(self.home):
            if number == home:
                yield tuple(sorted(self.of(number)))

    def open_links(self) -> Iterator[Link]:
        """Pairs of clusters that were looked at and not joined, with what kept them apart."""
        for pair in sorted(self._cluster_pairs()):
            link = self._between(*pair)
            if link.score >= self.weights.review or "tax_id_equal" in link.codes:
                yield link

    def why_apart(self, link: Link) -> str:
        """What kept two clusters apart: a finding, `evidence_thin`, or `ambiguous` for another candidate as good."""
        if link.why_not:
            return link.why_not
        return "ambiguous" if strong(link.codes, link.score, self.weights.joint) else "evidence_thin"

    def _by_records(self) -> None:
        found_links = []
        for left in range(len(self.facts)):
            for place in range(self._first[left], self._first[left + 1]):
                right, found = self._other[place], self._found[place]
                if left < right and self._links[found] and (left, right) not in self._refused:
                    is_weaker = "tax_id_equal" not in self._table[found]
                    found_links.append((is_weaker, -self._scores[found], left, right, found))
        for pair, codes in self._called.items():
            score = self.weights.score(codes)
            if not held(codes) and strong(codes, score, self.weights.auto) and pair not in self._refused:
                found_links.append(("tax_id_equal" not in codes, -score, *pair, len(self._table)))
                self._table.append(codes)
        for is_weaker, minus, left, right, found in sorted(found_links):
            a, b = self.home[left], self.home[right]
            if a == b or self._vetoed(a, b) or self._contested(left, right, -minus, not is_weaker):
                continue
            self._join(a, b, Link(left, right, -minus, self._table[found]))

    def _contested(self, left: int, right: int, score: int, by_tax: bool) -> bool:
        """True when either record has another candidate about as good that cannot be the same customer.

        An equal tax id says who is meant, as in `link.judge`: only another record with that id contests it, or one
        with the very legal name.
        """
        least = score - self.weights.margin
        a, b = self.home[left], self.home[right]
        for mine, theirs in ((left, right), (right, left)):
            for place in range(self._first[mine], self._first[mine + 1]):
                found = self._found[place]
                if by_tax and "tax_id_equal" not in self._table[found]:
                    # The id says who is meant, unless the legal name says another one.
                    if LEGAL.isdisjoint(self._table[found]) or not LEGAL.isdisjoint(self.codes(left, right)):
                        continue
                elif self._scores[found] <= least:
                    continue
                other = self._other[place]
                if other == theirs or self.home[other] in (a, b) or _ordered(mine, other) in self._refused:
                    continue
                if self._apart(other, theirs):
                    return True
        return False

    def _apart(self, left: int, right: int) -> bool:
        """True when two records cannot be one customer."""
        codes = self.codes(left, right)
        return not VETOES.isdisjoint(codes) or bool(barred(codes)) or self.weights.score(codes) < self.weights.floor

    def _by_clusters(self) -> bool:
        links = self._all_between(self._cluster_pairs())
        best: dict[int, list[Link]] = {}
        for link in links:
            best.setdefault(link.left, []).append(link)
            best.setdefault(link.right, []).append(link)
        moved: set[int] = set()
        able = (link for link in links if not link.why_not and strong(link.codes, link.score, self.weights.joint))
        for link in sorted(able, key=lambda one: (-one.score, one.left, one.right)):
            if link.left in moved or link.right in moved:
                continue
            if any(
                moved & {other.left, other.right} or self._rivals(link, other)
                for other in (*best[link.left], *best[link.right])
            ):
                continue
            moved |= {link.left, link.right}
            self._join(link.left, link.right, link)
        self._between_known = {
            pair: link for pair, link in self._between_known.items() if moved.isdisjoint(pair)
        }  # fmt: skip
        return bool(moved)

    def _rivals(self, link: Link, other: Link) -> bool:
        if other is link or other.score <= link.score - self.weights.margin or "must_not_link" in other.codes:
            return False
        if other.left in (link.left, link.right):
            shared, third = other.left, other.right
        else:
            shared, third = other.right, other.left
        opposite = link.right if shared == link.left else link.left
        return any(self._apart(x, y) for x in self.of(third) for y in self.of(opposite))

    def _cluster_pairs(self) -> set[Pair]:
        out: set[Pair] = set()
        home = self.home
        for left in range(len(self.facts)):
            a = home[left]
            for place in range(self._first[left], self._first[left + 1]):
                right = self._other[place]
                if left < right and a != home[right]:
                    out.add(_ordered(a, home[right]))
        return out

    def _all_between(self, pairs: set[Pair]) -> list[Link]:
        """The links of these pairs of clusters; many that nobody asked for yet are worked out side by side."""
        fresh = sorted(pairs - self._between_known.keys())
        if len(fresh) > PART:
            steps = [fresh[at : at + PART] for at in range(0, len(fresh), PART)]
            for step, found in zip(steps, self._spread(self._told_between, steps), strict=True):
                for pair, (score, codes, why) in zip(step, found, strict=True):
                    self._between_known[pair] = Link(*pair, score, codes, why)
        return [self._between(*pair) for pair in pairs]

    def _told_between(self, pairs: Sequence[Pair]) -> list[tuple[int, Codes, str]]:
        links = [self._between(*pair) for pair in pairs]
        return [(link.score, link.codes, link.why_not) for link in links]

    def _between(self, left: int, right: int) -> Link:
        known = self._between_known.get((left, right))
        if known is None:
            pairs = [self.codes(x, y) for x in self.of(left) for y in self.of(right)]
            codes = joined(pairs) if len(pairs) > 1 else pairs[0]
            why = next((code for codes in pairs for code in codes if code in VETOES), "") or held(codes)
            why = why or self._barred(left, right) or ("evidence_thin" if any(map(self._is_thin, pairs)) else "")
            known = self._between_known[left, right] = Link(left, right, self.weights.score(codes), codes, why)
        return known

    def _vetoed(self, left: int, right: int) -> bool:
        for x in self.of(left):
            for y in self.of(right):
                codes = self.codes(x, y)
                if not VETOES.isdisjoint(codes) or self._is_thin(codes):
                    return True
        return bool(self._barred(left, right))

    def _is_thin(self, codes: Codes) -> bool:
        """True for a pair that says so little, or so much against it, that no third record may bring it together."""
        return self.weights.score(codes) < self.weights.floor and "tax_id_equal" not in codes

    def _barred(self, left: int, right: int) -> str:
        """What keeps two records of the clusters apart, whatever a third has in common with both; "" for nothing.

        What a person put together although it contradicts itself may be joined by what fits one of the two.
        """
        for mine, theirs in ((left, right), (right, left)):
            for x in self.of(mine):
                for y in self.of(theirs):
                    why = barred(self.codes(x, y))
                    if why and not self._excused(x, y, theirs) and not self._excused(y, x, mine):
                        return why
        return ""

    def _excused(self, one: int, other: int, cluster: int) -> bool:
        """True when a person put `other` beside a record that it contradicts as well, and `one` fits that one."""
        if not self._said or self._said.isdisjoint(self.of(cluster)):
            return False
        return any(
            barred(self.codes(other, third)) and not self._apart(one, third)
            for third in self.of(cluster)
            if third != other
        )

    def _join(self, left: int, right: int, link: Link) -> None:
        keep, gone = _ordered(left, right)
        self.made.append(link)
        self.members[keep] = (*self.of(keep), *self.members.pop(gone, (gone,)))
        for number in self.members[keep]:
            self.home[number] = keep


def _bears(record: PartyFacts, key: str) -> bool:
    return any(name.key == key for name in record.names)


def _ordered(left: int, right: int) -> Pair:
    return (left, right) if left < right else (right, left)
