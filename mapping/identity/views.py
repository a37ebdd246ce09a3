"""A record as comparison sees it: what is asked of every pair, worked out once per record."""

from __future__ import annotations

import re
from functools import cache

from mapping.identity.facts import PartyFacts
from mapping.identity.name_pairs import Spoken, spoken_of
from mapping.identity.names import Name, loose
from mapping.identity.persons import is_person
from mapping.identity.phones import dialled
from mapping.identity.places import Place
from mapping.identity.reach import AT_HEAD, HOME, reach
from mapping.identity.sounds import sound
from mapping.identity.tables import tables
from mapping.identity.tax_ids import TaxId

NO_GROUP_WORD, GROUP_WORD = 1, 2  # bits of `View.groups`
GROUP_LABELS = ("group", "grp", "holding", "holdings", "jituan")  # how the domain of a whole group ends

_NUMBERED = re.compile(r"^第(?=[\d一二三四五六七八九十百])")  # 第一分公司 is 一分公司
_INNER = re.compile(r"(?:分行|分公司)(?=.)")  # between the head office and the branch: 深圳分行中心区支行

_HOMES = {"香港": "HK", "澳门": "MO", "台湾": "TW"}


class View:
    """Names by script, places, branches and group words of one record; plain attributes, for millions of reads.

    `common`: by script, whether the brands are everybody's. `groups`: by script, whether any name says group or holding
    and whether any does not. `has_branch`: a branch, a place of one, or a branch for certain. `kinds`: the kinds of
    legal persons that its Chinese names state. `shops`: names that end in 店 and may be a chain or one of its shops.
    `is_bare`: all its names are a brand and nothing else. `is_holding`: a name says group
    or holding. `is_public`: a bureau, a school, a hospital. `reach`:
    countries and continents that its names state; `at`: those and where it is. `only_tax`: its tax id where it has
    exactly one, and that one is valid.
    """

    __slots__ = (
        "_spoken", "at", "branch_places", "branch_texts", "common", "dialled", "districts",
        "facts", "groups", "han", "has_branch", "in_one_script", "is_bare", "is_branch", "is_called", "is_holding",
        "is_no_group", "is_person", "is_public",
        "kinds", "label",
        "latin", "latin_branches", "licensed", "named", "only_tax", "places", "reach", "regions", "says_group", "shops",
        "weak",
    )  # fmt: skip

    def __init__(self, facts: PartyFacts) -> None:
        names = facts.names
        self.facts = facts
        self.han = han = tuple([name for name in names if name.script == "han"])
        self.latin = latin = tuple([name for name in names if name.script == "latin"])
        self.in_one_script = not han or not latin
        self.places = frozenset(facts.places)
        self.regions = tuple([_narrowed(name, self.places) for name in names if name.regions])
        self.is_person = bool(names) and all(map(is_person, names))
        self.is_bare = bool(names) and all(map(_is_bare, names))
        self.is_public = any(name.key.endswith(tables().public_ends) for name in han)
        self.districts = frozenset([name.district for name in han if name.district])
        self.is_branch = facts.is_branch()
        self.branch_texts = frozenset(
            [_NUMBERED.sub("", loose(_INNER.sub("", name.branch))) for name in han if name.branch]
        )
        self.latin_branches = frozenset([name.branch for name in latin if name.branch])
        kinds = tables().form_kinds
        self.kinds = frozenset([kinds[name.form] for name in han if name.form in kinds])
        self.shops = tuple([name for name in han if name.core.endswith("店") and not name.form and not name.branch])
        self.branch_places = frozenset([place for name in names for place in name.branch_places])
        self.has_branch = bool(self.branch_texts or self.branch_places or self.is_branch)
        self.groups = (_group_words(han), _group_words(latin))
        self.says_group = _says_group(names)
        self.is_holding = any(name.is_group or "控股" in name.core for name in names)
        self.is_no_group = not self.is_holding and bool(facts.legal_name)
        self.weak = (_is_weak(han), _is_weak(latin))
        self.common = (_is_common(han), _is_common(latin))
        self.licensed = self.weak[0] and any(map(_is_licensed, han))
        self.label = facts.domain.split(".", 1)[0].replace("-", "")
        self.dialled = dialled(facts.phone)
        self.reach = frozenset().union(*map(reach, names))
        self.at = self.reach | _whereabouts(facts)
        self.named = frozenset([place for name in names for place in (name.branch_places or name.regions)])
        self.is_called = bool(facts.called or facts.called_too)
        ids = facts.tax_ids
        self.only_tax: TaxId | None = ids[0] if len(ids) == 1 and ids[0].is_valid else None
        self._spoken: tuple[Spoken, ...] | None = None

    @property
    def spoken(self) -> tuple[Spoken, ...]:
        """Its names as a domain would spell them."""
        if self._spoken is None:
            self._spoken = tuple([spoken_of(name) for name in self.facts.names])
        return self._spoken


def _narrowed(name: Name, places: frozenset[Place]) -> frozenset[Place]:
    """The places of a name; of those that are spelled alike (Suzhou) the one where the record is."""
    if name.script == "latin" and len(name.regions) > 1:
        return name.regions & places or name.regions
    return name.regions


def _whereabouts(facts: PartyFacts) -> frozenset[str]:
    """Countries that a record need not name, because it is there, or because short names leave them out."""
    found = {facts.country, *(_HOMES.get(place[0], "") for place in facts.places)} - {HOME}
    if not any(name.is_full and name.script == "han" for name in facts.names):
        found.add(AT_HEAD)
    return frozenset(found if facts.legal_name else {*found, HOME})


def _group_words(names: tuple[Name, ...]) -> int:
    bits = 0
    for name in names:
        bits |= GROUP_WORD if name.is_group else NO_GROUP_WORD
    return bits


def _says_group(names: tuple[Name, ...]) -> bool:
    """True when a whole legal name, or every name, says group or holding."""
    said = [name for name in names if name.is_group]
    return bool(said) and (len(said) == len(names) or any(name.is_full for name in said))


def _is_bare(name: Name) -> bool:
    """True for a brand and nothing else: 华为, Huawei; it may be the group's as well as that of any member."""
    if name.form or name.branch or name.is_group or name.regions or name.branch_places or not name.has_brand:
        return False
    return name.core == name.brand


def _is_weak(names: tuple[Name, ...]) -> bool:
    """True when all names of a script are made of trade words."""
    return bool(names) and not any(name.has_brand for name in names)


def _is_common(names: tuple[Name, ...]) -> bool:
    """True when the brands of a script are all made of words that very many firms are called by: 宏达, United Star."""
    return bool(names) and all(map(_has_common_brand, names))


@cache
def _common_sounds() -> frozenset[str]:
    """How brands of two common characters are spelled in English names: hongda."""
    syllables = {sound(char) for char in tables().common_characters}
    return frozenset(first + second for first in syllables for second in syllables)


def _has_common_brand(name: Name) -> bool:
    if not name.has_brand:
        return False
    if name.script == "latin":
        words = [word for word in name.brand.split() if word not in tables().common_trades]
        if tables().common_words.issuperset(words):
            return bool(words)
        return len(words) < 3 and "".join(words) in _common_sounds()
    if name.core.endswith(tables().licensed):
        return False  # the licence keeps it unique: 长江证券
    return len(name.brand) <= 2 and tables().common_characters.issuperset(name.brand)


def _is_licensed(name: Name) -> bool:
    """True for a place and a trade that needs a licence, with or without words of trade between: 吉林省信托."""
    placed = bool(name.regions) or bool(name.branch and len(name.core) >= 4)
    return placed and not name.has_brand and name.core.endswith(tables().licensed)
