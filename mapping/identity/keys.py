"""Blocking keys: records that share one are looked at together."""

from __future__ import annotations

from dataclasses import dataclass

from mapping.identity.facts import facts
from tieout.canonical.parties import PartyCandidate

# Keys of the rules come first; the others only bring candidates for people to look at.
RULE_KINDS = ("tax", "name")
HINT_KINDS = ("org", "brand", "domain", "phone")


@dataclass(frozen=True, slots=True, order=True)
class LinkKey:
    """One exact key; equal (kind, value) puts two records into one block.

    Kinds: `tax` a valid tax id (`cn:…`, `tw_ubn:…`), `name` the exact legal name, `org` the organisation code inside a
    Chinese tax id (also of mistyped ones), `brand` what is left of a name without region, form and trade words,
    `domain`, `phone`.
    """

    kind: str
    value: str


def link_keys(party: PartyCandidate) -> list[LinkKey]:
    """All keys of a party, sorted, each once."""
    known = facts("", party)
    keys = {LinkKey("tax", f"{one.scheme}:{one.key}") for one in known.valid_tax_ids}
    keys |= {LinkKey("name", key) for key in known.legal_keys}
    for one in known.tax_ids:
        if one.scheme == "cn":
            keys.add(LinkKey("org", one.organisation))
        elif not one.is_valid:
            # Mistyped or cut ids meet their right form in the part that is still whole.
            keys.add(LinkKey("org", one.value[8:17] if len(one.value) >= 17 else one.value))
    keys |= {LinkKey("brand", name.brand) for name in known.names if len(name.brand) >= 2}
    keys |= {LinkKey(kind, value) for kind, value in (("domain", known.domain), ("phone", known.phone)) if value}
    return sorted(keys)
