"""Strategies that spoil good input, the way wires, vendors and people do."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

# Values that have broken readers somewhere: other types, edges of numbers and dates, look-alike digits, odd texts.
ODD: Sequence[Any] = (
    None, True, False, 0, -1, 2**53 + 1, 10**30, Decimal("1E+400"), Decimal("-0"), Decimal("0.005"), "", " ", "0",
    "NaN", "Infinity", "1e999999999", "²", "٣", "１２３", "1,234.50", "0000-00-00", "9999-12-31", "2026-02-30",
    "10000-01-01", "2026-01-01T24:00:00+08:00", "0001-01-01T00:00:00+14:00", "-62135596800001", "99999999999999",
    "\ud800", "\x00", "﻿",
    "a" * 5000, [], {}, [[]], [None], {"": None}, {"id": []}, {"name": {"name": "x"}}, "=cmd|' /C calc'!A0", "％", "😀",
)  # fmt: skip
_PIECES = (
    "", "\n", "\t", " ", ":", "- ", "[", "]", "{", "}", '"', "'", "#", "&a ", "*a", "!!python/object:x ", "<<: ", "|\n",
    "%", "{{", "}}", "{%", "%}", "{#", "0", "-1", "1e9", "٣", "²", "\x00", "\ud800", "﻿", "=", "[[x]]\n",
    "env:X", "true", "null",
)  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*path, index))


def _change(value: Any, path: tuple[Any, ...], new: Any, gone: bool) -> Any:
    if not path:
        return new
    here = copy.deepcopy(value)
    holder = here
    for step in path[:-1]:
        holder = holder[step]
    if gone:
        del holder[path[-1]]
    else:
        holder[path[-1]] = new
    return here


@st.composite
def objects(draw: st.DrawFn, good: Sequence[Any]) -> Any:
    """One of these values with one to three of its parts missing or replaced by something odd."""
    value = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(_places(value))))
        value = _change(value, path, draw(st.sampled_from(ODD)), draw(st.booleans()))
    return value


@st.composite
def texts(draw: st.DrawFn, good: Sequence[str]) -> str:
    """One of these texts with one to four cuts, insertions or lines that stand twice or not at all."""
    text = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        kind = draw(st.sampled_from(("insert", "cut", "line", "end")))
        if kind == "insert":
            text = text[:at] + draw(st.one_of(st.sampled_from(_PIECES), st.text(max_size=3))) + text[at:]
        elif kind == "cut":
            text = text[:at] + text[at + draw(st.integers(1, 12)) :]
        elif kind == "end":
            text = text[:at]
        else:
            lines = text.split("\n")
            row = draw(st.integers(0, len(lines) - 1))
            lines[row : row + 1] = [lines[row]] * draw(st.sampled_from((0, 2)))
            text = "\n".join(lines)
    return text


@st.composite
def bodies(draw: st.DrawFn, good: Sequence[bytes]) -> bytes:
    """One of these bodies with bytes cut, doubled, changed or put in."""
    body = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=4)) + body[at + draw(st.integers(0, 6)) :]
    return body
