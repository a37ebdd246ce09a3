"""The pairs worth keeping, with their findings: flat arrays, and few combinations of findings for many pairs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from mapping.identity.blocks import Blocks
from mapping.identity.findings import between, told_apart
from mapping.identity.packed import Packed
from mapping.identity.rivals import BY_MASK, with_notes
from mapping.identity.weights import Weights

Codes = tuple[str, ...]


class Scored:
    """Pairs of numbers, the smaller first, each with the index of its findings in `table`."""

    def __init__(self) -> None:
        self.lefts, self.rights, self.found = array("I"), array("I"), array("I")
        self.table: list[Codes] = []
        self.at: dict[Codes, int] = {}
        self.looked_at = 0

    def index(self, codes: Codes) -> int:
        """The place of a combination in the table."""
        place = self.at.get(codes)
        if place is None:
            place = self.at[codes] = len(self.table)
            self.table.append(codes)
        return place

    def add(self, left: int, right: int, place: int) -> None:
        """One pair."""
        self.lefts.append(left)
        self.rights.append(right)
        self.found.append(place)

    def extend(self, other: Scored) -> None:
        """The pairs of another part."""
        places = [self.index(codes) for codes in other.table]
        self.lefts.extend(other.lefts)
        self.rights.extend(other.rights)
        self.found.extend(array("I", [places[one] for one in other.found]))
        self.looked_at += other.looked_at


def score(facts: Packed, blocks: Blocks, numbers: Sequence[int], chosen: Weights) -> Scored:
    """The pairs that these records chose and that are not hopeless; two valid tax ids that differ are."""
    return score_pairs(facts, blocks, blocks.pairs(numbers), chosen)


def score_pairs(facts: Packed, blocks: Blocks, pairs: Iterable[tuple[int, int]], chosen: Weights) -> Scored:
    """The pairs that are not hopeless, with what is noted of either record."""
    out = Scored()
    view, notes = facts.view, blocks.notes
    kept: dict[Codes, list[int | None]] = {}  # by findings and then by notes: the place in the table, None = hopeless
    unknown = -1
    known = facts.views
    for left, right in pairs:
        out.looked_at += 1
        mine = known.get(left) or view(left)
        theirs = known.get(right) or view(right)
        if told_apart(mine, theirs):
            continue
        codes = between(mine, theirs)
        mask = notes[left] | notes[right]
        places = kept.get(codes)
        if places is None:
            places = kept[codes] = [unknown] * len(BY_MASK)
        place = places[mask]
        if place == unknown:
            whole = with_notes(codes, BY_MASK[mask])
            hopeless = chosen.score(whole) < chosen.floor and "tax_id_equal" not in whole
            place = places[mask] = None if hopeless else out.index(whole)
        if place is not None:
            out.add(left, right, place)
    return out
