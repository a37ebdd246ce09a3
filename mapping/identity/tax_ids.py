"""Tax and registration numbers: validated before they are compared, weak when they fail their check.

Sources: GB 32100-2015 and GB 11714 (accounting reference 9.1); python-stdnum for other countries. Its checker of
Chinese codes refuses letter prefixes that exist (`N2…`, `Y1…`), so that one is our own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from stdnum.cn import ric
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError
from stdnum.gb import vat as gb_vat
from stdnum.jp import cn as jp_cn
from stdnum.sg import uen
from stdnum.tw import ubn
from stdnum.us import ein

from mapping.identity.countries import iso_country
from mapping.identity.numbers import within_one_edit
from mapping.identity.remembered import remembered

_NOISE = re.compile(r"[\s\-_.·/\\]+")
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = tuple(pow(3, index, 31) for index in range(17))
_USCC_SHAPE = re.compile(rf"^[{_USCC}]{{2}}\d{{6}}[{_USCC}]{{10}}$")
_ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_OLD_SHAPE = re.compile(r"^\d{6}[0-9A-Z]{8}[0-9X]$")


@dataclass(frozen=True, slots=True)
class TaxId:
    """A tax id as compared: `key` is equal for equal ids, across the old and new Chinese forms.

    `scheme` "" = no check passed: weak evidence at most. A personal identity number is never kept: its value is masked.
    """

    value: str
    scheme: str
    key: str

    @property
    def is_valid(self) -> bool:
        return bool(self.scheme)

    @property
    def organisation(self) -> str:
        """Characters that name the organisation itself (Chinese codes: 9 characters with their own check)."""
        return self.key[6:15] if self.scheme == "cn" else ""


@remembered
def read(raw: str, country: str = "") -> TaxId | None:
    """The id that a raw text stands for; None for nothing, placeholders and masked personal numbers."""
    text = _NOISE.sub("", unicodedata.normalize("NFKC", raw)).upper()
    if len(text) < 6 or len(set(text)) <= 2 or not any(char.isdigit() for char in text):
        return None
    if _is_uscc(text):
        return TaxId(text, "cn", text[2:17])
    if _is_old_cn(text):
        return TaxId(text, "cn", text)
    if len(text) == 18 and ric.is_valid(text):
        return None  # a sole trader's identity card: personal, neither stored nor compared
    for scheme, value in _foreign(text, raw, iso_country(country)):
        return TaxId(value, scheme, value)
    return TaxId(text, "", text)


def read_all(raws: Iterable[str], country: str = "") -> tuple[TaxId, ...]:
    """All readable ids, each once, in order."""
    found = (read(raw, country) for raw in raws)
    return tuple(dict.fromkeys(one for one in found if one is not None))


def equal(left: TaxId, right: TaxId) -> bool:
    """Two valid ids of the same scheme that name the same organisation."""
    return left.is_valid and left.scheme == right.scheme and left.key == right.key


def conflict(left: TaxId, right: TaxId) -> bool:
    """Two valid ids of one scheme that differ: two legal persons.

    Chinese codes with the same organisation code differ in the region only: one organisation that moved, or a typo.
    """
    if not left.is_valid or left.scheme != right.scheme or left.key == right.key:
        return False
    return not (left.organisation and left.organisation == right.organisation)


def near(left: TaxId, right: TaxId) -> bool:
    """Probably the same id, mistyped or cut: at least one fails its check and one edit or a cut end lies between."""
    if left.is_valid and right.is_valid:
        return bool(left.organisation) and left.organisation == right.organisation and left.key != right.key
    if left.value == right.value or within_one_edit(left.value, right.value):
        return True
    short, long = sorted((left.value, right.value), key=len)
    return len(short) >= 8 and len(long) - len(short) <= 4 and (long.startswith(short) or long.endswith(short))


def uscc_check(body: str) -> str:
    """Check character of the first 17 characters (GB 32100-2015)."""
    total = sum(_USCC.index(char) * weight for char, weight in zip(body, _USCC_WEIGHTS, strict=True))
    return _USCC[(31 - total % 31) % 31]


def organisation_check(body: str) -> str:
    """Check character of 8 characters of an organisation code (GB 11714: A = 10, modulus 11, 10 is written X)."""
    rest = 11 - sum(int(char, 36) * weight for char, weight in zip(body, _ORG_WEIGHTS, strict=True)) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def _is_uscc(text: str) -> bool:
    return bool(_USCC_SHAPE.match(text)) and uscc_check(text[:17]) == text[17]


def _is_old_cn(text: str) -> bool:
    """The 15-digit tax number before 2015: region code and organisation code with its check."""
    return bool(_OLD_SHAPE.match(text)) and organisation_check(text[6:14]) == text[14]


def _foreign(text: str, raw: str, country: str) -> Iterable[tuple[str, str]]:
    digits = text.isdigit()
    if text[:2].isalpha() and eu_vat.is_valid(text):
        yield "eu_vat", text
    if text.startswith("GB") and gb_vat.is_valid(text[2:]):
        yield "gb_vat", text[2:]
    if country == "GB" and digits and gb_vat.is_valid(text):
        yield "gb_vat", text
    japanese = text.removeprefix("T")
    if len(japanese) == 13 and japanese.isdigit() and _jp_valid(japanese):
        yield "jp", japanese
    if (
        digits
        and len(text) == 9
        and (country == "US" or re.fullmatch(r"\s*\d{2}-\d{7}\s*", raw))
        and ein.is_valid(text)
    ):
        yield "us_ein", text
    if digits and len(text) == 8:
        if country == "HK":
            yield "hk_br", text  # no public check digit
        elif ubn.is_valid(text):
            yield "tw_ubn", text
    if 9 <= len(text) <= 10 and text[-1].isalpha() and uen.is_valid(text):
        yield "sg_uen", text


def _jp_valid(text: str) -> bool:
    try:
        jp_cn.validate(text)
    except ValidationError:
        return False
    return True
