"""The short way to minor units agrees with the long one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.core.money import MoneyError, to_minor


def slowly(value: Decimal, places: int) -> int | str:
    if not value.is_finite():
        return "bad_amount"
    if abs(value.adjusted()) >= 40:
        return "too_precise"
    scaled = value.scaleb(places)
    return int(scaled) if scaled == scaled.to_integral_value() else "too_precise"


def outcome(value: Decimal, currency: str) -> int | str:
    try:
        return to_minor(value, currency)
    except MoneyError as error:
        return error.code


@given(st.decimals(min_value=-(10**20), max_value=10**20, places=4) | st.decimals(allow_nan=True, allow_infinity=True))
@pytest.mark.parametrize(("currency", "places"), [("CNY", 2), ("JPY", 0), ("KWD", 3)])
def test_both_ways_agree(currency: str, places: int, value: Decimal) -> None:
    assert outcome(value, currency) == slowly(value, places)


@pytest.mark.parametrize(
    ("text", "minor"),
    [("-0.05", -5), ("-0", 0), ("0.10", 10), ("1E+2", 10_000), ("1E-2", 1), ("1.5E+3", 150_000), ("12.", 1200)],
)
def test_known_amounts(text: str, minor: int) -> None:
    assert to_minor(Decimal(text), "CNY") == minor
