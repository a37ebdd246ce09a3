"""Reading JSON fast and reading it carefully give one value and refuse the same texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.core import exact_json
from tieout.core.errors import BadPayload

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(['":', 'a": 1', '\\":', "\x00", "中文", "'"])
    | st.decimals(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=20
)


def carefully(data: bytes) -> Any:
    """The standard parser with pairs: what `loads` has to agree with."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in found}) != len(found):
            raise BadPayload("twice")
        return dict(found)

    def constant(text: str) -> Any:
        raise BadPayload(text)

    def number(text: str) -> Decimal:
        mantissa, _, exponent = text.lower().partition("e")
        if exponent and abs(int(exponent) + Decimal(mantissa).adjusted()) > exact_json.MAX_EXPONENT:
            raise BadPayload("out of range")
        return Decimal(text)

    try:
        value = json.loads(
            data.decode("utf-8-sig"), parse_float=number, parse_constant=constant, object_pairs_hook=pairs
        )
    except (ValueError, RecursionError):
        raise BadPayload("no JSON") from None
    if any("\ud800" <= char <= "\udfff" for text in _texts(value) for char in text):
        raise BadPayload("half a character")
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def outcome(read: Any, data: bytes) -> str:
    try:
        return repr(read(data))
    except BadPayload:
        return "refused"


@given(VALUES, st.sampled_from([(",", ":"), (", ", ": "), (",", " : ")]))
def test_written_values_are_read_alike(value: Any, separators: tuple[str, str]) -> None:
    text = json.dumps(json.loads(exact_json.dumps(value)), separators=separators, ensure_ascii=False)
    data = text.encode("utf-8", "surrogatepass")
    assert outcome(exact_json.loads, data) == outcome(carefully, data)
    assert outcome(exact_json.loads, exact_json.dumps(value)) == outcome(carefully, exact_json.dumps(value))


@given(VALUES, st.integers(min_value=0), st.sampled_from(list(b'{}[]":, \\ae1.0-')), st.booleans())
def test_damaged_texts_are_read_alike(value: Any, place: int, byte: int, insert: bool) -> None:
    data = bytearray(exact_json.dumps(value))
    where = place % len(data)
    data[where : where + (0 if insert else 1)] = bytes([byte])
    assert outcome(exact_json.loads, bytes(data)) == outcome(carefully, bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}', b'{"a":{"b":1,"b":1}}', b'{"a" :1,"a":2}', b'{"x":"\\":","x":2}', b'{"x":"\\":"}',
        b'{"\\u0061":1,"a":2}', b'{"":1,"":2}', b"[NaN]", b'{"a":"\x01"}', b'{"a":"\xff"}', b"[" * 3000 + b"]" * 3000,
        b'\xef\xbb\xbf{"a":1}', b'"\\ud800"', b"01", b"[1.]", b"-0", b"-0.0", b"1e5", b"1E400", b"1e401",
        b"10e400", b"0e401", b"-1.5e-401", b"[1e99999999999999999999]", b"-1e-99999999999999999999", b"[1e9999999]",
        b"9" * 30, b"",
    ],
)  # fmt: skip
def test_known_traps_are_read_alike(data: bytes) -> None:
    assert outcome(exact_json.loads, data) == outcome(carefully, data)


def test_a_decimal_is_written_without_exponent_whatever_stands_beside_it() -> None:
    assert exact_json.dumps([Decimal("1E+3"), Decimal("1E-9"), "x"]) == b'[1000,0.000000001,"x"]'
    assert exact_json.dumps({"a": [Decimal("1.10")]}) == b'{"a":[1.10]}'
    with pytest.raises(TypeError):
        exact_json.dumps({"a": [{"b": 1.5}]})


@pytest.mark.parametrize("text", [b"1e999999999", b"-1e-999999999", b"[-100000000000000e999999999999999986]"])
def test_a_number_too_large_to_write_out_is_refused_in_words(text: bytes) -> None:
    """Written out in digits it would take a gigabyte; a webhook may carry it."""
    for read in (exact_json.loads, exact_json.loads_fast):
        with pytest.raises(BadPayload, match="out of range"):
            read(text)


@given(VALUES)
def test_what_was_read_is_written_alike_with_and_without_a_second_look(value: Any) -> None:
    read = exact_json.loads(exact_json.dumps(value))
    assert exact_json.dumps_loaded(read) == exact_json.dumps(read)


@pytest.mark.parametrize("text", [b"1e3", b"[1E-9,2]", b'{"E+":1.50}', b"1.0e-2", b"1e400"])
def test_a_number_read_with_an_exponent_is_written_out(text: bytes) -> None:
    read = exact_json.loads(text)
    assert exact_json.dumps_loaded(read) == exact_json.dumps(read)
    assert b"e" not in exact_json.dumps_loaded(read)
