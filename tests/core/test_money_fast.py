"""The short way to minor units agrees with the long one."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.core.money import MAX_MINOR, MoneyError, to_minor


def slowly(value: Decimal, places: int) -> int | str:
    if not value.is_finite():
        return "bad_amount"
    exact = Fraction(value) * 10**places if abs(value.adjusted()) < 1000 or not value else None
    if exact is None or abs(exact) > MAX_MINOR:
        far_below = exact is None and value.adjusted() < 0
        return (
            "too_precise"
            if far_below or (exact is not None and exact.denominator != 1 and value.adjusted() < 40)
            else "too_large"
        )
    return int(exact) if exact.denominator == 1 else "too_precise"


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


@pytest.mark.parametrize("text", ["10000000000000000000000000001", "1e17", "20000000000000000.01", "-1e39", "1e99999"])
def test_what_no_database_could_keep_is_refused(text: str) -> None:
    """Twenty-nine digits were rounded by decimal arithmetic, silently, when they came as text."""
    for value in (text, Decimal(text)):
        with pytest.raises(MoneyError) as caught:
            to_minor(value, "CNY")
        assert caught.value.code == "too_large"


def test_the_largest_amount_is_kept_and_the_next_is_not() -> None:
    assert to_minor("20000000000000000.00", "CNY") == to_minor(2 * 10**16, "CNY") == MAX_MINOR
    assert to_minor("-20000000000000000", "CNY") == -MAX_MINOR
    with pytest.raises(MoneyError):
        to_minor(2 * 10**16 + 1, "CNY")


def test_a_long_tail_of_zeros_is_no_precision_and_one_digit_behind_it_is() -> None:
    assert to_minor("1.00" + "0" * 100, "CNY") == 100
    with pytest.raises(MoneyError):
        to_minor("1.00" + "0" * 100 + "1", "CNY")
    assert to_minor(Decimal("0E-900"), "CNY") == 0
