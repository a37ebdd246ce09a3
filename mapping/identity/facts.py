"""What identity knows about one record: names taken apart, valid and weak tax ids, supporting evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from mapping.identity import tax_ids
from mapping.identity.addresses import Address, read_address
from mapping.identity.names import Name, somebody
from mapping.identity.numbers import number_key
from mapping.identity.places import Place, city_of
from mapping.identity.tax_ids import TaxId
from tieout.canonical.parties import PartyCandidate

# Hosts that give mailboxes and pages to anyone say nothing about who a customer is (matching reference, section 1).
_FREE_HOSTS = frozenset(
    "qq.com 163.com 126.com sina.com sina.cn gmail.com outlook.com hotmail.com foxmail.com aliyun.com yahoo.com "
    "139.com 189.cn live.com icloud.com weibo.com taobao.com 1688.com alibaba.com facebook.com linkedin.com".split()
)
_SECOND_LEVEL = frozenset("com net org gov edu co ac ltd plc".split())
_HOST = re.compile(r"[a-z0-9.-]+")
_NO_DIGITS = re.compile(r"\D")
_EXTENSION = re.compile(r"(?:转|ext\.?|x|[-–#])\s*\d{1,5}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """One record as identity sees it.

    `ref` is the caller's id; `side` says which system it stands in (records of one side compete, records of two sides
    are linked); `group` is the customer it is already a member of, "" if none; `rule` put it there (`link.ANCHORS`).
    `called`: keys of names by which people's answers call its customer and nobody else; `called_too`: those that mean
    others as well.
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
        return " / ".join(name.raw.strip() for name in self.names)

    def shown_tax_ids(self) -> str:
        return " / ".join(one.value for one in self.tax_ids)


def facts(ref: str, candidate: PartyCandidate, *, side: str = "", group: str = "", rule: str = "") -> PartyFacts:
    """The facts of a party candidate."""
    address = read_address(candidate.address)
    raws = [text for text in (candidate.legal_name, *candidate.names) if text.strip()]
    phone, mobile = _phones(candidate.phone)
    return PartyFacts(
        ref=ref,
        side=side,
        group=group,
        names=tuple(name for text in dict.fromkeys(raws) if (name := somebody(text)) is not None),
        tax_ids=tax_ids.read_all(candidate.tax_ids, candidate.country),
        number=number_key(candidate.number),
        phone=phone,
        domain=domain_key(candidate.website),
        mobile=mobile,
        places=city_of(candidate.city) or (address.places if address is not None else ()),
        address=address,
        country=candidate.country.strip().casefold(),
        rule=rule,
    )


def phone_key(raw: str) -> str:
    """The last 8 digits of a landline without extension; "" for mobiles, which belong to a person, and fragments."""
    return _phones(raw)[0]


def mobile_key(raw: str) -> str:
    """A mainland mobile number: 11 digits that begin with 1; it belongs to a person."""
    return _phones(raw)[1]


def _phones(raw: str) -> tuple[str, str]:
    """Landline and mobile number; one of them at most."""
    if not raw:
        return "", ""
    digits = _NO_DIGITS.sub("", _EXTENSION.sub("", raw.strip()))
    digits = digits.removeprefix("0086").removeprefix("86") if len(digits) > 11 else digits
    if len(digits) == 11 and digits.startswith("1"):
        return "", digits
    return ("" if len(digits) < 8 else digits[-8:]), ""


def domain_key(raw: str) -> str:
    """The registrable domain of a web or mail address; "" for hosts that anyone may use."""
    text = raw.strip().casefold()
    if not text:
        return ""
    if "@" in text:
        text = text.rpartition("@")[2]
    try:
        plain = _HOST.fullmatch(text)
        host = text if plain else urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""
    labels = [label for label in host.removeprefix("www.").split(".") if label]
    if len(labels) < 2 or all(label.isdigit() for label in labels):
        return ""
    size = 3 if len(labels) > 2 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2 else 2
    domain = ".".join(labels[-size:])
    return "" if domain in _FREE_HOSTS else domain


def any_name(names: Iterable[Name], script: str) -> list[Name]:
    """The names of one script."""
    return [name for name in names if name.script == script]
