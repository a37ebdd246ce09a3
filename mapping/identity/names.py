"""Company names: the normal form, the exact legal-name key, and the parts that tell companies apart.

The key keeps region, brand, industry, legal form, group word and branch: two companies that differ in any of them are
two companies. Source: matching reference, sections 2 and 3; traditional characters by OpenCC's table t2s.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from opencc import OpenCC

from mapping.identity.tables import tables

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ffff]")
_SQUARE = re.compile(r"【[^】]*】|〖[^〗]*〗|〔[^〕]*〕|『[^』]*』|\[[^\]]*\]|［[^］]*］")
_ROUND = re.compile(r"\(([^()]*)\)")
_MARKS = re.compile(r"[^\w]+|_+")
_TRADING_MARK = re.compile(r"^(?:\*?ST|S\*ST|XD|XR|DR)(?=[\u4e00-\u9fff])", re.IGNORECASE)
_SHARE_MARK = re.compile(r"(?<=[\u4e00-\u9fff])(?:[AB]|-(?:U|W|KY|UW))$")
_UNIT = re.compile(r"^(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区|自治州|地区)")
_DISTRICT = re.compile(r"^[\u4e00-\u9fff]{1,3}?(?:新区|区|县)(?=[\u4e00-\u9fff]{4})")


@dataclass(frozen=True, slots=True)
class Name:
    """A name taken apart. `key` is the exact form for comparison; the parts serve guards and suggestions.

    `is_full`: a complete legal name (a legal form and something before it that is more than trade words). `core`
    lacks regions, legal form, group word and branch; `brand` lacks the trade words too. `branch` "" = a head office.
    """

    raw: str
    script: str  # han | latin
    key: str
    is_full: bool
    core: str
    brand: str
    form: str
    regions: frozenset[tuple[str, str]]
    branch: str
    is_group: bool


@cache
def _simplifier() -> OpenCC:
    return OpenCC("t2s")


@lru_cache(maxsize=65536)
def read_name(raw: str) -> Name:
    """The parts of a name as written."""
    text = " ".join(unicodedata.normalize("NFKC", raw).split())
    if _HAN.search(text):
        return _han(raw, _without_clutter(str(_simplifier().convert(text))))
    return _latin(raw, text)


def is_full_legal_name(raw: str) -> bool:
    """True when the text is a whole legal name: enough to link on when it is equal and unique on both sides."""
    return read_name(raw).is_full


def legal_name_key(raw: str) -> str:
    """The exact legal-name key; "" when the text is not a whole legal name."""
    name = read_name(raw)
    return name.key if name.is_full else ""


def regions_conflict(left: Name, right: Name) -> bool:
    """True when both name regions and no two of them can be one place (a province contains its cities)."""
    if not left.regions or not right.regions:
        return False
    return not any(a[0] == b[0] and (a[1] == b[1] or not a[1] or not b[1]) for a in left.regions for b in right.regions)


def _without_clutter(text: str) -> str:
    """The name without remarks that people add in a CRM."""
    table = tables()
    text = _SQUARE.sub("", text).replace("（", "(").replace("）", ")")
    text = _ROUND.sub(lambda m: "" if m.group(1).strip().casefold() in table.remarks else m.group(0), text)
    titles, departments = "|".join(table.titles), "|".join(table.departments)
    text = re.sub(rf"[-—_ /]+[\u4e00-\u9fff]{{1,3}}?(?:{titles})$", "", text.strip())
    text = re.sub(rf"[-—_ /]+(?:{departments})$", "", text.strip())
    forms = "|".join(table.forms[:8])
    return re.sub(rf"(?<=公司)(?:{departments})$", "", text.strip()) if re.search(forms, text) else text.strip()


def _han(raw: str, text: str) -> Name:
    table = tables()
    regions: set[tuple[str, str]] = set()
    is_group = "集团" in text

    def inner(match: re.Match[str]) -> str:
        word = match.group(1).strip()
        place = _region(word)
        if place is not None:
            regions.add(place)
            return ""
        return "" if word in ("集团", "中国") else word

    core = _MARKS.sub("", _ROUND.sub(inner, text)).casefold()
    key = _MARKS.sub("", text).casefold()
    core, branch, form = _cut_suffixes(core)
    core = _SHARE_MARK.sub("", _TRADING_MARK.sub("", core.upper())).casefold()
    core, found = _cut_regions(core)
    regions |= found
    core = core.replace("集团", "") if len(core) > 3 else core
    brand = core
    for word in table.generic:
        brand = brand.replace(word, "")
    is_full = bool(form or branch) and len(brand) >= 2 and _region(core) is None
    return Name(raw, "han", key, is_full, core, brand or core, form, frozenset(regions), branch, is_group)


def _cut_suffixes(text: str) -> tuple[str, str, str]:
    """Head part, branch text and legal form: `某某股份有限公司厦门分公司` is `某某`, `厦门分公司`, `股份有限公司`."""
    table = tables()
    branch = ""
    if next((word for word in table.branches if text.endswith(word)), None):
        cut = max((text.rfind(form) + len(form) for form in table.forms if form in text), default=0)
        word = next(word for word in table.branches if text.endswith(word))
        if 0 < cut <= len(text) - len(word):
            text, branch = text[:cut], text[cut:]
        else:
            text, branch = text.removesuffix(word), word
    form = next((word for word in table.forms if text.endswith(word)), "")
    return text.removesuffix(form), branch, form


def _region(word: str) -> tuple[str, str] | None:
    for unit in ("", "省", "市", "自治区", "特别行政区"):
        if word.endswith(unit) and (place := tables().regions.get(word.removesuffix(unit))) is not None:
            return place
    return None


def _cut_regions(text: str) -> tuple[str, set[tuple[str, str]]]:
    """The text without leading regions, as long as at least two characters stay."""
    table = tables()
    found: set[tuple[str, str]] = set()
    while len(found) < 2:
        word = next((text[:size] for size in (4, 3, 2) if text[:size] in table.regions), None)
        if word is None:
            break
        rest = text[len(word) :]
        unit = _UNIT.match(rest)
        rest = rest[unit.end() :] if unit else rest
        if len(rest) < 2:
            break
        found.add(table.regions[word])
        text = rest
    if found and (district := _DISTRICT.match(text)):
        text = text[district.end() :]
    cities = {place for place in found if place[1]}
    return text, cities or found


def _latin(raw: str, text: str) -> Name:
    table = tables()
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    plain = re.sub(r"['’`´]", "", plain.replace("&", " and ").replace("+", " and "))
    words = _join_letters(_MARKS.sub(" ", plain).split())
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    form = ""
    for spelling, one in table.latin_forms:
        if len(words) > len(spelling) and tuple(words[-len(spelling) :]) == spelling:
            words, form = words[: -len(spelling)], one
            break
    is_group = any(word in table.group_words for word in words)
    branch = "branch" if any(word in table.branch_words for word in words) else ""
    own = [word for word in words if word not in table.generic_latin and word not in table.branch_words]
    key = " ".join([*words, form] if form else words)
    is_full = bool(form) and sum(len(word) for word in own) >= 3
    core = " ".join(words)
    return Name(raw, "latin", key, is_full, core, " ".join(own) or core, form, frozenset(), branch, is_group)


def _join_letters(words: list[str]) -> list[str]:
    """`a b c ltd` is `abc ltd`: initials written with dots are one word."""
    out: list[str] = []
    run = ""
    for word in words:
        if len(word) == 1 and word.isalpha():
            run += word
            continue
        if run:
            out.append(run)
            run = ""
        out.append(word)
    return [*out, run] if run else out
