"""Amounts that people type: read as they are written or refused with what to write, never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.core.error_words import said
from tieout.core.money import MoneyError, format_minor, to_decimal
from tieout.core.typed_money import MOST_TYPED, typed_minor


@given(st.integers(0, MOST_TYPED), st.sampled_from(["CNY", "EUR", "JPY", "KWD", "CLF"]))
def test_what_the_pages_show_reads_back(minor: int, currency: str) -> None:
    shown = format_minor(minor, currency, code=False)
    assert typed_minor(str(to_decimal(minor, currency)), currency) == minor
    assert typed_minor(shown, currency) == minor
    wide = shown.translate({ord(plain): ord(plain) + 0xFEE0 for plain in "0123456789.,"})
    assert typed_minor(f"　{wide} ", currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("5000.5", "EUR", 500_050),
        ("5,000", "EUR", 500_000),
        ("1,234,567.8", "CNY", 123_456_780),
        ("007", "CNY", 700),
        ("0.05", "CNY", 5),
        ("５，０００．５０", "CNY", 500_050),
        ("５00", "JPY", 500),
        ("1.5", "KWD", 1_500),
        ("1,500.0", "KWD", 1_500_000),
        ("1,500,000", "KWD", 1_500_000_000),
    ],
)
def test_amounts_that_are_meant(text: str, currency: str, minor: int) -> None:
    assert typed_minor(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        *((text, "EUR") for text in ("5000,50", "1,50", "1.234,50", "1,2,3", "5.000", "1.100", "0,500", "00,500")),
        *((text, "CNY") for text in ("", "-1", "+1", "1e3", "1_000", "5 000", "¥5", "5.", ".5", "12,34,567", ",500")),
        *((text, "CNY") for text in ("٥٠٠", "५००", "²", "½", "5000。50", "NaN", "inf", "5元", "1,000,50")),
        ("５０００，５０", "CNY"),
        ("5000.5", "JPY"),
        ("1,500", "KWD"),
        ("1.5000", "KWD"),
        ("9" * 14, "CNY"),
        ("9" * 10_000, "CNY"),
    ],
)
def test_what_could_be_read_two_ways_or_not_at_all_is_refused_with_what_to_write(text: str, currency: str) -> None:
    with pytest.raises(MoneyError) as refused:
        typed_minor(text, currency)
    error = refused.value
    assert error.code == "bad_amount"
    assert {"EUR": "5000.50", "CNY": "5,000.50", "JPY": "5,000", "KWD": "5000.500"}[currency] in error.hint
    assert len(error.message) < 100
    for words in (error.message, error.hint):
        assert said("zh-CN", words) != words
