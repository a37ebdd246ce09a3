"""Who else bears the name: how many legal persons share a brand or a domain in the own customer base.

A brand that two legal persons use says less about who is meant. Two valid tax ids tell two legal persons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mapping.identity.facts import PartyFacts

Key = tuple[str, str]
CONTESTED = {"brand": "brand_contested", "word": "brand_contested", "domain": "domain_contested"}
SHARED_KINDS = tuple(CONTESTED)


def persons(block: Iterable[PartyFacts]) -> int:
    """How many legal persons the records of a block show by their tax ids."""
    return len({(one.scheme, one.key) for record in block for one in record.valid_tax_ids})


def noted(keys: Mapping[str, Sequence[Key]], counts: Mapping[Key, int]) -> dict[str, frozenset[str]]:
    """Which of brand and domain each record shares with several legal persons; records without any are left out.

    `counts`: legal persons by (kind, value) of the kinds in `SHARED_KINDS`.
    """
    out: dict[str, frozenset[str]] = {}
    for ref, mine in keys.items():
        if found := frozenset(CONTESTED[key[0]] for key in mine if key[0] in CONTESTED and counts.get(key, 0) > 1):
            out[ref] = found
    return out
