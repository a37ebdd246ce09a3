"""Tax and registration numbers of countries other than China, each by its own check (python-stdnum).

A number is taken for one of a country where its shape belongs to that country alone, where the record lies there, or
where a label says so. Where several numbers are one legal person's, the part that names the person is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum.au import abn, acn
from stdnum.br import cnpj
from stdnum.ca import bn
from stdnum.ch import uid
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError
from stdnum.gb import vat as gb_vat
from stdnum.id import npwp
from stdnum.in_ import gstin
from stdnum.jp import cn as jp_cn
from stdnum.kr import brn
from stdnum.mx import rfc
from stdnum.no import orgnr
from stdnum.ru import inn
from stdnum.sg import uen
from stdnum.tr import vkn
from stdnum.tw import ubn
from stdnum.us import ein
from stdnum.vn import mst

UNCHECKED = frozenset(("hk_br", "us_ein"))  # no public check digit: one digit off is another firm

# Words before a number, and the country that one of them tells.
_LABELS = {
    "ABN": "AU", "ACN": "AU", "BCE": "BE", "BTW": "", "CIF": "ES", "CNPJ": "BR", "CODE": "", "CRN": "", "EIN": "US",
    "FEIN": "US", "GST": "", "GSTIN": "IN", "ID": "", "IDNR": "DE", "INN": "RU", "IVA": "", "KVK": "", "MST": "VN",
    "MVA": "NO", "MWST": "", "NIF": "", "NIP": "PL", "NO": "", "NPWP": "ID", "NR": "", "NUMBER": "", "ORGNR": "NO",
    "P": "", "PARTITA": "IT", "REG": "", "REGISTRATION": "", "RFC": "MX", "SIREN": "FR", "TAX": "", "TIN": "",
    "TVA": "", "UBN": "TW", "UEN": "SG", "UID": "", "UST": "DE", "USTID": "DE", "USTIDNR": "DE", "VAT": "", "VKN": "TR",
    "ИНН": "RU", "NUM": "", "N": "", "BUSINESS": "", "COMPANY": "", "GSTNO": "", "VATNO": "", "TAXID": "", "BRN": "",
    "CHE": "", "BN": "CA", "USCC": "CN", "BR": "HK", "CR": "HK", "DIC": "", "CVR": "DK", "OIB": "",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_VAT_PREFIX = {"GR": "EL"}
_SWISS = re.compile(r"^CHE(\d{9})(MWST|TVA|IVA)?$")
_NORWEGIAN = re.compile(r"^(?:NO)?(\d{9})(MVA)?$")
_CANADIAN = re.compile(r"^(\d{9})(?:R[CMPRTZ]\d{4})?$")
_KOREAN = re.compile(r"\s*\d{3}-\d{2}-\d{5}\s*")
_KOREAN_WEIGHTS = (1, 3, 7, 1, 3, 7, 1, 3, 5)
_BRAZILIAN = re.compile(r"\s*\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}\s*")
_AMERICAN = re.compile(r"\s*\d{2}-\d{7}\s*")

Found = Iterator[tuple[str, str, str]]  # scheme, the number, the part that is compared


def unlabelled(plain: str) -> tuple[str, str]:
    """The text without the words of a label before the number, and the country that these tell, "" for none."""
    said, at = "", 0
    for match in re.finditer(r"\S+", plain):
        if any(char.isdigit() for char in match.group()):
            break
        words = _WORD.findall(match.group())
        if not words or not all(word in _LABELS for word in words):
            break
        said = next((country for word in words if (country := _LABELS[word])), said)
        at = match.end()
    rest = plain[at:].strip()
    return (rest, said) if any(char.isdigit() for char in rest) else (plain, "")


def foreign(text: str, plain: str, country: str) -> Found:
    """What a number may be, the likeliest first; `plain`: as it was written, `country`: where the record lies."""
    digits = text.isdigit()
    yield from _european(text, country)
    japanese = text.removeprefix("T")
    if len(japanese) == 13 and japanese.isdigit() and _jp_valid(japanese):
        yield "jp", japanese, japanese
    if digits and len(text) == 9 and (country == "US" or _AMERICAN.fullmatch(plain)) and ein.is_valid(text):
        yield "us_ein", text, text
    if digits and len(text) == 8:
        if country == "HK":
            yield "hk_br", text, text  # no public check digit
        elif country in ("", "TW") and ubn.is_valid(text):
            yield "tw_ubn", text, text
    if 9 <= len(text) <= 10 and text[-1].isalpha() and uen.is_valid(text):
        yield "sg_uen", text, text
    yield from _others(text, plain, country)


def _european(text: str, country: str) -> Found:
    if text[:2].isalpha() and eu_vat.is_valid(text):
        yield "eu_vat", text, text
    if country.lower() in eu_vat.MEMBER_STATES:
        full = _VAT_PREFIX.get(country, country) + text
        if eu_vat.is_valid(full):
            yield "eu_vat", full, full
    if text.startswith("GB") and gb_vat.is_valid(text[2:]):
        yield "gb_vat", text[2:], text[2:]
    if country == "GB" and text.isdigit() and gb_vat.is_valid(text):
        yield "gb_vat", text, text
    if (found := _SWISS.match(text)) is not None and uid.is_valid(text[:12]):
        yield "ch_uid", text[:12], found.group(1)
    found = _NORWEGIAN.match(text)
    if found is not None and (country == "NO" or found.group(2)) and orgnr.is_valid(found.group(1)):
        yield "no_orgnr", found.group(1), found.group(1)
    if country == "RU" and len(text) == 10 and inn.is_valid(text):  # twelve digits are a person's
        yield "ru_inn", text, text
    if country == "TR" and len(text) == 10 and vkn.is_valid(text):
        yield "tr_vkn", text, text


def _others(text: str, plain: str, country: str) -> Found:
    if len(text) == 15 and not text.isdigit() and gstin.is_valid(text):
        yield "in_pan", text, text[2:12]  # one legal person has a number in each state; its PAN stands in all
    if country == "AU" and len(text) == 11 and abn.is_valid(text):
        yield "au_abn", text, text
    if country == "AU" and len(text) == 9 and acn.is_valid(text):
        yield "au_acn", text, text
    if (country == "BR" or _BRAZILIAN.fullmatch(plain)) and len(text) == 14 and cnpj.is_valid(text):
        yield "br_cnpj", text, text[:8]  # what follows tells its branches apart
    if country == "CA" and (found := _CANADIAN.match(text)) is not None and bn.is_valid(found.group(1)):
        yield "ca_bn", text, found.group(1)  # what follows tells its accounts apart
    if (country == "KR" or _KOREAN.fullmatch(plain)) and _kr_valid(text):
        yield "kr_brn", text, text
    if country == "MX" and len(text) == 12 and rfc.is_valid(text):  # thirteen are a person's
        yield "mx_rfc", text, text
    if country == "ID" and text.isdigit() and npwp.is_valid(text):
        yield "id_npwp", text, text
    if country == "VN" and text[:10].isdigit() and mst.is_valid(text):
        yield "vn_mst", text, text[:10]  # what follows tells its branches apart


def _jp_valid(text: str) -> bool:
    try:
        jp_cn.validate(text)
    except ValidationError:
        return False
    return True


def _kr_valid(text: str) -> bool:
    """python-stdnum knows the shape alone; the check digit also takes in the tens of five times the ninth figure."""
    if len(text) != 10 or not text.isdigit() or not brn.is_valid(text):
        return False
    figures = [int(char) for char in text]
    total = sum(figure * weight for figure, weight in zip(figures, _KOREAN_WEIGHTS, strict=False))
    return (total + figures[8] * 5 // 10 + figures[9]) % 10 == 0
