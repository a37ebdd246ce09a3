"""Countries as ISO 3166-1 codes: what people type (中国, China, CHN, UK) is one country however it is written."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from babel.core import Locale, get_global

from mapping.identity.remembered import remembered
from mapping.identity.simplify import simplified

_LANGUAGES = ("en", "zh", "zh_Hant", "ja", "de", "fr", "es")
_MARKS = re.compile(r"[\W_]+")
_NO_COUNTRIES = {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"}
# Usual names that the Unicode locale data lacks.
_USUAL = {
    "CN": "prc, pr china, peoples republic of china, mainland china, 中华人民共和国, 中国大陆, 大陆, 国内, 中国内地",
    "HK": "hong kong, hongkong, hong kong sar, 香港, 中国香港, 香港特别行政区",
    "MO": "macau, macao, 澳门, 中国澳门, 澳门特别行政区",
    "TW": "taiwan, 台湾, 台湾省, 中国台湾, 台湾地区, taiwan roc, roc, 中华民国, taiwan province of china",
    "GB": "uk, great britain, britain, england, scotland, wales, northern ireland",
    "US": "usa, united states of america, america, 美利坚合众国",
    "KR": "korea, republic of korea, 大韩民国",
    "DE": "federal republic of germany",
    "AE": "uae",
    "NL": "holland, the netherlands",
    "VN": "viet nam",
    "RU": "russian federation",
}


@remembered
def iso_country(raw: str) -> str:
    """The ISO code of two letters of a country as written; "" for nothing and for what is no country."""
    text = unicodedata.normalize("NFKC", raw).strip()
    return _names().get(_folded(text), "") if text else ""


@cache
def _names() -> dict[str, str]:
    """Folded names and codes of all countries (Unicode locale data: names in `_LANGUAGES`, codes of three letters)."""
    codes = {
        code for code in map(str, Locale.parse("en").territories) if re.fullmatch("[A-Z]{2}", code)
    } - _NO_COUNTRIES
    out: dict[str, str] = {}
    for language in _LANGUAGES:
        for code, name in sorted(Locale.parse(language).territories.items()):
            if code in codes:
                out.setdefault(_folded(str(name)), str(code))
    for old, new in get_global("territory_aliases").items():
        if len(new) == 1 and new[0] in codes and str(old).isalpha():
            out[_folded(str(old))] = new[0]
    out |= {_folded(code): code for code in codes}
    out |= {_folded(name): code for code, names in _USUAL.items() for name in names.split(",")}
    return out


def _folded(text: str) -> str:
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    return _MARKS.sub("", simplified(plain))
