"""Due-date rules against the worked examples of the receivables reference, sections 2 and 18."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.core.dates import DateError
from tieout.ledger.due_dates import (
    Adjustment,
    BusinessCalendar,
    DueDate,
    DueRule,
    adjust,
    contract_due,
    discount_until,
    due_date,
    end_of_month,
    installments,
)

MARCH = "2026-03-10"


@pytest.mark.parametrize(
    ("rule", "base", "due"),
    [
        (DueRule("net_days", days=30), MARCH, "2026-04-09"),
        (DueRule("net_days", days=30), "2024-01-31", "2024-03-01"),
        (DueRule("net_months", months=1), "2024-01-31", "2024-02-29"),
        (DueRule("net_months", months=1), "2023-01-31", "2023-02-28"),
        (DueRule("eom"), MARCH, "2026-03-31"),
        (DueRule("days_then_eom", days=30), MARCH, "2026-04-30"),
        (DueRule("eom_plus_days", days=30), MARCH, "2026-04-30"),
        (DueRule("days_eom_day", days=5, pay_day=1), "2026-03-05", "2026-04-01"),
        (DueRule("days_eom_day", days=5, pay_day=1), "2026-03-28", "2026-05-01"),
        (DueRule("day_of_following_month", pay_day=21), MARCH, "2026-04-21"),
        (DueRule("monthly_days", days=30, cutoff_day=25), MARCH, "2026-04-24"),
        (DueRule("monthly_days", days=30, cutoff_day=25), "2026-03-26", "2026-05-25"),
        (DueRule("monthly_days", days=30), MARCH, "2026-04-30"),
        (DueRule("monthly_days", days=60), MARCH, "2026-05-30"),
        (DueRule("monthly_days", days=30, cutoff_day=25), "2026-02-26", "2026-04-24"),
        (DueRule("monthly_days", days=30, cutoff_day=25), "2026-03-25", "2026-04-24"),
        (DueRule("monthly_days", days=30, cutoff_day=25), "2025-12-26", "2026-02-24"),
        (DueRule("monthly_days", days=30, cutoff_day=30), "2026-02-10", "2026-03-30"),
        (DueRule("monthly_months", months=1), MARCH, "2026-04-30"),
        (DueRule("monthly_months", months=2), MARCH, "2026-05-31"),
        (DueRule("monthly_months", months=1), "2026-01-15", "2026-02-28"),
        (DueRule("next_month_days", days=30), MARCH, "2026-05-01"),
        (DueRule("next_month_days", days=30, grace_days=15), MARCH, "2026-05-16"),
        (DueRule("monthly_pay_day", days=30, pay_day=15), MARCH, "2026-05-15"),
    ],
)
def test_rule_gives_the_worked_date(rule: DueRule, base: str, due: str) -> None:
    assert contract_due(rule, date.fromisoformat(base)) == date.fromisoformat(due)


WEEKENDS = BusinessCalendar(years=frozenset({2026}))


@pytest.mark.parametrize(
    ("how", "moved"),
    [
        ("none", "2026-05-30"),
        ("following", "2026-06-01"),
        ("modified_following", "2026-05-29"),
        ("preceding", "2026-05-29"),
    ],
)
def test_saturday_is_adjusted(how: str, moved: str) -> None:
    assert adjust(date(2026, 5, 30), how, WEEKENDS.is_business_day) == date.fromisoformat(moved)  # type: ignore[arg-type]


def test_both_due_dates_are_kept() -> None:
    rule = DueRule("monthly_days", days=60)
    assert due_date(rule, date(2026, 3, 10), "following", WEEKENDS.is_business_day) == DueDate(
        date(2026, 5, 30), date(2026, 6, 1)
    )


def test_make_up_workday_on_a_saturday_counts_and_a_holiday_does_not() -> None:
    days = BusinessCalendar(frozenset({2026}), frozenset({date(2026, 6, 19)}), frozenset({date(2026, 5, 30)}))
    assert adjust(date(2026, 5, 30), "following", days.is_business_day) == date(2026, 5, 30)
    assert adjust(date(2026, 6, 19), "following", days.is_business_day) == date(2026, 6, 22)


def test_year_that_is_not_loaded_is_refused() -> None:
    with pytest.raises(DateError, match=r"^no business calendar for 2027") as refused:
        adjust(date(2027, 1, 1), "following", WEEKENDS.is_business_day)
    assert refused.value.hint == "Load the State Council notice of that year."


@pytest.mark.parametrize("how", ["following", "preceding", "modified_following"])
def test_sixty_days_are_looked_through_and_a_calendar_without_any_is_refused_by_the_day_asked(how: Adjustment) -> None:
    day = date(2026, 6, 1)
    step = timedelta(days=-1 if how == "preceding" else 1)
    if how != "modified_following":  # that one turns back at the month's end
        assert adjust(day, how, lambda other: other == day + 59 * step) == day + 59 * step
    with pytest.raises(DateError, match=r"^no business day within 60 days of 2026-06-01"):
        adjust(day, how, lambda other: other == day + 60 * step)


def test_impossible_day_of_month_is_refused() -> None:
    for wrong in (0, 32):
        with pytest.raises(DateError, match=rf"^{wrong} is not a day of the month"):
            contract_due(DueRule("monthly_days", cutoff_day=wrong), date(2026, 1, 1))


def test_plan_rows_take_their_own_rule_and_the_last_takes_the_rest() -> None:
    rows = [(Decimal(30), DueRule("net_days")), (Decimal(70), DueRule("eom_plus_days", days=30))]
    assert installments(100001, rows, date(2026, 3, 10)) == [(date(2026, 3, 10), 30000), (date(2026, 4, 30), 70001)]
    thirds = [(Decimal(1), DueRule("net_days", days=n)) for n in (0, 30, 60)]
    assert [amount for _, amount in installments(10000, thirds, date(2026, 1, 1))] == [3333, 3333, 3334]
    assert [amount for _, amount in installments(1, thirds, date(2026, 1, 1))] == [0, 0, 1]


def test_discount_window_ends_with_its_last_value_date() -> None:
    assert discount_until(date(2026, 3, 1), 10) == date(2026, 3, 11)


@given(
    base=st.dates(date(2000, 1, 1), date(2090, 1, 1)),
    days=st.integers(0, 120),
    cutoff=st.integers(1, 31),
)
def test_monthly_terms_count_from_a_cutoff_within_a_month(base: date, days: int, cutoff: int) -> None:
    period = contract_due(DueRule("monthly_days", cutoff_day=cutoff), base)
    assert base <= period
    assert (period - base).days <= 31
    assert period.day == min(cutoff, end_of_month(period).day)
    later = contract_due(DueRule("monthly_days", days=days, cutoff_day=cutoff), base)
    assert (later - period).days == days
