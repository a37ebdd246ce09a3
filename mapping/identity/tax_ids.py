"""Tax and registration numbers: validated before they are compared, weak when they fail their check.

Sources: GB 32100-2015 and GB 11714 (accounting reference 9.1); python-stdnum for other countries. Its checker of
Chinese codes refuses letter prefixes that exist (`N2…`, `Y1…`), so that one is our own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from stdnum import numdb
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from mapping.identity.countries import iso_country
from mapping.identity.foreign_ids import UNCHECKED, foreign, unlabelled
from mapping.identity.numbers import within_one_edit
from mapping.identity.remembered import remembered

_NOISE = re.compile(r"[\s\-_.·/\\]+")
_REMARK = re.compile(r"\([^()\d]*\)")
_LABEL = re.compile(r"^\D*[:#](?=.*\d)")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_ENDS = re.compile(r"^[^0-9A-Z]+|[^0-9A-Z*]+$")
_MASKED = re.compile(r"[*?]{2,}|X{4,}")
_RUNS = "0123456789" * 3, "9876543210" * 3
# Business registration with branch, and with expiry and check: 53016704-000-01-20-1.
_HONG_KONG = re.compile(r"\s*(\d{8})-\d{3}(-\d{2}-\d{2}-[0-9A-Z])?\s*")
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = tuple(pow(3, index, 31) for index in range(17))
_USCC_SHAPE = re.compile(rf"^[{_USCC}]{{2}}\d{{6}}[{_USCC}]{{10}}$")
_TYPED = str.maketrans("OI", "01")
_SEVERAL = re.compile(r"[;,，；、|/\n]+")
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
    """The id that a raw text stands for; None for nothing, placeholders, masked ids and personal numbers.

    `country`: of the record, as written. A label before the id (税号：, EIN) and a remark after it are dropped.
    """
    home = iso_country(country)
    plain = _bare(raw)
    found = _read(plain, home)
    if found is None or found.is_valid:
        return found
    rest, said = unlabelled(plain)  # what stands before an id may be its label or belong to it: NO 995 525 828 MVA
    return _read(rest, said or home) if rest != plain else found


def _read(plain: str, home: str) -> TaxId | None:
    if (local := _HONG_KONG.fullmatch(plain)) is not None and (home == "HK" or local.group(2)):
        return TaxId(local.group(1), "hk_br", local.group(1))
    text = _NOISE.sub("", plain)
    if len(text) < 6 or len(set(text)) <= 2 or not any(char.isdigit() for char in text):
        return None
    if any(text in run for run in _RUNS) and not (home == "HK" and len(text) == 8):
        return None
    if (code := _uscc_in(text)) is not None:
        return TaxId(code, "cn", code[2:17])
    if _is_personal(text):
        return None  # an identity card, or the number of a sole trader made of it: neither stored nor compared
    if _is_old_cn(text):
        return TaxId(text, "cn", text)
    for scheme, value, key in foreign(text, plain, home):
        return TaxId(value, scheme, key)
    return None if _MASKED.search(text) else TaxId(text, "", text)


def _bare(raw: str) -> str:
    """The text in upper case without label, remark and Chinese words."""
    text = unicodedata.normalize("NFKC", raw).upper()
    if text.isalnum() and text.isascii():
        return text
    text = _HAN.sub("", _LABEL.sub("", _REMARK.sub("", text)))
    return _ENDS.sub("", text)


def _is_personal(text: str) -> bool:
    """An identity card with or without what tax offices put around it: L and ID before, 00 behind; the 15-digit form.

    A number with place and birth date in it counts with a wrong check digit too: it is a mistyped one. Of the 15-digit
    numbers of companies some 3 % hold a date as well, and are lost: a person's number is never kept.
    """
    if any(ric.is_valid(text[at : at + 18]) for at in range(len(text) - 17)):
        return True
    number = text.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    if len(number) == 20 and number.isdigit():
        number = number[:18]
    if len(number) == 15 and number.isdigit():
        number = f"{number[:6]}19{number[6:]}0"  # born before 2000: none were given out later
    return len(number) == 18 and number[:17].isdigit() and number[6:8] in ("19", "20") and _has_birth(number)


def _has_birth(number: str) -> bool:
    """True for a county's code, of whatever time, and a day that there was."""
    try:
        ric.get_birth_date(number)
    except ValidationError:
        return False
    return any("county" in found for _, found in numdb.get("cn/loc").info(number[:6]))


def read_all(raws: Iterable[str], country: str = "") -> tuple[TaxId, ...]:
    """All readable ids, each once, in order; a field may hold several."""
    found = [one for raw in raws for one in _read_field(raw, country)]
    return tuple(dict.fromkeys(found))


def _read_field(raw: str, country: str) -> list[TaxId]:
    whole = read(raw, country)
    if whole is not None and whole.is_valid:
        return [whole]
    parts = [one for part in _SEVERAL.split(raw) if (one := read(part, country)) is not None and one.is_valid]
    return parts or ([whole] if whole is not None else [])


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
    """Probably the same id, mistyped or cut: one fails its check and one edit or a cut end lies between.

    Of two that no check confirms either may be right: only equal ones and a cut one are near, not neighbours.
    """
    if left.is_valid and right.is_valid:
        return bool(left.organisation) and left.organisation == right.organisation and left.key != right.key
    if left.value == right.value:
        return True
    known = left.scheme or right.scheme
    if known and known not in UNCHECKED and within_one_edit(left.value, right.value):
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


def _uscc_in(text: str) -> str | None:
    """The code in a text: as it stands, with the 00 of old tax systems behind it, or with letters typed for digits.

    O and I are in no code, for they look like 0 and 1.
    """
    plain = text[:18] if len(text) == 20 and text.endswith("00") else text
    for code in (plain, plain.translate(_TYPED)):
        if _is_uscc(code):
            return code
    return None


def _is_uscc(text: str) -> bool:
    """Both checks: of the whole code, and of the organisation code in it."""
    if not _USCC_SHAPE.match(text) or uscc_check(text[:17]) != text[17]:
        return False
    return organisation_check(text[8:16]) == text[16]


def _is_old_cn(text: str) -> bool:
    """The 15-digit tax number before 2015: region code and organisation code with its check."""
    return bool(_OLD_SHAPE.match(text)) and organisation_check(text[6:14]) == text[14]
