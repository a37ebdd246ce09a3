"""Two names side by side: one word for how near they are, best first in each script.

Every level is exclusive: a pair of records has one level for its Chinese names, one for its Latin names and one for the
Chinese name of the one against the Latin name of the other.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from mapping.identity import places
from mapping.identity.names import Name
from mapping.identity.numbers import within_one_edit
from mapping.identity.remembered import remembered
from mapping.identity.sounds import sound, syllables
from mapping.identity.tables import tables

# What a person's answer calls the customer says who is meant, whatever its own names are; below only a whole name.
CALLED = ("alias_equal", "alias_shared")
HAN = (
    "han_legal_equal", *CALLED, "han_stem_equal", "han_form_differs", "han_core_equal", "han_short_equal",
    "han_sound_equal", "han_one_edit", "han_prefix", "han_abbreviation", "han_industry_differs", "han_similar",
    "han_differs",
)  # fmt: skip
LATIN = (
    "latin_legal_equal", "latin_stem_equal", "latin_form_differs", "latin_core_equal", "latin_short_equal",
    "latin_one_edit", "latin_prefix", "latin_joined", "latin_brand_equal", "latin_similar", "latin_differs",
)  # fmt: skip
SOUND = ("sound_equal", "sound_prefix", "sound_part", "sound_differs")
_RANK = {level: rank for group in (HAN, LATIN, SOUND) for rank, level in enumerate(group)}
# One form written in several ways: Co., Ltd. is often cut to Ltd.
_FORM_CLASS = {
    "coltd": "ltd",
    "corpltd": "ltd",
    "ptyltd": "ltd",
    "pteltd": "ltd",
    "corp": "inc",
    "co": "ltd",
    "csrl": "srl",
}
_ORDINALS = frozenset("0123456789一二三四五六七八九十百甲乙丙丁东西南北上下")
_ORDINAL = re.compile(r"\d+|[ivx]+|[a-z]|first|second|third|north|south|east|west")
_ROAD = re.compile(r"[东西南北中]{0,2}(?:大道|大街|[一二三四五六七八九十]?[路街道巷段])")
_SIMILAR = 60  # percent of common character pairs
_TYPO = 4  # characters from which one edit is a typo and not another word


def rank(level: str) -> int:
    """Smaller is nearer."""
    return _RANK[level]


def han_level(a: Name, b: Name) -> str:
    """How near two Chinese names are; regions, branches and group words are compared elsewhere."""
    if a.key == b.key:
        return "han_legal_equal" if a.is_full else "han_short_equal" if a.core == a.brand else "han_stem_equal"
    if a.stem == b.stem:
        return "han_form_differs" if _forms_differ(a.form, b.form) else "han_stem_equal"
    x, y = a.core, b.core
    if not x or not y:
        return "han_differs"
    if x == y and _place_moved(a, b):
        return "han_form_differs" if _forms_differ(a.form, b.form) else "han_stem_equal"
    if x == y:
        return "han_core_equal" if x != a.brand or (a.is_full and b.is_full) else "han_short_equal"
    if (typo := _typo(x, y)) and not _numbered(x, y):
        return typo
    short, long = (a, b) if len(x) < len(y) else (b, a)
    if long.core.startswith(short.core) and len(short.core) >= 2:
        return "han_prefix" if not short.is_full else "han_industry_differs"
    if not short.is_full and _abbreviates(short, long):
        return "han_abbreviation"
    if a.brand == b.brand and a.has_brand and len(a.brand) >= 2:
        return "han_industry_differs"
    return "han_similar" if dice(x, y) >= _SIMILAR else "han_differs"


def _place_moved(a: Name, b: Name) -> bool:
    """True when the same words and the same place stand in another order: 万方(香港)实业 and 万方实业(香港)."""
    return bool(a.regions) and a.regions == b.regions and a.branch == b.branch and sorted(a.stem) == sorted(b.stem)


def _typo(x: str, y: str) -> str:
    """A homophone or one edit between two cores; "" for neither."""
    if abs(len(x) - len(y)) > 1 or min(len(x), len(y)) < 2 or _characters(x).isdisjoint(y):
        return ""
    if len(x) == len(y) and syllables(x) == syllables(y):
        return "han_sound_equal"
    return "han_one_edit" if min(len(x), len(y)) >= _TYPO and within_one_edit(x, y) else ""


def _numbered(left: str, right: str) -> bool:
    """True when a number, an ordinal or a direction is what differs: 一公司 and 二公司, Fund IV and Fund V."""
    if left.isascii():
        mine, theirs = set(left.split()), set(right.split())
        return any(_ORDINAL.fullmatch(word) for word in mine ^ theirs)
    mine_chars, their_chars = Counter(left), Counter(right)
    return any(mine_chars[char] != their_chars[char] for char in _ORDINALS)


def _forms_differ(left: str, right: str) -> bool:
    """True when both state a legal form and one is a company by shares where the other is not."""
    return bool(left and right) and left.startswith("股份") != right.startswith("股份")


def brands_meet(x: str, y: str) -> bool:
    """True when two Chinese brands may be one: two characters in a row in common, one sound, or one in the other."""
    if x == y or min(len(x), len(y)) < 2:
        return x == y
    if any(x[at : at + 2] in y for at in range(len(x) - 1)) or syllables(x) == syllables(y):
        return True
    return min(len(x), len(y)) >= _TYPO - 1 and within_one_edit(x, y)


def kinds_differ(a: Name, b: Name) -> bool:
    """True when both state a form and the forms are those of two kinds of legal persons: 经营部 and 有限公司.

    A form that the other name has before its own is left out there, not another one: 会计师事务所 (有限公司).
    """
    kinds = tables().form_kinds
    if a.form not in kinds or b.form not in kinds or kinds[a.form] == kinds[b.form]:
        return False
    return a.core + a.form != b.core and b.core + b.form != a.core


def same_branch(a: str, b: str) -> str:
    """branch_equal, branch_conflict or branch_unclear for two branches as written, without units of places.

    One may state the place that the other leaves out (厦门集美分公司, 集美分公司); everything else must be equal, for
    中山东路支行 ends in 山东路支行 and is another. A branch without any name of its own may be each of them.
    """
    if a == b:
        return "branch_equal"
    (here, mine), (there, theirs) = _placed(a), _placed(b)
    if places.conflict(here, there):
        return "branch_conflict"
    bare = tables().branches
    if mine == theirs:
        return "branch_unclear" if mine in bare else "branch_equal"
    return "branch_unclear" if a in bare or b in bare else "branch_conflict"


@remembered
def _placed(branch: str) -> tuple[frozenset[places.Place], str]:
    """The place before a branch and the rest; the beginning of a road's name is no place: 中山|东路."""
    found, rest = places.cut_places(branch)
    return (frozenset(), branch) if not found or _ROAD.match(rest) else (frozenset(found[-1:]), rest)


