"""Who else bears the name: how many legal persons share a name, brand or domain in the own customer base.

A name that many legal persons use says less about who is meant. Two valid tax ids tell two legal persons.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache

from mapping.identity.weights import CROWDS, SETTLING

Notes = frozenset[str]

# By kind of key: from so many legal persons on, this is noted. Nobody registers English names, so that three firms that
# sound alike already make one doubtful; Chinese ones are unique by place and trade, until a brand is everybody's.
NOTED: Mapping[str, tuple[tuple[int, str], ...]] = {
    "brand": ((2, "brand_contested"), (8, "brand_crowded")),
    "word": ((2, "brand_contested"),),
    "domain": ((2, "domain_contested"),),
    "name": ((2, "name_contested"),),
    "spoken": ((3, "sound_crowded"),),
}
SHARED_KINDS = tuple(NOTED)
MOST = max(least for pairs in NOTED.values() for least, _ in pairs)  # legal persons; nothing depends on more
NONE: Notes = frozenset()
_AMBIGUOUS = frozenset(("brand_contested", "brand_crowded", "name_contested"))
_CODES = tuple(sorted({code for pairs in NOTED.values() for _, code in pairs}))
# Notes as bits, for many records at once.
BITS: Mapping[str, int] = {code: 1 << place for place, code in enumerate(_CODES)}
BY_MASK: Sequence[Notes] = [
    frozenset(code for code, bit in BITS.items() if mask & bit) for mask in range(1 << len(_CODES))
]


@cache
def notes_for(kind: str, number: int) -> Notes:
    """What is noted of a key that so many legal persons bear; two valid tax ids are two legal persons."""
    return frozenset(code for least, code in NOTED.get(kind, ()) if number >= least)


def noted(shared: Mapping[str, Mapping[str, int]]) -> dict[str, Notes]:
    """What each record shares with several legal persons; records without any are left out.

    `shared`: by record and kind of key, the legal persons of the most widely held key of that kind.
    """
    out: dict[str, Notes] = {}
    for ref, held in shared.items():
        if found := NONE.union(*(notes_for(kind, persons) for kind, persons in held.items())):
            out[ref] = found
    return out


def with_notes(codes: tuple[str, ...], noted: Collection[str]) -> tuple[str, ...]:
    """The findings of a pair with what is noted of either record.

    An equal tax id settles who is meant, and so does what people call it; a whole legal name does as well, unless a
    crowd bears it.
    """
    if not noted or "tax_id_equal" in codes or "alias_equal" in codes:
        return codes
    said = noted if SETTLING.isdisjoint(codes) else CROWDS.intersection(noted)
    return (*codes, *sorted(said))


def is_ambiguous(noted: Collection[str]) -> bool:
    """True when several legal persons bear the names of a record: what people call by such a name is not one alone."""
    return not _AMBIGUOUS.isdisjoint(noted)
