"""JSON numbers survive to the last digit; what other parsers let through is refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.core import exact_json
from tieout.core.errors import BadPayload

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**20), max_value=10**20)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(min_value=-(2**60), max_value=2**60) | DECIMALS | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)


@given(VALUES)
def test_what_is_written_reads_back_exactly(value: Any) -> None:
    assert exact_json.loads(exact_json.dumps(value)) == value
    assert exact_json.loads_fast(exact_json.dumps(value)) == value


@pytest.mark.parametrize("text", ["1.10", "12345678901234567.89", "0.1", "-0.000001", "100000000000000000000.01"])
def test_amounts_that_floats_lose(text: str) -> None:
    for read in (exact_json.loads, exact_json.loads_fast):
        found = read(f'{{"amount": {text}}}'.encode())["amount"]
        assert isinstance(found, Decimal)
        assert format(found, "f") == text
    assert exact_json.dumps({"amount": Decimal(text)}) == f'{{"amount":{text}}}'.encode()


def test_big_integers_stay_integers() -> None:
    assert exact_json.loads(b"9007199254740993") == 9007199254740993
    assert exact_json.loads_fast(b'{"id": 4150868000000376008}') == {"id": 4150868000000376008}


@pytest.mark.parametrize(
    "text",
    ["NaN", "[Infinity]", '{"a": -Infinity}', '{"a": 1, "a": 2}', '{"x": {"a": 1, "a": 1}}', "{", "", "[1,]", "'a'"],
)
def test_bad_json_is_refused(text: str) -> None:
    with pytest.raises(BadPayload):
        exact_json.loads(text)


def test_deep_nesting_is_refused_not_fatal() -> None:
    with pytest.raises(BadPayload):
        exact_json.loads("[" * 100_000 + "]" * 100_000)


def test_a_byte_order_mark_is_no_error_and_broken_text_is() -> None:
    assert exact_json.loads(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    with pytest.raises(BadPayload):
        exact_json.loads(b'{"a": "\xff"}')


@pytest.mark.parametrize("write", [exact_json.dumps, exact_json.canonical])
def test_floats_are_never_written(write: Any) -> None:
    with pytest.raises(TypeError, match="float"):
        write({"rows": [{"amount": 1.5}]})


@given(st.lists(VALUES, max_size=5))
def test_an_array_splits_into_its_raw_elements(values: list[Any]) -> None:
    parts = exact_json.split_array(exact_json.dumps(values))
    assert [exact_json.loads(part) for part in parts] == values


@pytest.mark.parametrize("data", [b"{}", b"[1", b"1"])
def test_only_arrays_split(data: bytes) -> None:
    with pytest.raises(BadPayload):
        exact_json.split_array(data)


@given(st.dictionaries(TEXT, SCALARS, max_size=6), st.randoms())
def test_the_digest_knows_no_key_order(value: dict[str, Any], shuffler: Any) -> None:
    items = list(value.items())
    shuffler.shuffle(items)
    assert exact_json.digest(dict(items)) == exact_json.digest(value)


@given(st.integers(-(10**12), 10**12), st.integers(0, 6))
def test_the_digest_is_of_the_amount_not_of_its_zeros(minor: int, zeros: int) -> None:
    plain = Decimal(minor).scaleb(-2)
    padded = Decimal(f"{plain:f}" + ("0" * zeros if "." in f"{plain:f}" else ""))
    assert exact_json.digest({"a": plain}) == exact_json.digest({"a": padded})


def test_different_things_have_different_digests() -> None:
    values: list[Any] = [None, 0, "0", "", False, [], {}, {"a": None}, "1.5", Decimal("1.5"), 1, [1], True]
    digests = [exact_json.digest(value) for value in values]
    assert len(set(digests)) == len(values)


def test_dates_and_instants_are_written_as_text() -> None:
    value = {"due_on": date(2026, 11, 30), "seen_at": datetime(2026, 11, 1, tzinfo=UTC), "tags": {"b", "a"}}
    assert json.loads(exact_json.dumps(value)) == {
        "due_on": "2026-11-30",
        "seen_at": "2026-11-01T00:00:00.000000Z",
        "tags": ["a", "b"],
    }
