"""Telephone numbers as they are compared: international form (E.164), without extension.

A number written without its country is read by the country of the record, else by its shape: mainland area codes, the
ten digits of Taiwan, the 3-3-4 groups of North America. A local number without area code says nothing, nor does what
people type to get past a form (00000000, 12345678). Sources: ITU-T E.164 (at most 15 digits); national numbering
plans for the lengths and the ranges of mobiles; matching reference, section 1, for extensions and mobiles.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

_NO_DIGITS = re.compile(r"\D")
_SEVERAL = re.compile(r"[/,;、|]| or |或")
_MARKED = re.compile(r"(?:转|轉|分机|分機|ext(?:ension)?\.?|x|#)[\s:.]*\d{1,6}\D*$", re.IGNORECASE)
_BARE = re.compile(r"^(.*\d)\s*-\s*\d{1,5}$")
_ABROAD = re.compile(r"^\D*?(?:\+|00)(?=[\d\s(-])")
_TRUNK = re.compile(r"\(0\)")
_MAINLAND = re.compile(r"(?:10|2\d)\d{8}|[3-9]\d{2}\d{7,8}|[48]00\d{7}")
_MAINLAND_MOBILE = re.compile(r"1\d{10}")
# Mobile numbers by country code. North America gives them no range of their own.
_MOBILES = {
    "86": _MAINLAND_MOBILE,
    "886": re.compile(r"9\d{8}"),
    "852": re.compile(r"[4-79]\d{7}"),
    "853": re.compile(r"6\d{7}"),
    "65": re.compile(r"[89]\d{7}"),
    "44": re.compile(r"7[1-57-9]\d{8}"),
    "49": re.compile(r"1[5-7]\d{8,9}"),
    "33": re.compile(r"[67]\d{8}"),
    "81": re.compile(r"[789]0\d{8}"),
    "82": re.compile(r"1\d{8,9}"),
    "61": re.compile(r"4\d{8}"),
    "60": re.compile(r"1\d{8,9}"),
    "66": re.compile(r"[689]\d{8}"),
    "84": re.compile(r"[35789]\d{8}"),
    "91": re.compile(r"[6-9]\d{9}"),
}
_CHINESE = ("", "CN", "HK", "MO", "TW")  # countries whose firms write mainland mobiles without their country
_AMERICAN = re.compile(r"^\D*(?:1\D+)?[2-9]\d{2}\D+\d{3}\D+\d{4}$")
_NORTH_AMERICA = re.compile(r"[2-9]\d{2}[2-9]\d{6}")
_RUNS = "01234567890123456789", "98765432109876543210"
_LONGEST, _SHORTEST = 15, 9  # digits with the country code
_SUBSCRIBER = 8
_SPREAD = 2  # lengths of a plan that differ by more do not tell whether the country code stands before the number


class _Plan(NamedTuple):
    """Country code, shortest and longest national number without the 0 that is dialled before it at home."""

    code: str
    low: int
    high: int


# By ISO country. China's plan is told by its shape, which says more than a length.
_PLANS = {
    "CN": _Plan("86", 10, 11),
    "TW": _Plan("886", 8, 9),
    "HK": _Plan("852", 8, 8),
    "MO": _Plan("853", 8, 8),
    "SG": _Plan("65", 8, 8),
    "US": _Plan("1", 10, 10),
    "CA": _Plan("1", 10, 10),
    "GB": _Plan("44", 9, 10),
    "DE": _Plan("49", 6, 11),
    "FR": _Plan("33", 9, 9),
    "JP": _Plan("81", 8, 10),
    "KR": _Plan("82", 8, 10),
    "AU": _Plan("61", 9, 9),
    "MY": _Plan("60", 8, 10),
    "TH": _Plan("66", 8, 9),
    "VN": _Plan("84", 9, 10),
    "IN": _Plan("91", 10, 10),
}
_BY_CODE = {plan.code: (country, plan) for country, plan in _PLANS.items() if country != "CA"}


def phones(raw: str, country: str = "") -> tuple[str, str]:
    """Landline and mobile number of a text, one of them at most; the first that can be read where there are several.

    Both as E.164 (`+8675526731188`, `+8613912345678`), digits alone where no country is known, which are no mobile.
    `country`: ISO code of the record, "" if not known.
    """
    if not raw:
        return "", ""
    for text in _SEVERAL.split(unicodedata.normalize("NFKC", raw)):
        found = _one(_MARKED.sub("", text.strip()), country)
        if found != ("", ""):
            return found
    return "", ""


def _one(text: str, country: str) -> tuple[str, str]:
    whole = _read(text, country)
    bare = _BARE.match(text)
    if bare is None:
        return _kept(whole)
    # The last group is an extension where the group before it is a subscriber's number already, or where a whole number
    # stands before it and nothing can be read with it: 0731-8184591-89, and not 0755-2673-1188.
    head = _read(bare.group(1), country)
    is_subscriber = len(_NO_DIGITS.split(bare.group(1))[-1]) >= _SUBSCRIBER - 1
    return _kept(head if is_subscriber or not whole else whole)


def _kept(number: str) -> tuple[str, str]:
    """A readable number as landline or mobile; nothing for a dummy."""
    if not number:
        return "", ""
    code = dialled(number)
    is_mobile = code in _MOBILES and _MOBILES[code].fullmatch(number[1 + len(code) :]) is not None
    if not (is_mobile and code == "86") and _is_dummy(number):
        return "", ""
    return ("", number) if is_mobile else (number, "")


def _is_dummy(number: str) -> bool:
    """One digit over and over, or digits in their order, where the subscriber's number stands."""
    is_mainland = number.startswith("+86") and not number.startswith("+886")
    size = len(number) - 6 if is_mainland and number[3] not in "12" else _SUBSCRIBER
    end = number[-min(size, _SUBSCRIBER) :]
    return len(set(end)) == 1 or any(end in run for run in _RUNS)