def _abbreviates(short: Name, long: Name) -> bool:
    """True when the characters of the short name stand in the long one in order, its first one near the beginning."""
    text, at = long.core if short.core[0] in long.core[:3] else long.stem, -1
    if not 2 <= len(short.core) <= 6 or text.find(short.core[0]) > 3:
        return False
    for char in short.core:
        at = text.find(char, at + 1)
        if at < 0:
            return False
    return True


def latin_level(a: Name, b: Name) -> str:
    """How near two Latin names are."""
    if a.key == b.key:
        return "latin_legal_equal" if a.is_full else "latin_stem_equal" if len(a.words) > 1 else "latin_short_equal"
    if a.stem == b.stem:
        if a.form and b.form and _FORM_CLASS.get(a.form, a.form) != _FORM_CLASS.get(b.form, b.form):
            return "latin_form_differs"
        return "latin_stem_equal" if len(a.words) > 1 else "latin_short_equal"
    if a.words == b.words:
        return "latin_core_equal" if len(a.words) > 1 else "latin_short_equal"
    x, y = "".join(a.words), "".join(b.words)
    if not x or not y:
        return "latin_differs"
    if x == y:
        return "latin_core_equal"
    if min(len(x), len(y)) >= 6 and within_one_edit(x, y) and not _numbered(a.core, b.core):
        return "latin_one_edit"
    short, long = (a, b) if len(a.words) < len(b.words) else (b, a)
    if short.words == long.words[: len(short.words)]:
        return "latin_prefix" if short.has_brand else "latin_similar"
    if min(len(x), len(y)) >= 5 and (x.startswith(y) or y.startswith(x)):
        return "latin_joined"
    first, second = a.brand.split()[0], b.brand.split()[0]
    if first == second and len(first) >= 3 and a.has_brand:
        return "latin_brand_equal"
    return "latin_similar" if dice(x, y) >= _SIMILAR else "latin_differs"


def sound_level(han: Name, latin: Name) -> str:
    """How near the pinyin of a Chinese name is to a Latin name."""
    if not han.core or not latin.words:
        return "sound_differs"
    spoken, written = sound(han.core), "".join(latin.words)
    own = "".join(latin.brand.split())
    brand = sound(han.brand)
    if written in (spoken, brand) or own == brand:
        return "sound_equal"
    if min(len(own), len(spoken)) >= 4 and (spoken.startswith(own) or (own.startswith(brand) and len(brand) >= 4)):
        return "sound_prefix"
    first = latin.brand.split()[0]
    if len(first) >= 4 and (spoken.startswith(first) or sound(han.stem).startswith(first)):
        return "sound_part"
    return "sound_differs"


class Spoken(NamedTuple):
    """A name as a domain spells it: whole (5 letters and more), how its brand begins, and whether that may be cut."""

    whole: tuple[str, ...]
    first: str
    is_cut: bool


def spoken_of(name: Name) -> Spoken:
    """The spellings of a name; "" for a brand too short to say anything."""
    if name.script == "han":
        brand = sound(name.brand)
        whole = {sound(name.core), sound(name.stem)}
        return Spoken(tuple(text for text in whole if len(text) >= 5), brand if len(brand) >= 6 else "", False)
    text, first = "".join(name.words), name.brand.split()[0] if name.brand else ""
    return Spoken((text,) if len(text) >= 5 else (), first if len(first) >= 4 else "", True)


def domain_sounds(label: str, name: Spoken) -> bool:
    """True when a domain label is the name written in letters, or begins with it."""
    long = len(label) >= 5
    for text in name.whole:
        if long and (label.startswith(text) or text.startswith(label)):
            return True
    first = name.first
    if not first:
        return False
    return label.startswith(first) or (name.is_cut and len(label) >= 4 and first.startswith(label))


@remembered
def _characters(text: str) -> frozenset[str]:
    return frozenset(text)


@remembered
def _pairs(text: str) -> frozenset[str]:
    return frozenset([text[i : i + 2] for i in range(len(text) - 1)])


def dice(left: str, right: str) -> int:
    """Share of common character pairs in percent; symmetric."""
    first, second = _pairs(left), _pairs(right)
    total = len(first) + len(second)
    return 200 * len(first & second) // total if total else 0
