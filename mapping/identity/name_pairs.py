"""Two names side by side: one word for how near they are, best first in each script.

Every level is exclusive: a pair of records has one level for its Chinese names, one for its Latin names and one for the
Chinese name of the one against the Latin name of the other.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from mapping.identity import places, trades
from mapping.identity.names import Name
from mapping.identity.numbers import within_one_edit
from mapping.identity.remembered import remembered
from mapping.identity.simplify import simplified
from mapping.identity.sounds import is_spoken, sound, syllables
from mapping.identity.tables import tables

# What a person's answer calls the customer says who is meant, whatever its own names are; below only a whole name.
CALLED = ("alias_equal", "alias_shared")
HAN = (
    "han_legal_equal", *CALLED, "han_stem_equal", "han_form_differs", "han_core_equal", "han_short_equal",
    "han_sound_equal", "han_one_edit", "han_prefix", "han_brand", "han_abbreviation",
    "han_industry_differs", "han_similar",
    "han_differs",
)  # fmt: skip
LATIN = (
    "latin_legal_equal", "latin_stem_equal", "latin_form_differs", "latin_core_equal", "latin_short_equal",
    "latin_one_edit", "latin_prefix", "latin_joined", "latin_brand_equal", "latin_similar", "latin_differs",
)  # fmt: skip
SOUND = (
    "sound_equal",
    "sound_translated",
    "sound_short",
    "sound_brand",
    "sound_prefix",
    "sound_part",
    "sound_differs",
    "sound_apart",
)
IN_ONE_SCRIPT = frozenset((*HAN, *LATIN))
# Levels at which two names may be those of one firm; below them brand or trade is another.
NEAR = frozenset((*HAN[: HAN.index("han_industry_differs")], *LATIN[: LATIN.index("latin_brand_equal")])) - {
    "latin_form_differs"
}
_RANK = {level: rank for group in (HAN, LATIN, SOUND) for rank, level in enumerate(group)}
# One form written in several ways: Co., Ltd. is often cut to Ltd.
_FORM_CLASS = {
    "coltd": "ltd",
    "corpltd": "ltd",
    "corp": "inc",
    "co": "ltd",
    "csrl": "srl",
}
_ORDINALS = frozenset(
    "0123456789一二三四五六七八九十百壹贰叁肆伍陆柒捌玖拾甲乙丙丁戊己庚辛点加东西南北上下abcdefghijklmnopqrstuvwxyz"
)
# Characters at the end of a name that are a body of its own, and characters before a word that make another word of it.
_BODIES = frozenset("店馆档铺摊坊厅室社部站局所处院校园场厂会区")
_KINDS = frozenset("微小大中新老总副分子母男女光热冷水")
_ORDINAL = re.compile(r"\d+|[ivx]+|[a-z]|first|second|third|north|south|east|west")
_ROAD = re.compile(r"[东西南北中]{0,2}(?:大道|大街|[一二三四五六七八九十]?[路街道巷段])")
_LINKING = ("and", "of", "the")
_SIMILAR = 60  # percent of common character pairs
_TYPO = 4  # characters from which one edit is a typo and not another word


def rank(level: str) -> int:
    """Smaller is nearer."""
    return _RANK[level]


# Characters that are several in traditional writing and one in simplified: 昇陽 and 升陽 are two brands.
_SEVERAL = (
    "昇升陞 鍾鐘 範范 餘余 祐佑 遊游 乾幹干 穀谷 薑姜 瀋沈 鬱郁 於于 後后 徵征 誌志 鬆松 硃朱 係系繫 豐丰 雲云 裡里 "
    "葉叶 複復 曆歷 鬥斗 鬍胡 僕仆 傑杰 穫獲 製制 週周 捲卷"
).split()
_OF_SEVERAL = {char: group for group in _SEVERAL for char in group}


def told_apart_in_traditional(left: str, right: str) -> bool:
    """True when two texts that are equal in simplified characters hold, both written traditionally, two of several."""
    if len(left) != len(right) or not (_is_traditional(left) and _is_traditional(right)):
        return False
    return any(
        a != b and a in _OF_SEVERAL and _OF_SEVERAL[a] == _OF_SEVERAL.get(b) for a, b in zip(left, right, strict=True)
    )


@remembered
def _is_traditional(text: str) -> bool:
    return simplified(text) != text


def han_level(a: Name, b: Name) -> str:
    """How near two Chinese names are; regions, branches and group words are compared elsewhere."""
    if a.key == b.key:
        if a.raw != b.raw and told_apart_in_traditional(a.raw, b.raw):
            return "han_sound_equal"
        return "han_legal_equal" if a.is_full else "han_short_equal" if a.core == a.brand else "han_stem_equal"
    if a.stem == b.stem:
        return "han_form_differs" if forms_differ(a.form, b.form) else "han_stem_equal"
    if a.form and b.form and (a.core + a.form == b.core or b.core + b.form == a.core):
        return "han_form_differs"  # 会计师事务所 with and without 有限公司 behind it
    x, y = a.core, b.core
    if not x or not y:
        return "han_differs"
    if x == y and _place_moved(a, b):
        return "han_form_differs" if forms_differ(a.form, b.form) else "han_stem_equal"
    if x == y:
        return "han_core_equal" if x != a.brand or (a.is_full and b.is_full) else "han_short_equal"
    if (typo := _typo(a, b)) and not _numbered(x, y):
        return typo
    short, long = (a, b) if len(x) < len(y) else (b, a)
    if _by_shares(a, b) or _by_shares(b, a):
        return "han_prefix"
    if long.core.startswith(short.core) and len(short.core) >= 2:
        if short.is_full or _is_another_body(short.core, long):
            return "han_industry_differs"
        return "han_brand" if short.core == short.brand else "han_prefix"
    if not short.is_full and _abbreviates(short, long):
        return "han_abbreviation"
    if a.brand == b.brand and a.has_brand and len(a.brand) >= 2:
        return "han_industry_differs"
    return "han_similar" if dice(x, y) >= _SIMILAR else "han_differs"


def _by_shares(short: Name, long: Name) -> bool:
    """True for a brand with 股份 behind it, and a company by shares of that brand: 丰元股份, 丰元化学股份有限公司."""
    text = short.core.removesuffix("股份")
    if short.form or len(text) < 2 or text == short.core:
        return False
    return (not long.form or long.form.startswith("股份")) and long.core.startswith(text)


def _place_moved(a: Name, b: Name) -> bool:
    """True when the same words and the same place stand in another order: 万方(香港)实业 and 万方实业(香港)."""
    return bool(a.regions) and a.regions == b.regions and a.branch == b.branch and sorted(a.stem) == sorted(b.stem)


def _typo(a: Name, b: Name) -> str:
    """A homophone or a dropped character between two cores; "" for neither."""
    x, y = a.core, b.core
    if abs(len(x) - len(y)) > 1 or min(len(x), len(y)) < 2 or _characters(x).isdisjoint(y):
        return ""
    if len(x) == len(y) and syllables(x) == syllables(y):
        own = 3 if len(a.brand) == len(b.brand) == 3 else 2
        return "han_one_edit" if x[:own] == y[:own] else "han_sound_equal"  # in the brand it may be another firm
    # A dropped character is a slip; another one in its place makes another word, and one in front a new firm (新澄砚).
    is_slip = len(x) != len(y) and x[0] == y[0] and (a.brand == b.brand or min(len(a.brand), len(b.brand)) > 2)
    is_slip = is_slip and not _says_more(*sorted((x, y), key=len))
    return "han_one_edit" if is_slip and min(len(x), len(y)) >= _TYPO and within_one_edit(x, y) else ""


def _says_more(short: str, long: str) -> bool:
    """True when the one character that is missing is a word: 餐饮店 is no slip for 餐饮, nor 微电子 for 电子."""
    at = next((place for place, char in enumerate(short) if char != long[place]), len(short))
    return long[at] in (_BODIES if at == len(short) else _KINDS)


def _is_another_body(short: str, long: Name) -> bool:
    """True for 宏达五金 and 宏达五金店, 市监局 and 市监局宝安所: a shop, and what is part of a public body."""
    if long.form:
        return False
    return long.core[len(short) :] in _BODIES or short.endswith(tables().public_ends)


def _numbered(left: str, right: str) -> bool:
    """True when a number, an ordinal or a direction is what differs: 一公司 and 二公司, Fund IV and Fund V."""
    if left.isascii():
        mine, theirs = set(left.split()), set(right.split())
        return any(_ORDINAL.fullmatch(word) or not word.isalpha() for word in mine ^ theirs)
    mine_chars, their_chars = Counter(left), Counter(right)
    return any(mine_chars[char] != their_chars[char] for char in _ORDINALS)


def forms_differ(left: str, right: str) -> bool:
    """True when both state a legal form and those are two: by shares and not, 商行 and 经营部, 研究院 and 研究所."""
    mine, theirs = _form_class(left), _form_class(right)
    return bool(mine and theirs) and mine != theirs


def _form_class(form: str) -> str:
    """One word for the spellings of a form; "" for none, and for one that leaves open which it is."""
    if form in ("集团公司", "合伙企业"):
        return ""
    if form.startswith("股份"):
        return "股份"
    if "合伙" in form:
        return form.removeprefix("合伙企业").removesuffix("人")
    return "有限公司" if form in ("有限责任公司", "责任有限公司") else form


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
        if a.is_full and b.is_full and len(a.words) == 1 and bool(a.regions) != bool(b.regions):
            return "latin_prefix"  # Alder (Hong Kong) Ltd and Alder Ltd: two whole names of which one says more
        return "latin_core_equal" if len(a.words) > 1 else "latin_short_equal"
    x, y = "".join(a.words), "".join(b.words)
    if not x or not y:
        return "latin_differs"
    if x == y:
        return "latin_core_equal"
    if min(len(x), len(y)) >= 6 and _misspelled(a.words, b.words) and not _numbered(a.core, b.core):
        return "latin_one_edit"
    short, long = (a, b) if len(a.words) < len(b.words) else (b, a)
    if short.words == long.words[: len(short.words)]:
        if not tables().body_words.isdisjoint(long.words[len(short.words) :]) or _numbered(a.core, b.core):
            return (
                "latin_brand_equal" if short.has_brand else "latin_similar"
            )  # a school and its union, a shop's number
        if short.is_full:  # whole, and the other says more: Alder Ltd and Alder Leasing Ltd
            return "latin_brand_equal" if short.has_brand else "latin_similar"
        return "latin_prefix" if short.has_brand else "latin_similar"
    short, long = (a, b) if len(x) < len(y) else (b, a)
    if len("".join(short.words)) >= 5 and "".join(long.words).startswith("".join(short.words)) and not short.is_full:
        return "latin_joined"
    first, second = a.brand.split()[0], b.brand.split()[0]
    if first == second and len(first) >= 3 and a.has_brand:
        return "latin_brand_equal"
    return "latin_similar" if dice(x, y) >= _SIMILAR else "latin_differs"


def _misspelled(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """True for one edit that leaves the first letter of each word: Equipment and Equipmnt, not Mining and Dining."""
    x, y = "".join(left), "".join(right)
    if not within_one_edit(x, y) or x[0] != y[0]:
        return False
    return len(left) != len(right) or all(a[0] == b[0] for a, b in zip(left, right, strict=True))


def sound_level(han: Name, latin: Name) -> str:
    """How near the pinyin of a Chinese name is to a Latin name."""
    if not han.core or not latin.words:
        return "sound_differs"
    spoken, written = sound(han.core), "".join(latin.words)
    own = "".join(latin.brand.split())
    brand = sound(han.brand)
    if written == spoken:
        return "sound_equal"
    if written[:2] == spoken[:2] and trades.translates(han, latin):
        return "sound_translated"
    said = (*latin.brand.split(), *tables().group_words, *_LINKING)
    more = [word for word in latin.words if word not in said]
    if own == brand:
        # Words of trade behind it, or words like International, by which members of a group tell themselves apart.
        return "sound_brand" if more or latin.is_group != han.is_group else "sound_short"
    if written == brand:
        return "sound_short"
    if min(len(own), len(spoken)) >= 4 and spoken.startswith(own) and not more:
        return "sound_prefix"
    first = latin.brand.split()[0]
    if (own.startswith(brand) and len(brand) >= 4) or (len(own) >= 4 and spoken.startswith(own)):
        return "sound_part"
    if len(first) >= 4 and (spoken.startswith(first) or sound(han.stem).startswith(first)):
        return "sound_part"
    # English brands need not be spoken Chinese (Vanke); one that is, and another, is the name of somebody else.
    return "sound_apart" if latin.has_brand and is_spoken(own) else "sound_differs"


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
