"""A record taken apart for people: every name in its parts, every identifier as it is compared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from mapping.identity.facts import PartyFacts
from mapping.identity.names import Name, is_nobody, names_in, read_name
from mapping.identity.places import Place
from mapping.identity.tables import tables
from tieout.canonical.parties import PartyCandidate


@dataclass(frozen=True, slots=True)
class NameParts:
    """One name as written and its parts; `is_nobody`: a placeholder, which is not compared."""

    raw: str
    region: str
    brand: str
    trade: str
    form: str
    is_group: bool
    branch: str
    is_full: bool
    is_nobody: bool


@dataclass(frozen=True, slots=True)
class IdParts:
    """One identifier as it is compared; `scheme` "" = no check passed."""

    value: str
    scheme: str
    is_valid: bool


@dataclass(frozen=True, slots=True)
class RecordParts:
    """What a record says, beside what of it is compared: "" where a value says nothing about who it is."""

    names: tuple[NameParts, ...]
    tax_ids: tuple[IdParts, ...]
    number: str
    phone: str
    landline: str
    mobile: str
    website: str
    domain: str
    places: str
    address: str
    road: str
    country: str


def record_parts(party: PartyCandidate, known: PartyFacts) -> RecordParts:
    """A party beside its facts."""
    raws = dict.fromkeys(text for text in (party.legal_name, *party.names) if text.strip())
    return RecordParts(
        names=tuple(
            dict.fromkeys(name_parts(name) for raw in raws for name in dict.fromkeys((read_name(raw), *names_in(raw))))
        ),
        tax_ids=tuple(IdParts(one.value, one.scheme, one.is_valid) for one in known.tax_ids),
        number=party.number,
        phone=party.phone,
        landline=known.phone,
        mobile=known.mobile,
        website=party.website,
        domain=known.domain,
        places=shown_places(known.places) or party.city,
        address=party.address,
        road=known.address.road if known.address is not None else "",
        country=party.country,
    )


def name_parts(name: Name) -> NameParts:
    """The parts of a name that tell companies apart."""
    return NameParts(
        raw=name.raw.strip(),
        region=shown_places(sorted(name.regions)),
        brand=name.brand if name.has_brand else "",
        trade=_trade(name),
        form=name.form,
        is_group=name.is_group,
        branch=name.branch or shown_places(sorted(name.branch_places)),
        is_full=name.is_full,
        is_nobody=is_nobody(name),
    )


def shown_places(places: Iterable[Place]) -> str:
    """Places for people: the province and, where it is another word, the city."""
    return " / ".join(
        dict.fromkeys(" ".join(dict.fromkeys(part for part in place if part)) for place in places if any(place))
    )


@cache
def _generic() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, tables().generic)))


def _trade(name: Name) -> str:
    """The trade words of a name: what many companies share."""
    if name.script == "latin":
        return " ".join(word for word in name.words if word in tables().generic_latin)
    return "".join(_generic().findall(name.core))