def _read(text: str, country: str) -> str:
    """E.164 of a text that is one number without extension; digits alone where the country is not known; "" if none."""
    abroad = _ABROAD.match(text)
    digits = _NO_DIGITS.sub("", _TRUNK.sub("", text[abroad.end() :] if abroad else text))
    if len(digits) < _SUBSCRIBER:
        return ""
    if abroad:
        return _foreign(digits)
    for found in _at_home(digits, text, country):
        return found
    return ""


def _foreign(digits: str) -> str:
    """The number after + or 00."""
    for size in (1, 2, 3):
        if (known := _BY_CODE.get(digits[:size])) is not None:
            home, plan = known
            national = _national(digits[size:], home, plan)
            return f"+{plan.code}{national}" if national else ""
    return f"+{digits}" if _SHORTEST <= len(digits) <= _LONGEST else ""


def _national(digits: str, country: str, plan: _Plan) -> str:
    """The national number, its leading 0 dropped; "" where it does not fit the plan."""
    digits = digits.removeprefix("0")
    if country == "CN":
        return digits if _MAINLAND.fullmatch(digits) or _MAINLAND_MOBILE.fullmatch(digits) else ""
    if plan.code == "1":
        return digits if _NORTH_AMERICA.fullmatch(digits) else ""
    return digits if plan.low <= len(digits) <= plan.high else ""


def _at_home(digits: str, text: str, country: str) -> Iterable[str]:
    """What a number without + may be, the likeliest first."""
    own = _PLANS.get(country)
    dialled = digits.startswith("0")
    if own is not None and (dialled or own.high - own.low <= _SPREAD):
        national = _national(digits.removeprefix("1") if own.code == "1" else digits, country, own)
        if national:
            yield f"+{own.code}{national}"
    if _AMERICAN.match(text) and not digits.startswith(("400", "800")):
        yield f"+1{digits[-10:]}"
    if _MAINLAND_MOBILE.fullmatch(digits):
        # Elsewhere the same digits are a number of that country, or none: they say nothing about whose they are.
        yield f"+86{digits}" if country in _CHINESE else ""
    if dialled and _MAINLAND.fullmatch(digits[1:]):
        yield f"+86{digits[1:]}"
    if dialled and 9 <= len(digits) <= 10:
        yield f"+886{digits[1:]}"
    if not dialled:
        for size in (2, 3):  # the country code without its +
            if (known := _BY_CODE.get(digits[:size])) is not None:
                national = _national(digits[size:], *known)
                if national and len(digits) > 10:
                    yield f"+{known[1].code}{national}"
        if _MAINLAND.fullmatch(digits):
            yield f"+86{digits}"
    if _SHORTEST <= len(digits) <= _LONGEST:
        yield digits


def dialled(number: str) -> str:
    """The country code of a number that `phones` gave; "" for one that is not listed, or stands without it."""
    if not number.startswith("+"):
        return ""
    return next((number[1 : 1 + size] for size in (3, 2, 1) if number[1 : 1 + size] in _BY_CODE), "")
