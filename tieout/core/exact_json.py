"""JSON with exact numbers: no float is ever made from text that came from outside.

Measured traps behind this file: pydantic's JSON mode, httpx' `.json()` and orjson read
12345678901234567.89 as 12345678901234568; the standard parser takes NaN and duplicate keys.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import Any

import msgspec

from tieout.core.dates import iso_utc
from tieout.core.errors import BadPayload

MAX_EXPONENT = 400  # beyond a double's; written out as digits, `1e999999999` would fill the memory


def _number(text: str) -> Decimal:
    """The exact number, or ValueError for one that no system means (an exponent beyond `MAX_EXPONENT`)."""
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        raise ValueError(f"number {text[:40]} is out of range") from None
    if ("e" in text or "E" in text) and abs(value.adjusted()) > MAX_EXPONENT:
        raise ValueError(f"number {text[:40]} is out of range")
    return value


_fast = msgspec.json.Decoder(float_hook=_number)
_encoder = msgspec.json.Encoder(decimal_format="number")
# Values that every encoder here writes as they are; subclasses (an enum, say) are looked at one by one.
_PLAIN = frozenset({str, int, bool, type(None), date})
_TEXT = frozenset({str})
_NESTED = frozenset({dict, list})
_LISTS = frozenset({list, tuple})
_split_rows = msgspec.json.Decoder(list[msgspec.Raw])


# `\\ud800` in a text, or that half of a character itself.
_SURROGATE = re.compile("\\\\u[dD][89a-fA-F]|[\ud800-\udfff]")


def _no_constant(text: str) -> Any:
    raise BadPayload(f"JSON constant {text} is not a number")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise BadPayload(f"duplicate JSON key {key!r}")
        out[key] = value
    return out


def loads(data: bytes | str) -> Any:
    """Decode JSON with Decimal for every number that is not an integer.

    NaN, 1e999, duplicate keys and half characters (a lone surrogate, which no database takes) raise BadPayload.

    Two ways to the same value: the fast decoder, where counting shows that no key was twice (every key is a quote and
    a colon; a text may look like one more, never like one less), else the standard parser that sees each pair.
    """
    if isinstance(data, bytes) and not (b'" ' in data or b'"\n' in data or b'"\r' in data or b'"\t' in data):
        try:
            value = _fast.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
            pass  # the standard parser says what is wrong, or reads what only it reads
        else:
            if data.count(b'":') == _count_keys(value):
                return value
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes | bytearray) else data
        value = json.loads(text, parse_float=_number, parse_constant=_no_constant, object_pairs_hook=_no_twins)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False, default=str).encode()
        return value
    except BadPayload:
        raise
    except UnicodeEncodeError:
        raise BadPayload("not valid JSON: a text ends or begins in the middle of a character") from None
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"not valid JSON: {error}") from None


def _count_keys(value: Any) -> int:
    count = 0
    waiting = [value] if type(value) in _NESTED else []
    for holder in waiting:  # grows while it is walked
        if type(holder) is dict:
            count += len(holder)
            waiting += [item for item in holder.values() if type(item) in _NESTED]
        else:
            waiting += [item for item in holder if type(item) in _NESTED]
    return count


def loads_fast(data: bytes) -> Any:
    """Like `loads` but does not look for duplicate keys: only for text that `loads` accepted once."""
    try:
        return _fast.decode(data)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadPayload(f"not valid JSON: {error}") from None


def split_array(data: bytes) -> list[bytes]:
    """The elements of a JSON array as raw bytes, without decoding them."""
    try:
        return [bytes(raw) for raw in _split_rows.decode(data)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadPayload(f"not a JSON array: {error}") from None


def _plain(value: date | set[Any] | frozenset[Any]) -> Any:
    if isinstance(value, datetime):
        return iso_utc(value)
    return value.isoformat() if isinstance(value, date) else sorted(value)


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return msgspec.Raw(format(value, "f").encode())
    if isinstance(value, float):
        raise TypeError("a float may not be written: use Decimal or minor units")
    if isinstance(value, dict):
        return {str(key): item if type(item) in _PLAIN else _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [item if type(item) in _PLAIN else _exact(item) for item in value]
    if isinstance(value, datetime | date | set | frozenset):
        return _plain(value)
    return value


def _is_writable(value: Any) -> bool:
    """True when the encoder alone writes the exact form: nothing inside needs to be changed first."""
    waiting = [value]
    for item in waiting:  # grows while it is walked
        kind = type(item)
        if kind is dict:
            if not _TEXT.issuperset(map(type, item)):
                return False
            if not _PLAIN.issuperset(map(type, item.values())):
                waiting += [inner for inner in item.values() if type(inner) not in _PLAIN]
        elif kind is list or kind is tuple:
            kinds = set(map(type, item)) - _PLAIN
            if kinds and kinds <= _LISTS:  # rows of cells, as most long lists are: looked at all at once
                cells = list(chain.from_iterable([inner for inner in item if type(inner) in _LISTS]))
                if not _PLAIN.issuperset(map(type, cells)):
                    waiting += [cell for cell in cells if type(cell) not in _PLAIN]
            elif kinds:
                waiting += [inner for inner in item if type(inner) not in _PLAIN]
        elif kind is Decimal:
            text = str(item)  # an exponent has an E; what is not finite too or an N: Infinity, NaN, sNaN
            if "E" in text or "N" in text or "f" in text:
                return False
        elif kind not in _PLAIN:
            return False
    return True


def dumps(value: Any) -> bytes:
    """Encode JSON: Decimals become exact JSON numbers, dates ISO text; floats raise TypeError."""
    return _encoder.encode(value if _is_writable(value) else _exact(value))


def dumps_loaded(value: Any) -> bytes:
    """Like `dumps`, for what `loads` has read, put together anew: there is nothing in it that `dumps` would refuse."""
    made = _encoder.encode(value)
    if b"E+" in made or b"E-" in made:  # perhaps a number with an exponent, which `dumps` writes out
        return dumps(value)
    return made


_canonical = msgspec.json.Encoder(order="deterministic", decimal_format="string")


def canonical(value: Any) -> bytes:
    """One byte form per value: sorted keys, normalised numbers; for hashes and digests.

    1.10 and 1.1 are the same amount, so Decimals are normalised before they are written.
    """
    if type(value) is list and _PLAIN.issuperset(map(type, value)):  # one row of plain cells is as it should be
        return _canonical.encode(value)
    return _canonical.encode(_normal(value))


def _normal(value: Any) -> Any:
    if isinstance(value, Decimal):
        text = str(value)
        if "E" in text:
            text = format(value, "f")
        if "." not in text:
            return int(text)
        text = text.rstrip("0")  # as text: arithmetic would round at the 28 digits of its context
        return int(text[:-1]) if text[-1] == "." else "\x00" + text  # no text looks like this: 1.5 and "1.5" differ
    if isinstance(value, float):
        raise TypeError("a float has no canonical form")
    if isinstance(value, dict):
        return {str(key): item if type(item) in _PLAIN else _normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        if _PLAIN.issuperset(map(type, value)):
            return value
        return [item if type(item) in _PLAIN else _normal(item) for item in value]
    if isinstance(value, datetime | date | set | frozenset):
        return _plain(value)
    return value


def digest(value: Any) -> str:
    """Hex digest (blake2b, 16 bytes) of the canonical form."""
    return hashlib.blake2b(canonical(value), digest_size=16).hexdigest()
