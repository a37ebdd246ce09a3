"""Converted amounts are rounded once and from the exact value, however large they are."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tieout.receivables.exposure import Rate

ON = date(2026, 3, 1)


def test_a_large_amount_just_below_one_half_is_rounded_down() -> None:
    """Its 31 digits are more than decimal arithmetic keeps by itself: rounded to 28 first, it would go up."""
    assert Rate("KRW", Decimal("7.499999999999"), ON).convert(10**18 + 1, "JPY") == 7499999999999000007
    assert Rate("KRW", Decimal("7.5"), ON).convert(10**18 + 1, "JPY") == 7500000000000000008


def test_a_rate_for_many_units_is_divided_before_it_is_rounded() -> None:
    assert Rate("JPY", Decimal("4.95"), ON, per=Decimal(100)).convert(10, "CNY") == 50
    assert Rate("JPY", Decimal("4.94"), ON, per=Decimal(100)).convert(-10, "CNY") == -49
