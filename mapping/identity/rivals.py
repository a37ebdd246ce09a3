"""Who else bears the name: how many legal persons share a brand or a domain in the own customer base.

A brand that two legal persons use says less about who is meant. Two valid tax ids tell two legal persons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mapping.identity.facts import PartyFacts

Key = tuple[str, str]
_SHARED = {"brand": "brand", "word": "brand", "domain": "domain"}
SHARED_KINDS = frozenset(_SHARED)


def persons(block: Iterable[PartyFacts]) -> int:
    """How many legal persons the records of a block show by their tax ids alone."""
    return len({(one.scheme, one.key) for record in block for one in record.valid_tax_ids})


def rivals(
    keys: Mapping[str, Sequence[Key]], blocks: Mapping[Key, Sequence[str]], facts: Mapping[str, PartyFacts]
) -> dict[str, frozenset[str]]:
    """Which of brand and domain each record shares with several legal persons; records without any are left out."""
    known: dict[Key, int] = {}
    out: dict[str, frozenset[str]] = {}
    for ref, mine in keys.items():
        found: set[str] = set()
        for key in mine:
            kind = _SHARED.get(key[0])
            if kind is None:
                continue
            if key not in known:
                known[key] = persons(facts[one] for one in blocks.get(key, ()))
            if known[key] > 1:
                found.add(f"{kind}_contested")
        if found:
            out[ref] = frozenset(found)
    return out
