"""Addresses: the place, and the rest in the form in which it is compared."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from mapping.identity.places import Place, cut_address, latin_places
from mapping.identity.simplify import simplified

_HAN = re.compile(r"[\u3400-\u9fff]")
_MARKS = re.compile(r"[^\w]+|_+")
_ROAD = re.compile(r"([\u4e00-\u9fff]{2,6}?(?:大道|路|街|巷|道|段))(\d{1,5})(?:号|弄|$)")
_SHORTEST = 6  # characters from which two addresses can be compared


@dataclass(frozen=True, slots=True)
class Address:
    """`text` lacks the leading place and all marks; `road` is the road with its number, "" if none is stated."""

    script: str
    places: tuple[Place, ...]
    text: str
    road: str


@lru_cache(maxsize=16384)
def read_address(raw: str) -> Address | None:
    """The address that a raw text stands for; None for nothing and for a bare place."""
    text = " ".join(unicodedata.normalize("NFKC", raw).split()).casefold()
    if not text:
        return None
    if not _HAN.search(text):
        words = _MARKS.sub(" ", text).split()
        found = next((latin_places()[word] for word in reversed(words) if word in latin_places()), ())
        return Address("latin", found if len(found) == 1 else (), " ".join(words), "") if words else None
    text = simplified(text).removeprefix("中国").replace("(", "").replace(")", "")
    found_places, rest = cut_address(_MARKS.sub("", text))
    rest = rest.removeprefix("省").removeprefix("市")
    cities = [place for place in found_places if place[1] or place[0] in ("北京", "上海", "天津", "重庆")]
    road = _ROAD.search(rest)
    if not rest:
        return None
    return Address("han", tuple(cities[-1:]), rest, f"{road.group(1)}{road.group(2)}" if road else "")


def relation(left: Address, right: Address) -> str:
    """equal, cut (one is the beginning of the other), road (same road and number), differs; "" if not comparable."""
    if left.script != right.script or min(len(left.text), len(right.text)) < _SHORTEST:
        return ""
    if left.places and right.places and not set(left.places) & set(right.places):
        if not any(a[0] == b[0] for a in left.places for b in right.places):
            return "differs"
        if not (left.text.endswith(right.text) or right.text.endswith(left.text)):
            return "differs"
    if left.text == right.text:
        return "equal"
    if left.text.startswith(right.text) or right.text.startswith(left.text):
        return "cut"
    if left.road and right.road and (left.road.endswith(right.road) or right.road.endswith(left.road)):
        return "road"
    return "differs"
