"""Many records in little memory: facts as bytes, taken apart again when they are asked for.

A million records are some 0.5 GB here and many times that as objects; processes can share them without copying.
"""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Sequence

from mapping.identity.addresses import Address
from mapping.identity.facts import PartyFacts
from mapping.identity.names import Name
from mapping.identity.tax_ids import TaxId
from mapping.identity.views import View

_KEPT = 60_000  # views at hand; all are let go when there are more


def packed(facts: PartyFacts) -> bytes:
    """The facts of a record as bytes, without its `ref` and where it stands."""
    names = tuple(
        (n.raw, n.script, n.key, n.is_full, n.core, n.brand, n.form, n.regions, n.branch, n.is_group, n.stem,
         n.branch_places, n.words, n.has_brand, n.district)
        for n in facts.names
    )  # fmt: skip
    ids = tuple((one.value, one.scheme, one.key) for one in facts.tax_ids)
    a = facts.address
    address = (a.script, a.places, a.text, a.road) if a is not None else None
    contact = (facts.number, facts.phone, facts.domain, facts.mobile, facts.places, address, facts.country)
    return marshal.dumps((facts.side, names, ids, contact))


def unpacked(ref: str, data: bytes | memoryview) -> PartyFacts:
    """The facts that `packed` wrote."""
    side, names, ids, contact = marshal.loads(data)  # noqa: S302 - bytes of our own processes, never of a file
    number, phone, domain, mobile, places, address, country = contact
    return PartyFacts(
        ref, side, "", tuple(Name(*one) for one in names), tuple(TaxId(*one) for one in ids), number, phone, domain,
        mobile, places, Address(*address) if address is not None else None, country,
    )  # fmt: skip


class Packed:
    """The facts of many records by number, in the order of `refs`.

    `starts`: where each record begins in `data`, in the order of reading, and where the last one ends; `places`: the
    place of each number in that order.
    """

    def __init__(self, refs: Sequence[str], data: bytes, starts: array[int], places: array[int]) -> None:
        self.refs = refs
        self._data = memoryview(data)
        self._starts = starts
        self._places = places
        self.views: dict[int, View] = {}  # at hand; ask `view` for others

    def __len__(self) -> int:
        return len(self.refs)

    def __getitem__(self, number: int) -> PartyFacts:
        return self.view(number).facts

    def view(self, number: int) -> View:
        """A record as comparison sees it."""
        known = self.views.get(number)
        if known is None:
            if len(self.views) >= _KEPT:
                self.views.clear()
            at = self._places[number]
            piece = self._data[self._starts[at] : self._starts[at + 1]]
            known = self.views[number] = View(unpacked(self.refs[number], piece))
        return known
