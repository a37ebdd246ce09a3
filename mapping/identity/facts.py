"""What identity knows about one record: names taken apart, valid and weak tax ids, supporting evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mapping.identity import tax_ids
from mapping.identity.addresses import Address, read_address
from mapping.identity.countries import iso_country
from mapping.identity.domains import domain_key
from mapping.identity.names import Name, names_in
from mapping.identity.numbers import number_key
from mapping.identity.phones import phones
from mapping.identity.places import Place, city_of
from mapping.identity.tax_ids import TaxId
from tieout.canonical.parties import PartyCandidate


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """One record as identity sees it.

    `ref` is the caller's id; `side` says which system it stands in (records of one side compete, records of two sides
    are linked); `group` is the customer it is already a member of, "" if none; `rule` put it there (`link.ANCHORS`).
    `called`: keys of names by which people's answers call its customer and nobody else; `called_too`: those that mean
    others as well. `phone`, `mobile`: as E.164; `country`: ISO 3166-1 code; "" where not known.
    """

    ref: str
    side: str
    group: str
    names: tuple[Name, ...]
    tax_ids: tuple[TaxId, ...]
    number: str
    phone: str
    domain: str
    mobile: str = ""
    places: tuple[Place, ...] = ()
    address: Address | None = None
    country: str = ""
    rule: str = ""
    called: frozenset[str] = frozenset()
    called_too: frozenset[str] = frozenset()

    @property
    def is_answered(self) -> bool:
        """True when a person put it into its customer."""
        return self.rule == "must_link"

    @property
    def legal_keys(self) -> frozenset[str]:
        """Exact keys of the names that are whole legal names."""
        return frozenset(name.key for name in self.names if name.is_full)

    @property
    def legal_name(self) -> Name | None:
        """The most authoritative whole legal name."""
        return next((name for name in self.names if name.is_full), None)

    @property
    def valid_tax_ids(self) -> tuple[TaxId, ...]:
        return tuple(one for one in self.tax_ids if one.is_valid)

    def is_branch(self) -> bool | None:
        """True for a branch, False for a head office, None when no whole legal name says which."""
        full = [name for name in self.names if name.is_full]
        if not full:
            return True if any(name.branch for name in self.names) else None
        return any(name.branch for name in full)

    def shown_names(self) -> str:
        return " / ".join(dict.fromkeys(name.raw.strip() for name in self.names))

    def shown_tax_ids(self) -> str:
        return " / ".join(one.value for one in self.tax_ids)


def facts(ref: str, candidate: PartyCandidate, *, side: str = "", group: str = "", rule: str = "") -> PartyFacts:
    """The facts of a party candidate."""
    address = read_address(candidate.address)
    raws = [text for text in (candidate.legal_name, *candidate.names) if text.strip()]
    country = iso_country(candidate.country)
    places = city_of(candidate.city) or (address.places if address is not None else ())
    phone, mobile = phones(candidate.phone, country or _home(places))
    return PartyFacts(
        ref=ref,
        side=side,
        group=group,
        names=tuple(dict.fromkeys(name for text in dict.fromkeys(raws) for name in names_in(text))),
        tax_ids=tax_ids.read_all(candidate.tax_ids, country),
        number=number_key(candidate.number),
        phone=phone,
        domain=domain_key(candidate.website),
        mobile=mobile,
        places=places,
        address=address,
        country=country,
        rule=rule,
    )


# Where a place is, when the record does not say: their numbers are dialled in plans of their own.
_HOMES = {"香港": "HK", "澳门": "MO", "台湾": "TW"}


def _home(places: tuple[Place, ...]) -> str:
    """The country of a record by its city; "" for one that is not listed."""
    return next((_HOMES.get(place[0], "CN") for place in places if place[0]), "")


def phone_key(raw: str, country: str = "") -> str:
    """The landline in international form without extension; "" for mobiles, which belong to a person, and fragments."""
    return phones(raw, country)[0]


def mobile_key(raw: str, country: str = "") -> str:
    """A mobile number as E.164; it belongs to a person."""
    return phones(raw, country)[1]


def any_name(names: Iterable[Name], script: str) -> list[Name]:
    """The names of one script."""
    return [name for name in names if name.script == script]
