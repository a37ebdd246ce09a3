"""Company names: the normal form, the exact legal-name key, and the parts that tell companies apart.

The key keeps region, brand, industry, legal form, group word and branch: two companies that differ in any of them are
two companies. Source: matching reference, sections 2 and 3; traditional characters by OpenCC's table t2s.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from mapping.identity import places
from mapping.identity.former_names import cut_former
from mapping.identity.latin_names import LatinParts, latin_parts
from mapping.identity.lookalikes import unmasked
from mapping.identity.places import Place
from mapping.identity.remembered import remembered
from mapping.identity.simplify import simplified
from mapping.identity.sounds import syllables
from mapping.identity.tables import tables

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ffff]")
_SQUARE = re.compile(r"【[^】]*】|〖[^〗]*〗|〔[^〕]*〕|『[^』]*』|\[[^\]]*\]|［[^］]*］")
_ROUND = re.compile(r"\(([^()]*)\)")
_MARKS = re.compile(r"[^\w]+|_+")
_NO_WORDS = re.compile(r"[\W_\d]+")
_TRADING_MARK = re.compile(r"^(?:\*?ST|S\*ST|XD|XR|DR)(?=[\u4e00-\u9fff])", re.IGNORECASE)
_SHARE_MARK = re.compile(r"(?<=[\u4e00-\u9fff])(?:[AB]|-(?:U|W|KY|UW))$")
_DISTRICT_UNIT = re.compile(r"(?:新区|区|县)$")
_DISTRICT = re.compile(r"^[\u4e00-\u9fff]{1,3}?(?:新区|区|县)(?=[\u4e00-\u9fff]{4})")
# Units that people write or leave out: 深圳市 = 深圳.
_UNITS = re.compile(r"(?:特别行政区|自治区|自治州|省|市|县|区)")
_BIG_UNITS = re.compile(r"(?:特别行政区|(?:壮族|回族|维吾尔)?自治区|自治州|省|市)")
# Signs that tell names apart: 澄砚1.5 is not 澄砚15, and C+ not C.
_SIGNS = re.compile(r"(?<=\d)\.(?=\d)|(?<=[0-9A-Za-z])\+(?=[^0-9A-Za-z ]|$)")
# A remark that a record is for trying something out, whosever name it bears.
_TRIED = re.compile(
    r"[(（【\[［〔]\s*(?:测试|試|测|test|testing|demo|演示|样例|示例)\w{0,4}\s*[)）】\]］〕]"
    r"|公司[-—_ ]*(?:测试|test|demo)\w{0,4}$|\b(?:ltd|inc|llc|gmbh|corp)\b\.?[-—_ ]*(?:test|demo)\d*$",
    re.IGNORECASE,
)
# The sales territory that a CRM notes behind a name.
_TERRITORY = re.compile(r"[-—_ /]+(?:华[东南西北中]|西南|西北|东北|东南)大?区$")
# Where the name of a head office ends that is written without its legal form: 中国工商银行|西安东大街支行.
_HEAD = re.compile(r"^.{2,}?(?:银行|证券|保险|信托|信用社|公司|集团)(?=.)")
# A shop of a chain, named behind the chain: 便利店|南山店.
_SHOP = re.compile(r"^(.{2,}?店)(.{1,8}店)$")
_LIMITED = "有限公司"
_WIRED = "线"  # 有线公司: a trade
_OTHER_LIMITS = "有无权极期时界门"  # 无限公司 is a form of its own
_LONG = 6  # characters from which a name says who is meant without 中国, if it is made of trade words too
_HAN_LOOKALIKES = str.maketrans("巿", "市")
# Letters that are spelled with an e or an a behind them where the mark is missing: Müller is Mueller, and Muller too.
_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})


@dataclass(frozen=True, slots=True)
class Name:
    """A name taken apart. `key` is the exact form for comparison; the parts serve guards and comparison.

    `is_full`: a complete legal name (a legal form and something before it that is more than trade words). `stem` is the
    key without legal form and without units of places. `core` lacks regions, legal form, group word and branch; `brand`
    lacks the trade words too. `branch` "" = a head office; `branch_places` says where a branch is, also for a short
    name that ends in a place. `words` are the words of a Latin core. `has_brand`: something is left of the core when
    the trade words are taken away. `district`: the part of a city that stands behind it: 深圳市|南山.
    """

    raw: str
    script: str  # han | latin
    key: str
    is_full: bool
    core: str
    brand: str
    form: str
    regions: frozenset[Place]
    branch: str
    is_group: bool
    stem: str = ""
    branch_places: frozenset[Place] = frozenset()
    words: tuple[str, ...] = ()
    has_brand: bool = False
    district: str = ""


def is_nobody(name: Name) -> bool:
    """True for what people type into a name field to get past it: 测试, N/A, digits, a bare place or legal form."""
    words = " ".join(_NO_WORDS.sub(" ", name.raw.casefold()).split())
    text = name.core or name.key
    return (
        not any(map(str.isalpha, text))
        or _TRIED.search(name.raw) is not None
        or words in tables().placeholders
        or name.key in tables().placeholders
        or (name.script == "han" and (not name.core or places.region_word(name.core) is not None))
        or (name.script == "han" and not name.has_brand and not name.regions and bool(name.form) and len(text) <= 4)
        or (name.script == "latin" and name.core in places.latin_places())
        or _fills_a_field(name)
    )


def _fills_a_field(name: Name) -> bool:
    """True for a name of which all words name nobody: 测试有限公司, test客户, Test Company Ltd."""
    table = tables()
    if name.script == "han":
        is_public = table.form_kinds.get(name.form) in ("institute", "hospital", "university")  # 中国测试技术研究院
        return not is_public and table.nobody_han.fullmatch(name.brand) is not None
    words = [word.rstrip("0123456789") for word in name.words]
    return not table.nobody_latin.isdisjoint(words) and table.nobody_latin | table.fillers_latin >= set(words) - {""}


@remembered
def names_in(raw: str) -> tuple[Name, ...]:
    """The names that a text holds: its own, that with letters spelled out (ü as ue), and former ones it states."""
    main, former = _split(raw)
    texts = [main]
    if not _HAN.search(main) and (spelled := main.casefold().translate(_SPELLED_OUT)) != main.casefold():
        texts.append(spelled)
    found = [_read(raw, text) for text in texts]
    for text, must_be_full in former if found[0].is_full or found[0].form else ():  # a person was somewhere before
        name = _read(text, text)
        if name.is_full or not must_be_full:
            found.append(name)
    return tuple(dict.fromkeys(name for name in found if not is_nobody(name)))


@remembered
def read_name(raw: str) -> Name:
    """The parts of a name as written, without former names that it states."""
    return _read(raw, _split(raw)[0])


def _split(raw: str) -> tuple[str, tuple[tuple[str, bool], ...]]:
    """The name itself and its former names, with characters folded."""
    text = unmasked(" ".join(unicodedata.normalize("NFKC", raw).split()))
    if _HAN.search(text):
        text = simplified(text.translate(_HAN_LOOKALIKES))
    main, former = cut_former(text)
    return (main, former) if main else (text, ())


def _read(raw: str, text: str) -> Name:
    text = _SIGNS.sub(lambda sign: "点" if sign.group() == "." else "加", _without_clutter(text))
    return _han(raw, text) if _HAN.search(text) else _latin(raw, latin_parts(text))


def is_full_legal_name(raw: str) -> bool:
    """True when the text is a whole legal name: enough to link on when it is equal and unique on both sides."""
    return read_name(raw).is_full


def legal_name_key(raw: str) -> str:
    """The exact legal-name key; "" when the text is not a whole legal name."""
    name = read_name(raw)
    return name.key if name.is_full else ""


def regions_conflict(left: Name, right: Name) -> bool:
    """True when both name regions and no two of them can be one place (a province contains its cities)."""
    return places.conflict(left.regions, right.regions)


def _without_clutter(text: str) -> str:
    """The name without remarks that people add in a CRM."""
    marks = _clutter()
    if not text.isalnum():  # letters alone hold none of the marks that remarks begin with
        text = _SQUARE.sub(_in_square, text).replace("（", "(").replace("）", ")")
        if "(" in text:
            text = _ROUND.sub(lambda m: "" if _is_remark(m.group(1)) else m.group(0), text)
        text = text.strip()
        if not text.isascii():
            text = marks.person.sub("", text).strip()
            text = marks.department.sub("", text).strip()
            text = _TERRITORY.sub("", text).strip()
            text = marks.contact.sub("", text).strip()
    if text.endswith(tables().departments) and marks.form.search(text):
        text = marks.attached.sub("", text)
    return text.strip()


def _in_square(match: re.Match[str]) -> str:
    """A place or a branch in square brackets belongs to the name; everything else there is a remark."""
    inner = match.group()[1:-1].strip()
    return f"({inner})" if places.region_word(inner) or inner.endswith(tables().branches) else ""


class _Clutter(NamedTuple):
    """What people add to a name: a person with a title, a department, one attached without a mark, a form before it."""

    person: re.Pattern[str]
    department: re.Pattern[str]
    attached: re.Pattern[str]
    contact: re.Pattern[str]
    form: re.Pattern[str]
    remark: re.Pattern[str]


@cache
def _clutter() -> _Clutter:
    titles = "|".join(title for title in tables().titles if len(title) > 1)  # 工 and 总 end trades as well: 化工
    departments, surnames = "|".join(tables().departments), "|".join(sorted(tables().surnames))
    return _Clutter(
        re.compile(rf"[-—_ /]+(?:[\u4e00-\u9fff]{{1,3}}?(?:{titles})|(?:{surnames})[工总])$"),
        re.compile(rf"[-—_ /]+(?:{departments})$"),
        re.compile(rf"(?<=公司)[-—_ /]*(?:{departments})$"),
        re.compile(rf"(?<=公司)[-—_ ]+(?:{surnames})[\u4e00-\u9fff]{{1,2}}$"),
        re.compile("|".join(form for form in tables().forms if form.endswith("公司"))),
        re.compile(rf"[\u4e00-\u9fff]{{1,2}}(?:{titles})|(?:{surnames})[工总]|(?:{departments})"),
    )


def _is_remark(text: str) -> bool:
    word = text.strip()
    return word.casefold() in tables().remarks or bool(_clutter().remark.fullmatch(word))


def _han(raw: str, text: str) -> Name:
    regions: set[Place] = set()
    is_group = "集团" in text

    def inner(match: re.Match[str]) -> str:
        word = match.group(1).strip()
        place = places.region_word(word)
        if place is not None:
            regions.add(place)
            return ""
        return "" if word in ("集团", "中国") else word

    if text.isalnum():
        core = key = text.casefold()
    else:
        core = _MARKS.sub("", _ROUND.sub(inner, text)).casefold()
        key = _MARKS.sub("", text).casefold()
    if not core.endswith(tables().forms):
        core, key = mended_form(core), mended_form(key)
    core, branch, form = _cut_suffixes(core)
    stem = key
    if form:
        at = key.rfind(form)
        stem = key[:at] + key[at + len(form) :] if at > 0 else key
    if branch and (at := stem.rfind(branch)) > 0:
        stem = stem[:at] + loose(branch)
    stem = key if (stem := _loose_stem(stem)) == key else stem
    if not form:
        core = _SHARE_MARK.sub("", _TRADING_MARK.sub("", core.upper())).casefold()
    found, core = places.cut_places(core)
    district = ""
    if found and (part := _DISTRICT.match(core)):
        district, core = _DISTRICT_UNIT.sub("", part.group(0)), core[part.end() :]
    cities = {place for place in found if place[1]}
    if found:
        regions = cities or set(found)  # a leading place outranks one in brackets
    branch_places: set[Place] = set()
    if branch:
        branch_places |= {place for place in [places.leading_place(branch)] if place}
    if not form:
        # A branch without the legal form of its head office, or a short name that ends in a place.
        place, rest = _trailing_place(core)
        if place is not None and not branch_places:
            branch_places.add(place)
            branch = branch and core[len(rest) :] + branch
            core = rest
    if core.startswith("中国") and (len(core) >= _LONG or _without_trade(core[2:])):
        core = core[2:]
    core = core.replace("集团", "") if len(core) > 3 else core
    brand = _without_trade(core)
    is_full = bool(form or branch) and len(brand or core) >= 2 and places.region_word(core) is None and bool(core)
    return Name(
        raw, "han", key, is_full, core, brand or core, form, frozenset(regions), branch, is_group, stem,
        frozenset(branch_places), (), bool(brand), district,
    )  # fmt: skip


@remembered
def loose(text: str) -> str:
    """A branch as written without the units of places; unchanged where nothing else is left."""
    return _UNITS.sub("", text) or text


@remembered
def _loose_stem(text: str) -> str:
    """A name without the units of the places at its head: 深圳市 is 深圳, and 新城市 in a brand is not 新城.

    A unit that tells two places of one name apart stays: 吉林市 is not 吉林省, 长沙县 not 长沙市.
    """
    table, out = tables().regions, ""
    while (word := next((text[:size] for size in (4, 3, 2) if text[:size] in table), "")) and len(text) > len(word):
        rest = text[len(word) :]
        unit = _BIG_UNITS.match(rest)
        if not table[word][1] and _holds_next(rest[unit.end() :] if unit else rest, word):
            text = rest[unit.end() :] if unit else rest  # 广东省深圳市 is 深圳
            continue
        if unit and (unit.group() != "市" or table[word][1] or word in places.MUNICIPALITIES):
            rest = rest[unit.end() :]
        out, text = out + word, rest
    return out + text


def _holds_next(text: str, province: str) -> bool:
    """True for a text that begins with a city of that province."""
    found = (tables().regions.get(text[:size]) for size in (4, 3, 2))
    return any(place is not None and place[0] == province and place[1] for place in found)


@cache
def _trade_words() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, tables().generic)))


def _without_trade(core: str) -> str:
    return _trade_words().sub("", core)


def _trailing_place(core: str) -> tuple[Place | None, str]:
    for size in (4, 3, 2):
        if len(core) - size >= 2 and (place := tables().regions.get(core[-size:])) is not None and place[1]:
            return place, core[:-size]
    return None, core


def mended_form(text: str) -> str:
    """The text with 有限公司 at its end where one character of that is dropped, or another one that sounds the same."""
    if text.endswith(_LIMITED) or len(text) < 6:
        return text
    end = text[-4:]
    if end[1:] in ("有限公", "有限司"):
        return text[:-3] + _LIMITED
    if end[1:] == "限公司" and end[0] not in _OTHER_LIMITS:
        return text[:-3] + _LIMITED
    slips = [at for at in range(4) if end[at] != _LIMITED[at]]
    if len(slips) != 1 or end[slips[0]] in _WIRED or syllables(end) != syllables(_LIMITED):
        return text
    return text[:-4] + _LIMITED


def _cut_suffixes(text: str) -> tuple[str, str, str]:
    """Head part, branch text and legal form: `某某股份有限公司厦门分公司` is `某某`, `厦门分公司`, `股份有限公司`."""
    table = tables()
    branch = ""
    if text.endswith(table.branches):
        word = next(word for word in table.branches if text.endswith(word))
        cut = max((text.rfind(form) + len(form) for form in table.forms if len(form) > 1 and form in text), default=0)
        if 0 < cut <= len(text) - len(word):
            text, branch = text[:cut], text[cut:]
        elif head := _HEAD.match(text):
            text, branch = head.group(0), text[head.end() :]
        else:
            text, branch = text.removesuffix(word), word
    elif text.endswith("店"):
        cut = max((text.rfind(form) + len(form) for form in table.forms if len(form) > 1 and form in text), default=0)
        if 0 < cut < len(text) - 1:
            text, branch = text[:cut], text[cut:]
        elif shop := _SHOP.match(text):
            text, branch = shop.group(1), shop.group(2)
    form = next(word for word in table.forms if text.endswith(word)) if text.endswith(table.forms) else ""
    return text.removesuffix(form), branch, form


def _latin(raw: str, parts: LatinParts) -> Name:
    table = tables()
    own = [word for word in parts.words if word not in table.generic_latin]
    stem = " ".join((*parts.head, *parts.words, *parts.tail))
    key = " ".join(text for text in (stem, parts.form, parts.branch) if text)
    is_full = bool(parts.form) and sum(len(word) for word in own) >= 3
    return Name(
        raw, "latin", key, is_full, " ".join(parts.words), " ".join(own) or " ".join(parts.words), parts.form,
        frozenset(parts.regions), parts.branch, parts.is_group, f"{stem} {parts.branch}".strip(),
        frozenset(parts.branch_places), parts.words, bool(own),
    )  # fmt: skip
