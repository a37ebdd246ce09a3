"""Blocking keys: records that share one are looked at together (matching reference, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mapping.identity.facts import PartyFacts, facts
from mapping.identity.names import Name
from mapping.identity.sounds import sound
from tieout.canonical.parties import PartyCandidate

# Keys of the rules: whoever holds one is a rival. All others are hints, which bring candidates where few hold them.
RULE_KINDS = ("tax", "name")
# Keys that only tell how many legal persons bear a name; they bring no candidates.
COUNTED_KINDS = ("spoken",)
_STEM, _CORE = 3, 2  # characters from which a name is a key
_SOUND = 6  # letters of a joined name
_WORD = 4  # letters from which a word of its own is a key


class LinkKey(NamedTuple):
    """One exact key; equal (kind, value) puts two records into one block.

    Kinds: `tax` a valid tax id (`cn:…`, `tw_ubn:…`), `name` the exact legal name, `org` the organisation code inside a
    Chinese tax id (also of mistyped ones), `stem` a name without its legal form, `core` also without region and group
    word, `brand` without the trade words, `domain`, `phone`, `address`, `sound` the first letters of the name as spoken
    or of the domain, `word` a word of a Latin name that is no trade word, `spoken` the whole brand as spoken: English
    names are spelled from it, so firms with different characters may share one.
    """

    kind: str
    value: str


def link_keys(party: PartyCandidate) -> list[LinkKey]:
    """All keys of a party, sorted, each once."""
    return keys_of(facts("", party))


def beside(keys: Sequence[LinkKey]) -> int:
    """Where a record stands among others so that those that sound alike stand beside each other."""
    spoken = next((value for kind, value in keys if kind == "spoken"), "")
    return int.from_bytes(spoken.encode()[:8].ljust(8, b"\0"), "big")


def name_key(name: Name) -> LinkKey | None:
    """The narrowest key that every record with this very name holds; None for a name too short to have one."""
    if name.is_full:
        return LinkKey("name", name.key)
    if len(name.stem) >= _STEM:
        return LinkKey("stem", name.stem)
    return LinkKey("core", name.core) if len(name.core) >= _CORE else None


def keys_of(known: PartyFacts) -> list[LinkKey]:
    """All keys of a record whose facts are read already."""
    pairs = {("tax", f"{one.scheme}:{one.key}") for one in known.valid_tax_ids}
    pairs |= {("name", key) for key in known.legal_keys}
    for one in known.tax_ids:
        if one.scheme == "cn":
            pairs.add(("org", one.organisation))
        elif not one.is_valid:
            # Mistyped or cut ids meet their right form in the part that is still whole.
            pairs.add(("org", one.value[8:17] if len(one.value) >= 17 else one.value))
            pairs.add(("org", one.value[:10]))
        if one.scheme == "cn" and len(one.value) == 18:
            pairs.add(("org", one.value[:10]))
    for name in known.names:
        pairs |= _name_keys(name)
    pairs |= {(kind, value) for kind, value in (("domain", known.domain), ("phone", known.phone)) if value}
    if known.domain:
        label = known.domain.split(".")[0].replace("-", "")
        pairs.add(("sound", label[:_SOUND]))
    if known.address is not None and len(known.address.text) >= 6:
        pairs.add(("address", known.address.road or known.address.text[:10]))
    return sorted(LinkKey(kind, value) for kind, value in pairs)


def _name_keys(name: Name) -> set[tuple[str, str]]:
    out = {("stem", name.stem)} if len(name.stem) >= _STEM else set()
    if len(name.core) >= _CORE:
        out.add(("core", name.core))
    if name.has_brand and len(name.brand) >= 2:
        out.add(("brand", name.brand))
        out.add(("spoken", sound(name.brand) if name.script == "han" else "".join(name.brand.split())))
    if name.script == "han":
        spoken = sound(name.core)
        if len(spoken) >= 4:
            out.add(("sound", spoken[:_SOUND]))
        if len(name.core) >= 4:
            out |= {("core", name.core[:2]), ("core", name.core[-3:])}
        return out
    written = "".join(name.brand.split())
    if len(written) >= 4:
        out.add(("sound", written[:_SOUND]))
    out |= {("word", word) for word in name.brand.split() if len(word) >= _WORD}
    return out
