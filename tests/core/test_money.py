"""Money is exact: in, out, split and rounded."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.core import money
from tieout.core.money import (
    MAX_MINOR,
    Money,
    MoneyError,
    exponent,
    format_minor,
    round_minor,
    split,
    to_decimal,
    to_minor,
)

CURRENCIES = st.sampled_from(["CNY", "USD", "EUR", "JPY", "KRW", "KWD", "BHD", "CLF"])
MINOR = st.integers(min_value=-(10**18), max_value=10**18)


@given(MINOR, CURRENCIES)
def test_major_units_and_back_lose_nothing(minor: int, currency: str) -> None:
    assert to_minor(to_decimal(minor, currency), currency) == minor
    assert to_minor(str(to_decimal(minor, currency)), currency) == minor


def test_what_cannot_be_split_or_kept_is_told_in_words() -> None:
    for parts, words in (([], "nothing to split into"), ([Decimal(0)], "shares must sum to more than zero")):
        with pytest.raises(MoneyError) as refused:
            split(100, parts)
        assert str(refused.value) == words
    for value in (Decimal("9" * 80), "9" * 80, int("9" * 80)):
        with pytest.raises(MoneyError) as refused:
            to_minor(value, "CNY")
        assert str(refused.value) == f"amount {'9' * 60} CNY is larger than any that can be kept"


@given(MINOR, CURRENCIES)
def test_the_shown_amount_reads_back(minor: int, currency: str) -> None:
    shown = format_minor(minor, currency, code=False)
    assert to_minor(shown.replace(",", ""), currency) == minor


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        ("1.10", "CNY", 110),
        ("1.100", "CNY", 110),
        (Decimal("12345678901234567.89"), "CNY", 1234567890123456789),
        ("100", "JPY", 100),
        ("1.234", "KWD", 1234),
        ("1.2345", "CLF", 12345),
        ("-0.01", "USD", -1),
        (7, "EUR", 700),
        ("1e2", "EUR", 10000),
    ],
)
def test_known_amounts(value: Decimal | int | str, currency: str, minor: int) -> None:
    assert to_minor(value, currency) == minor


@pytest.mark.parametrize(
    ("value", "currency", "code"),
    [
        (1.1, "CNY", "inexact_amount"),
        (True, "CNY", "inexact_amount"),
        ("1.001", "CNY", "too_precise"),
        ("0.5", "JPY", "too_precise"),
        ("abc", "CNY", "bad_amount"),
        ("", "CNY", "bad_amount"),
        ("NaN", "CNY", "bad_amount"),
        ("Infinity", "CNY", "bad_amount"),
        ("1e99999", "CNY", "too_large"),
        ("1", "XXX", "unknown_currency"),
        ("1", "cny", "unknown_currency"),
    ],
)
def test_what_cannot_be_read_exactly_is_refused(value: object, currency: str, code: str) -> None:
    with pytest.raises(MoneyError) as caught:
        to_minor(value, currency)  # type: ignore[arg-type]
    assert caught.value.code == code


@given(MINOR, st.lists(st.decimals(min_value="0.01", max_value=100, places=2), min_size=1, max_size=8))
def test_a_split_adds_up_and_no_part_exceeds_its_share(total: int, shares: list[Decimal]) -> None:
    parts = split(total, shares)
    assert len(parts) == len(shares)
    assert sum(parts) == total
    whole = sum(shares, Decimal(0))
    for part, share in zip(parts[:-1], shares[:-1], strict=True):
        exact = Decimal(total) * share / whole
        assert abs(part) <= abs(exact)
        assert abs(Decimal(part) - exact) < 1


def test_the_published_split_example() -> None:
    assert split(100001, [Decimal(30), Decimal(70)]) == [30000, 70001]


@pytest.mark.parametrize("shares", [[], [Decimal(0)], [Decimal(-1), Decimal(1)]])
def test_a_split_without_shares_is_refused(shares: list[Decimal]) -> None:
    with pytest.raises(MoneyError):
        split(100, shares)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6))
def test_rounding_is_half_up_and_symmetric(value: Decimal) -> None:
    rounded = round_minor(value, "CNY")
    assert abs(Decimal(rounded) - value * 100) <= Decimal("0.5")
    assert round_minor(-value, "CNY") == -rounded


def test_half_a_cent_goes_away_from_zero() -> None:
    assert [round_minor(Decimal(v), "CNY") for v in ("0.005", "-0.005", "0.0049", "2.675")] == [1, -1, 0, 268]


@given(MINOR, MINOR, CURRENCIES)
def test_adding_and_taking_away(left: int, right: int, currency: str) -> None:
    total = Money(left, currency) + Money(right, currency)
    assert total.minor == left + right
    assert total - Money(right, currency) == Money(left, currency)
    assert -Money(left, currency) + Money(left, currency) == Money(0, currency)


def test_currencies_are_never_mixed() -> None:
    with pytest.raises(MoneyError, match="cannot combine CNY with USD"):
        Money(1, "CNY") + Money(1, "USD")
    with pytest.raises(MoneyError, match="cannot combine"):
        Money(1, "CNY") - Money(1, "USD")


@pytest.mark.parametrize("minor", [1.0, "1", True, Decimal(1)])
def test_minor_units_are_integers(minor: object) -> None:
    with pytest.raises(MoneyError, match="must be an int"):
        Money(minor, "CNY")  # type: ignore[arg-type]


def test_every_known_currency_has_one_exponent() -> None:
    assert {exponent("CNY"), exponent("JPY"), exponent("KWD"), exponent("CLF")} == {2, 0, 3, 4}
    assert not money._TWO & set(money._EXPONENTS)
    assert money.is_currency("CNY")
    assert not money.is_currency("XXX")
    assert str(Money.of("12345.67", "CNY")) == "12,345.67 CNY"


@given(
    st.integers(-(10**15), 10**15), st.integers(0, 6), st.sampled_from(["CNY", "JPY", "KWD"]),
    st.sampled_from([Decimal, str]),
)  # fmt: skip
def test_an_amount_of_any_number_of_places_is_read_as_the_fraction_it_is(
    digits: int, places: int, currency: str, kind: type[Decimal] | type[str]
) -> None:
    value = kind(Decimal(digits).scaleb(-places))
    exact = Fraction(digits, 10**places) * 10 ** exponent(currency)
    if exact.denominator == 1:
        assert to_minor(value, currency) == exact.numerator
    else:
        with pytest.raises(MoneyError, match="more than") as refused:
            to_minor(value, currency)
        assert refused.value.code == "too_precise"


@pytest.mark.parametrize("kind", [Decimal, str])
@pytest.mark.parametrize("text", ["1e3", "12E+1", "100e-2", "0e5", "0e-9", "-0", "0.000", "7.", ".5"])
def test_other_ways_of_writing_an_amount_mean_the_same(text: str, kind: type[Decimal] | type[str]) -> None:
    assert to_minor(kind(text), "CNY") == Fraction(Decimal(text)) * 100


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kind", [Decimal, str, int])
def test_the_largest_amount_is_kept_and_one_more_is_refused_by_name(sign: int, kind: type[Decimal]) -> None:
    assert to_minor(kind(sign * MAX_MINOR), "JPY") == sign * MAX_MINOR
    more = sign * (MAX_MINOR + 1)
    with pytest.raises(MoneyError, match=f"amount {more} JPY is larger") as refused:
        to_minor(kind(more), "JPY")
    assert refused.value.code == "too_large"


@pytest.mark.parametrize("text", ["1" + "0" * 38, "1" + "0" * 39, "1" + "0" * 40, "9" * 60, "1e40", "1e400"])
@pytest.mark.parametrize("kind", [Decimal, str])
def test_an_amount_beyond_all_measure_is_refused_and_shown_short(text: str, kind: type[Decimal] | type[str]) -> None:
    with pytest.raises(MoneyError) as refused:
        to_minor(kind(text), "CNY")
    assert refused.value.code == "too_large"
    assert f"amount {str(kind(text))[:60]} CNY is" in str(refused.value)
