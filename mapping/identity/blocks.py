"""Candidate pairs from blocking keys, in memory that grows with the records and not with the pairs.

Blocks above the cap are dropped and counted; a record is compared with the members of its smallest blocks first, whole
blocks only, so that the choice does not depend on order (matching reference, section 4).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from mapping.identity.facts import PartyFacts
from mapping.identity.keys import COUNTED_KINDS, RULE_KINDS, LinkKey
from mapping.identity.rivals import NONE, NOTED, notes_for, persons

BLOCK_CAP = 60  # members of a block that are compared with each other
CANDIDATES = 30  # records from which on no further block of a record is opened


@dataclass(slots=True)
class Blocks:
    """Keys of records by their number, then blocks; add all, then `close`, then ask."""

    owners: dict[str, array[int]] = field(default_factory=dict)
    hashes: dict[str, array[int]] = field(default_factory=dict)
    members: list[Sequence[int]] = field(default_factory=list)
    of: dict[int, list[int]] = field(default_factory=dict)
    notes: dict[int, frozenset[str]] = field(default_factory=dict)
    dropped: int = 0

    def add(self, number: int, keys: Sequence[LinkKey]) -> None:
        """The keys of one record."""
        for key in keys:
            if key.kind not in self.owners:
                self.owners[key.kind], self.hashes[key.kind] = array("I"), array("Q")
            self.owners[key.kind].append(number)
            self.hashes[key.kind].append(int.from_bytes(blake2b(key.value.encode(), digest_size=8).digest(), "big"))

    def close(self, facts: Sequence[PartyFacts]) -> None:
        """Make the blocks, kind by kind, and let the keys go."""
        for kind in sorted(self.owners):
            found: dict[int, list[int]] = {}
            for value, number in zip(self.hashes.pop(kind), self.owners.pop(kind), strict=True):
                found.setdefault(value, []).append(number)
            for block in found.values():
                if len(block) < 2:
                    continue
                if kind in NOTED and (said := notes_for(kind, persons(facts[number] for number in block))):
                    for number in block:
                        self.notes[number] = self.notes.get(number, NONE) | said
                if kind not in COUNTED_KINDS:
                    self._keep(kind, block)

    def _keep(self, kind: str, block: list[int]) -> None:
        if len(block) > BLOCK_CAP and kind not in RULE_KINDS:
            self.dropped += 1
            return
        pieces = [block] if len(block) <= BLOCK_CAP else [[block[0], other] for other in block[1:]]
        for piece in pieces:
            for number in piece:
                self.of.setdefault(number, []).append(len(self.members))
            self.members.append(array("I", piece))

    def near(self, number: int) -> set[int]:
        """The records that one is compared with, by its own choice."""
        out: set[int] = set()
        size = 0
        for block in sorted((self.members[one] for one in self.of.get(number, ())), key=len):
            if len(block) > size and len(out) > CANDIDATES:
                break  # blocks of one size are opened together
            size = len(block)
            out.update(block)
        out.discard(number)
        return out

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Every pair that either of its records chose, once, the smaller number first."""
        for number in sorted(self.of):
            chosen = self.near(number)
            for other in sorted(chosen):
                if other > number:
                    yield number, other
                elif number not in self.near(other):
                    yield other, number
