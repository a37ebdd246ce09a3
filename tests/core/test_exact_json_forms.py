"""Exact JSON at its edges: what is refused is told in words, every kind of value has one form, all readers agree."""

from __future__ import annotations

import enum
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from tieout.core import exact_json
from tieout.core.errors import BadPayload

AT = datetime(2026, 11, 1, 8, 30, tzinfo=timezone(timedelta(hours=8)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NaN", "JSON constant NaN is not a number"),
        ("[-Infinity]", "JSON constant -Infinity is not a number"),
        ('{"a": 1, "b": 2, "a": 1}', "duplicate JSON key 'a'"),
        ('"\\ud800"', "not valid JSON: a text ends or begins in the middle of a character"),
        ('{"\\udfff": 1}', "not valid JSON: a text ends or begins in the middle of a character"),
        ('"\udc00"', "not valid JSON: a text ends or begins in the middle of a character"),
        ("1e401", "not valid JSON: number 1e401 is out of range"),
        ("1E-401", "not valid JSON: number 1E-401 is out of range"),
        ("1e" + "9" * 60, "not valid JSON: number 1e" + "9" * 38 + " is out of range"),
        ("1." + "0" * 60 + "e500", "not valid JSON: number 1." + "0" * 38 + " is out of range"),
        ("[1", "not valid JSON: Expecting ',' delimiter: line 1 column 3 (char 2)"),
    ],
)
def test_what_is_refused_is_told_in_words(text: str, words: str) -> None:
    for data in (text, text.encode("utf-8", "surrogatepass")):
        if "\udc00" in text and isinstance(data, bytes):
            continue  # bytes of half a character are no UTF-8 at all
        with pytest.raises(BadPayload) as refused:
            exact_json.loads(data)
        assert str(refused.value) == words


def test_whole_characters_written_as_two_halves_are_read() -> None:
    assert (
        exact_json.loads('"\\ud83d\\ude00 \\\\ud800"')
        == exact_json.loads(b'"\\ud83d\\ude00 \\\\ud800"')
        == "😀 \\ud800"
    )


@pytest.mark.parametrize("text", ["1e400", "-9.9E400", "1e-400", "0.001e403", "1" * 500, "0." + "1" * 500])
def test_a_number_as_large_as_any_that_is_meant_is_exact(text: str) -> None:
    assert exact_json.loads(f"[{text}]") == exact_json.loads_fast(f"[{text}]".encode()) == [Decimal(text)]


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_bytes_of_every_kind_are_read_alike(kind: Any) -> None:
    assert exact_json.loads(kind('\ufeff{"名": [1.10, "x", {"b": null}]}'.encode())) == {
        "名": [Decimal("1.10"), "x", {"b": None}]
    }


@pytest.mark.parametrize("space", [b" ", b"\n", b"\r", b"\t", b" \n"])
def test_a_key_twice_is_found_whatever_stands_before_its_colon(space: bytes) -> None:
    for text in (b'{"a":1,"a"%b:2}', b'[[{"x":{"a"%b:1,"a":2}}]]', b'{"y":"\\":","x":[{"a"%b:1,"a":2}]}'):
        with pytest.raises(BadPayload, match="duplicate JSON key 'a'"):
            exact_json.loads(text % space)
    assert exact_json.loads(b'{"a"%b:1,"b":{"a":2}}' % space) == {"a": 1, "b": {"a": 2}}


def test_the_fast_reader_and_the_splitter_tell_what_they_cannot_read() -> None:
    with pytest.raises(BadPayload, match=r"^not valid JSON: JSON is malformed"):
        exact_json.loads_fast(b"[1,]")
    with pytest.raises(BadPayload, match=r"^not valid JSON: "):
        exact_json.loads_fast(b'["\xff"]')
    with pytest.raises(BadPayload, match=r"^not a JSON array: "):
        exact_json.split_array(b'{"a": 1}')
    assert exact_json.split_array(b' [1.10, {"a" : 1} ,"x"] ') == [b"1.10", b'{"a" : 1}', b'"x"']


