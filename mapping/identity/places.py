"""Places: Chinese region words and their Latin spellings as one (province, city) pair.

Source: GB/T 2260 province and prefecture names; Latin spellings are their pinyin except where another is usual.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import cache

from mapping.identity.remembered import remembered
from mapping.identity.simplify import simplified
from mapping.identity.sounds import sound
from mapping.identity.tables import tables

Place = tuple[str, str]  # (province, city); city "" = the whole province
MUNICIPALITIES = ("北京", "天津", "上海", "重庆")
_UNITS = re.compile(r"(?:特别行政区|壮族自治区|回族自治区|维吾尔自治区|自治区|自治州|地区|省|市|县|盟)$")
_LATIN_UNITS = re.compile(r"(?: city| shi| province| municipality)$")
# Leagues and autonomous prefectures, written with the peoples that they are named for: changjihuizuzizhizhou.
_LATIN_AUTONOMOUS = re.compile(r"(?:[a-z ]*zu)? ?zizhizhou|(?: [a-z]+)* autonomous prefecture| ?(?:meng|league|diqu)")
# What stands behind the name of a city that is no city there: 朝阳区 in 北京, 南京东路 in 上海.
_NO_CITY = re.compile(r"区|[东西南北中]{0,2}(?:大道|大街|[一二三四五六七八九十]?[路街道巷段])")
# County-level cities of the table and the city that each lies in (GB/T 2260): an address may name either.
_COUNTIES = {
    county: city
    for city, counties in {
        "苏州": "昆山 常熟 张家港 太仓", "无锡": "江阴 宜兴", "金华": "义乌", "宁波": "慈溪 余姚", "绍兴": "诸暨",
        "温州": "乐清 瑞安", "嘉兴": "海宁", "泉州": "晋江 石狮", "福州": "福清",
    }.items()
    for county in counties.split()
}  # fmt: skip
_HAN = re.compile(r"[\u3400-\u9fff]")


@cache
def latin_places() -> dict[str, tuple[Place, ...]]:
    """Latin spelling -> the places it may mean (Suzhou is 苏州 and 宿州)."""
    out: dict[str, tuple[Place, ...]] = {}
    table = tables()
    for word, place in table.regions.items():
        for spelling in (*table.latin_regions.get(word, ()), sound(word)):
            if place not in out.get(spelling, ()):
                out[spelling] = (*out.get(spelling, ()), place)
    return out


def region_word(word: str) -> Place | None:
    """The place of a Chinese word with or without 省, 市, 县."""
    table = tables().regions
    return table.get(word) or table.get(_UNITS.sub("", word))


@remembered
def city_of(raw: str) -> tuple[Place, ...]:
    """The places that a city field may mean; an unknown one is ("", the folded text); () for nothing."""
    text = " ".join(unicodedata.normalize("NFKC", raw).split()).casefold().strip(" .,")
    if not text:
        return ()
    if _HAN.search(text):
        text = simplified(text)
        place = region_word(text) or leading_place(text)
        return (place,) if place is not None else (("", _UNITS.sub("", text)),)
    plain = re.sub(r"['’`´]", "", text)
    known = latin_places()
    return known.get(plain) or known.get(_LATIN_UNITS.sub("", plain)) or _autonomous(plain) or (("", plain),)


def _autonomous(text: str) -> tuple[Place, ...]:
    """The places of a Latin text that ends in the unit of a league or an autonomous prefecture."""
    for size in range(len(text) - 4, 1, -1):
        if (found := latin_places().get(text[:size])) and _LATIN_AUTONOMOUS.fullmatch(text[size:]):
            return found
    return ()


def leading_place(text: str) -> Place | None:
    """The narrowest place that a simplified Chinese text begins with (江苏省常熟市… is 常熟)."""
    found, _ = cut_address(text)
    cities = [place for place in found if place[1]]
    return cities[-1] if cities else found[0] if found else None


def cut_address(text: str) -> tuple[list[Place], str]:
    """The places that an address begins with, each inside the one before it, and the rest."""
    found: list[Place] = []
    while len(found) < 3:
        places, rest = cut_places(text, keep=0, most=1)
        if not places or (found and places[0][0] != found[0][0]) or _NO_CITY.match(rest):
            break
        found, text = found + places, rest
    return found, text


def cut_places(text: str, keep: int = 2, most: int = 3) -> tuple[list[Place], str]:
    """Leading region words, as long as `keep` characters stay, and the rest."""
    table = tables().regions
    found: list[Place] = []
    while len(found) < most:
        word = next((text[:size] for size in (4, 3, 2) if text[:size] in table), None)
        if word is None:
            break
        rest = text[len(word) :]
        unit = _UNIT.match(rest)
        rest = rest[unit.end() :] if unit else rest
        if len(rest) < keep or (found and rest.startswith("区")):
            break  # 大连中山区: a part of 大连
        place = table[word]
        if unit and unit.group() == "市" and not place[1] and word not in MUNICIPALITIES:
            place = (place[0], word)  # 吉林市 in 吉林省
        found.append(place)
        text = rest
    return found, text


_UNIT = re.compile(r"(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区|自治州|地区)")


@remembered
def conflict(left: frozenset[Place], right: frozenset[Place]) -> bool:
    """True when both name places and no two of them can be one."""
    if not left or not right:
        return False
    return not any(a[0] == b[0] and (a[1] == b[1] or not a[1] or not b[1]) for a in left for b in right)


@remembered
def cities_conflict(left: frozenset[Place], right: frozenset[Place]) -> bool:
    """True when two records cannot be in one city; a county-level city is in the city around it as well."""
    return conflict(left, right) and conflict(_around(left), right) and conflict(left, _around(right))


def _around(found: frozenset[Place]) -> frozenset[Place]:
    return frozenset((province, _COUNTIES.get(city, city)) for province, city in found)


def equal(left: Collection[Place], right: Collection[Place]) -> bool:
    """True when both name one city."""
    return any(place[1] and place in right for place in left)
