"""JSON with exact numbers: no float is ever made from text that came from outside.

Measured traps behind this file: pydantic's JSON mode, httpx' `.json()` and orjson read
12345678901234567.89 as 12345678901234568; the standard parser takes NaN and duplicate keys.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from tieout.core.dates import iso_utc
from tieout.core.errors import BadPayload

MAX_DEPTH = 64

_fast = msgspec.json.Decoder(float_hook=Decimal)
_split_rows = msgspec.json.Decoder(list[msgspec.Raw])


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
    """Decode JSON with Decimal for every number that is not an integer; NaN and duplicate keys raise BadPayload."""
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes | bytearray | memoryview) else data
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except BadPayload:
        raise
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"not valid JSON: {error}") from None


def loads_fast(data: bytes) -> Any:
    """Like `loads` but does not look for duplicate keys: only for text that `loads` accepted once."""
    try:
        return _fast.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadPayload(f"not valid JSON: {error}") from None


def split_array(data: bytes) -> list[bytes]:
    """The elements of a JSON array as raw bytes, without decoding them."""
    try:
        return [bytes(raw) for raw in _split_rows.decode(data)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadPayload(f"not a JSON array: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso_utc(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return msgspec.Raw(format(value, "f").encode())
    if isinstance(value, float):
        raise TypeError("a float may not be written: use Decimal or minor units")
    if isinstance(value, dict):
        return {str(key): _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    if isinstance(value, datetime | date | set | frozenset):
        return _plain(value)
    return value


def dumps(value: Any) -> bytes:
    """Encode JSON: Decimals become exact JSON numbers, dates ISO text; floats raise TypeError."""
    return msgspec.json.encode(_exact(value))


_canonical = msgspec.json.Encoder(order="deterministic", decimal_format="string")


def canonical(value: Any) -> bytes:
    """One byte form per value: sorted keys, normalised numbers; for hashes and digests.

    1.10 and 1.1 are the same amount, so Decimals are normalised before they are written.
    """
    return _canonical.encode(_normal(value))


def _normal(value: Any) -> Any:
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        return "\x00" + format(value.normalize(), "f")  # no text looks like this: 1.5 and "1.5" differ
    if isinstance(value, float):
        raise TypeError("a float has no canonical form")
    if isinstance(value, dict):
        return {str(key): _normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(item) for item in value]
    if isinstance(value, datetime | date | set | frozenset):
        return _plain(value)
    return value


def digest(value: Any) -> str:
    """Hex digest (blake2b, 16 bytes) of the canonical form."""
    return hashlib.blake2b(canonical(value), digest_size=16).hexdigest()
