"""Countries and continents in a name: what members of one group all over the world tell themselves apart by."""

from __future__ import annotations

import re
from functools import cache

from babel.core import Locale

from mapping.identity.countries import iso_country
from mapping.identity.names import Name
from mapping.identity.remembered import remembered

HOME = "CN"
WORLD = "WORLD"  # international, global: in English names of members
AT_HEAD = "CN_FIRST"  # 中国 before a whole Chinese name; short names leave it out
# Two characters are often a part of other words (上海地产 is not in Haiti): these are not, but before 际 and 贸.
_SHORT_HAN = "美国 英国 法国 德国 泰国 韩国 俄国 日本 印度 越南 荷兰 瑞士 瑞典 丹麦 芬兰 挪威 波兰 巴西 希腊 埃及"
_LARGE = {
    "EUROPE": ("欧洲 欧盟 西欧", "europe european emea"),
    "ASIA": ("亚洲 亚太 东南亚 南亚", "asia asian apac asean"),
    "AMERICA": ("美洲 北美 南美 拉美", "americas latam"),
    "AFRICA": ("非洲", "africa"),
    "MIDDLE_EAST": ("中东", "mena"),
    "OVERSEAS": ("海外", "overseas"),
    WORLD: ("国际 国贸 环球 全球 世界", "international intl global worldwide"),
}
_MORE_LATIN = {
    "usa": "US",
    "uk": "GB",
    "uae": "AE",
    "prc": HOME,
    "holland": "NL",
    "korea": "KR",
    "america": "US",
    "deutschland": "DE",
}
_NOT_LATIN = frozenset(
    ("jersey", "georgia", "jordan", "turkey", "chad", "cuba", "mali", "guinea")
)  # words of their own


@cache
def _han() -> tuple[re.Pattern[str], dict[str, str]]:
    names = {str(name): str(code) for code, name in Locale.parse("zh").territories.items() if str(code).isalpha()}
    words = {name: code for name, code in names.items() if len(code) == 2 and len(name) >= 3 and name.isalpha()}
    words |= {name: iso_country(name) for name in _SHORT_HAN.split()}
    words |= {name: code for code, (han, _) in _LARGE.items() for name in han.split()}
    words |= {"中国": HOME, "香港": "HK", "澳门": "MO", "台湾": "TW"}
    longest = sorted(words, key=lambda word: (-len(word), word))
    # 中国际 is 国际 behind 中, not 中国; 国际 before 贸易 stays what it is.
    ends = {word: "(?![际贸])" if word.endswith("国") else "" for word in longest}
    return re.compile("|".join(re.escape(word) + end for word, end in ends.items())), words


@cache
def _latin() -> dict[tuple[str, ...], str]:
    names = {str(name).casefold(): str(code) for code, name in Locale.parse("en").territories.items()}
    words = {
        tuple(re.findall("[a-z]+", name)): code for name, code in names.items() if len(code) == 2 and name.isascii()
    }
    words |= {(name,): code for name, code in _MORE_LATIN.items()}
    words |= {(name,): code for code, (_, latin) in _LARGE.items() for name in latin.split()}
    words |= {
        ("hong", "kong"): "HK",
        ("hongkong",): "HK",
        ("hk",): "HK",
        ("macau",): "MO",
        ("macao",): "MO",
        ("taiwan",): "TW",
    }
    return {word: code for word, code in words.items() if word and word[0] not in _NOT_LATIN and len("".join(word)) > 1}


@remembered
def reach(name: Name) -> frozenset[str]:
    """ISO codes of countries, and continents, that a name states behind its first word; `AT_HEAD`: 中国 before it."""
    found = {_HOMES[place[0]] for place in (*name.regions, *name.branch_places) if place[0] in _HOMES}
    if name.script == "han":
        pattern, words = _han()
        for match in pattern.finditer(name.key):
            if match.start() or words[match.group()] != HOME:
                found.add(words[match.group()])
            elif name.is_full:
                found.add(AT_HEAD)
        return frozenset(found)
    table, words_of = _latin(), name.words
    for size in (3, 2, 1):
        for at in range(1, len(words_of) - size + 1):
            if (code := table.get(words_of[at : at + size])) and words_of[at - 1] not in ("new", "of"):
                found.add(code)
    return frozenset(found)


_HOMES = {"香港": "HK", "澳门": "MO", "台湾": "TW"}