class Colour(enum.StrEnum):
    """A text that is not of the plain kind."""

    RED = "red"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (AT, b'"2026-11-01T00:30:00.000000Z"'),
        ([AT, date(2026, 11, 1)], b'["2026-11-01T00:30:00.000000Z","2026-11-01"]'),
        (date(2026, 11, 1), b'"2026-11-01"'),
        ({"b", "a"}, b'["a","b"]'),
        (frozenset({2, 1}), b"[1,2]"),
        ((1, (2, [3])), b"[1,[2,[3]]]"),
        ({1: {True: 2}}, b'{"1":{"True":2}}'),
        ({"a": Colour.RED, "b": [Colour.RED]}, b'{"a":"red","b":["red"]}'),
        (Decimal("1E+2"), b"100"),
        ([Decimal("1.10"), "x", [Decimal("-0.00")]], b'[1.10,"x",[-0.00]]'),
        ([[1, "a"], [Decimal("1E-2"), None]], b'[[1,"a"],[0.01,null]]'),
        ([[1, {"a": (Decimal("1E+1"), {"b"})}]], b'[[1,{"a":[10,["b"]]}]]'),
        ({"a": {"b": {3: Decimal("5E0")}}}, b'{"a":{"b":{"3":5}}}'),
        ([{"a": 1}, [Decimal("1E+1")], 7], b'[{"a":1},[10],7]'),
    ],
)
def test_every_kind_of_value_has_its_one_form_wherever_it_stands(value: Any, written: bytes) -> None:
    assert exact_json.dumps(value) == written
    assert exact_json.dumps({"deep": [value]}) == b'{"deep":[' + written + b"]}"


@pytest.mark.parametrize("write", [exact_json.dumps, exact_json.canonical])
def test_a_float_is_written_nowhere(write: Any) -> None:
    for bad in (1.0, float("nan")):
        for value in (bad, [bad], (1, [bad]), {"a": bad}, [[bad]], [[1], {"a": (bad,)}]):
            with pytest.raises(TypeError, match="float"):
                write(value)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ([1, "a", None, True, date(2026, 11, 1)], b'[1,"a",null,true,"2026-11-01"]'),
        ({"b": 1, "a": (2, "x")}, b'{"a":[2,"x"],"b":1}'),
        (Decimal("1.10"), b'"\\u00001.1"'),
        (Decimal("1.00"), b"1"),
        (Decimal("-0.50"), b'"\\u0000-0.5"'),
        (Decimal("1E+3"), b"1000"),
        (Decimal("1.5E+1"), b"15"),
        (Decimal("1.5E-1"), b'"\\u00000.15"'),
        (Decimal("100"), b"100"),
        (AT, b'"2026-11-01T00:30:00.000000Z"'),
        ({"a": [AT, {"y", "x"}]}, b'{"a":["2026-11-01T00:30:00.000000Z",["x","y"]]}'),
        ([(Decimal("2.50"), 1), [3]], b'[["\\u00002.5",1],[3]]'),
        ({3: Decimal("3.0")}, b'{"3":3}'),
        ({"a": Colour.RED}, b'{"a":"red"}'),
    ],
)
def test_the_canonical_form_is_kept_for_good(value: Any, form: bytes) -> None:
    """Digests of it are stored and signed: another form would make everything look changed."""
    assert exact_json.canonical(value) == form
    assert exact_json.canonical({"deep": [value]}) == b'{"deep":[' + form + b"]}"


def test_equal_amounts_of_many_digits_have_one_canonical_form() -> None:
    for digits in range(24, 32):
        short = "1." + "3" * (digits - 4)
        assert exact_json.canonical(Decimal(short)) == exact_json.canonical(Decimal(short + "00"))


def test_amounts_that_differ_in_their_last_digit_differ_however_long_they_are() -> None:
    for text in ("1." + "3" * 40, "3" * 40 + ".1", "1." + "3" * 40 + "E-9", "3" * 40):
        head, _, power = text.partition("E")
        near = Decimal(head[:-1] + "4" + (f"E{power}" if power else ""))
        assert exact_json.canonical(Decimal(text)) != exact_json.canonical(near)
    assert exact_json.canonical([Decimal("0E-9"), Decimal("-0.0"), Decimal("1E-9")]) == b'[0,0,"\\u00000.000000001"]'


def test_the_digest_is_kept_for_good() -> None:
    assert exact_json.digest({"b": [Decimal("1.10")], "a": None}) == exact_json.digest(
        {"a": None, "b": [Decimal("1.1")]}
    )
    assert exact_json.digest({}) == "2afb9b83f9314e5d029766197f539792"
    assert len(exact_json.digest([1])) == 32


def test_what_has_no_form_is_named() -> None:
    with pytest.raises(TypeError, match="object"):
        exact_json.dumps({"a": object()})
