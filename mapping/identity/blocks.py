"""Candidate pairs from blocking keys, in flat arrays that grow with the records and not with the pairs.

Blocks above the cap are dropped and counted; a record is compared with the members of its smallest blocks first, whole
blocks only, so that the choice does not depend on order (matching reference, section 4).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from functools import partial
from hashlib import blake2b
from itertools import pairwise
from typing import Any, NamedTuple, Protocol, TypeVar

from mapping.identity.keys import COUNTED_KINDS, RULE_KINDS, LinkKey
from mapping.identity.rivals import BITS, NOTED, notes_for

BLOCK_CAP = 60  # members of a block that are compared with each other
CANDIDATES = 30  # records from which on no further block of a record is opened
_REMEMBERED = 50_000

Keys = Mapping[str, tuple["array[int]", "array[int]"]]  # by kind: digests of values and, beside each, who holds it


# How steps are run: a function on each of some arguments, results in their order. `map`, or several processes.
Spread = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
T = TypeVar("T", covariant=True)


class Block(Sized, Iterable[T], Protocol[T]):
    """The records that share one key."""


def opened(blocks: Iterable[Block[T]]) -> tuple[set[T], bool]:
    """The records of the blocks that one record opens, its smallest blocks first; also whether it left some closed.

    Whole blocks, and those of one size together, so that the choice does not depend on order.
    """
    out: set[T] = set()
    size = 0
    for block in blocks:
        if len(block) > size and len(out) > CANDIDATES:
            return out, True
        size = len(block)
        out.update(block)
    return out, False


def digest(value: str) -> int:
    """A key in 64 bits."""
    return int.from_bytes(blake2b(value.encode(), digest_size=8).digest(), "big")


class KeyTable:
    """Keys of records under way: by kind, digests and the numbers of their holders."""

    def __init__(self) -> None:
        self.kinds: dict[str, tuple[array[int], array[int]]] = {}

    def add(self, number: int, keys: Sequence[LinkKey]) -> None:
        """The keys of one record."""
        for kind, value in keys:
            found = self.kinds.get(kind)
            if found is None:
                found = self.kinds[kind] = (array("Q"), array("I"))
            found[0].append(digest(value))
            found[1].append(number)

    def extend(self, other: Keys, first: int) -> None:
        """The keys of a part whose records are numbered from `first` on."""
        for kind, (digests, owners) in other.items():
            mine = self.kinds.setdefault(kind, (array("Q"), array("I")))
            mine[0].extend(digests)
            mine[1].extend(array("I", [first + one for one in owners]) if first else owners)


class Blocks:
    """Records that share a key. Numbers are ranks: `ranks` gives that of each holder in the table."""

    def __init__(self, size: int, table: KeyTable, ranks: Sequence[int], spread: Spread = map) -> None:
        self.size = size
        self.notes = bytearray(size)  # what is noted of each record, as bits (`rivals.BITS`)
        self.dropped = 0
        self._flat = array("I")
        self._ends = array("I", [0])
        ids = _ids_of(table, ranks)
        kinds = sorted(table.kinds)
        for one in spread(partial(_kind_blocks, table, ranks, ids), kinds):
            first = len(self._flat)
            self._flat.extend(one.flat)
            self._ends.extend(array("I", [first + end for end in one.ends]) if first else one.ends)
            self.dropped += one.dropped
            for number, bits in zip(one.noted, one.bits, strict=True):
                self.notes[number] |= bits
        table.kinds.clear()
        self._index()

    def _index(self) -> None:
        """Blocks of each record, small ones first."""
        ends = self._ends
        count = array("I", bytes(4 * (self.size + 1)))
        for number in self._flat:
            count[number + 1] += 1
        for number in range(self.size):
            count[number + 1] += count[number]
        self._first = count
        self._of = array("I", bytes(4 * len(self._flat)))
        at = array("I", count)
        for block in sorted(range(len(ends) - 1), key=lambda one: ends[one + 1] - ends[one]):
            for number in self._flat[ends[block] : ends[block + 1]]:
                self._of[at[number]] = block
                at[number] += 1

    def near(self, number: int) -> tuple[set[int], bool]:
        """The records that one is compared with by its own choice, and whether it left blocks closed."""
        ends, flat = self._ends, self._flat
        mine = self._of[self._first[number] : self._first[number + 1]]
        out, cut = opened([flat[ends[block] : ends[block + 1]] for block in mine])
        out.discard(number)
        return out, cut

    def pairs(self, numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Every pair that these records chose, once over all records: the smaller number first."""
        known: dict[int, set[int] | None] = {}  # None: left no block closed, so that it chose whoever chose it
        for number in numbers:
            chosen, _ = self.near(number)
            for other in chosen:
                if other > number:
                    yield number, other
                    continue
                if other not in known:
                    if len(known) > _REMEMBERED:
                        known.clear()
                    found, cut = self.near(other)
                    known[other] = found if cut else None
                theirs = known[other]
                if theirs is not None and number not in theirs:
                    yield other, number


class _KindBlocks(NamedTuple):
    """The blocks of one kind of key, one behind the other with their ends, and the bits noted of records."""

    flat: array[int]
    ends: array[int]
    dropped: int
    noted: array[int]
    bits: bytearray


def _ids_of(table: KeyTable, ranks: Sequence[int]) -> Mapping[int, frozenset[int]]:
    """The valid tax ids of each record that has one, as digests."""
    out: dict[int, frozenset[int]] = {}
    same: dict[int, frozenset[int]] = {}
    for value, owner in zip(*table.kinds.get("tax", ((), ())), strict=True):
        number = ranks[owner]
        one = same.setdefault(value, frozenset((value,)))
        out[number] = out[number] | one if number in out else one
    return out


def _kind_blocks(table: KeyTable, ranks: Sequence[int], ids: Mapping[int, frozenset[int]], kind: str) -> _KindBlocks:
    flat, ends, noted, bits, dropped = array("I"), array("I"), array("I"), bytearray(), 0
    for block in _blocks(*table.kinds[kind], ranks):
        if kind in NOTED and (mask := _mask(kind, block, ids)):
            noted.extend(block)
            bits.extend([mask] * len(block))
        if kind in COUNTED_KINDS:
            continue
        if len(block) <= BLOCK_CAP:
            flat.extend(block)
            ends.append(len(flat))
        elif kind in RULE_KINDS:
            for other in block[1:]:
                flat.extend((block[0], other))
                ends.append(len(flat))
        else:
            dropped += 1
    return _KindBlocks(flat, ends, dropped, noted, bits)


def _mask(kind: str, block: Sequence[int], ids: Mapping[int, frozenset[int]]) -> int:
    found: set[int] = set()
    for number in block:
        found.update(ids.get(number, ()))
    return sum(BITS[code] for code in notes_for(kind, len(found)))


def _blocks(digests: array[int], owners: array[int], ranks: Sequence[int]) -> Iterator[list[int]]:
    """Groups of two and more numbers with one digest, each group sorted."""
    order = sorted(range(len(digests)), key=digests.__getitem__)
    start = 0
    for place, (one, following) in enumerate(pairwise((*order, -1)), 1):
        if following < 0 or digests[following] != digests[one]:
            if place - start > 1:
                block = sorted({ranks[owners[at]] for at in order[start:place]})
                if len(block) > 1:
                    yield block
            start = place
