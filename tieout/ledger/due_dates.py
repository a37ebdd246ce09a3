"""Due dates from payment terms: every rule names its base date and its month arithmetic.

Source: receivables reference, section 2. The choice of base date (invoice, delivery, statement …) is the contract's and
is handed in; `月结30天` is read three ways by different firms, so each reading is its own rule here.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from tieout.core.dates import DateError, add_months
from tieout.core.money import split

MONTH_END = 31

RuleKind = Literal[
    "net_days",
    "net_months",
    "eom",
    "days_then_eom",
    "eom_plus_days",
    "days_eom_day",
    "day_of_following_month",
    "monthly_days",
    "monthly_months",
    "next_month_days",
    "monthly_pay_day",
]
Adjustment = Literal["none", "following", "modified_following", "preceding"]


@dataclass(frozen=True, slots=True)
class DueRule:
    """One payment term; which of the numbers count depends on `kind` (see `contract_due`).

    `cutoff_day` and `pay_day` are days of the month; 29 to 31 clamp to the month's end.
    """

    kind: RuleKind
    days: int = 0
    months: int = 0
    cutoff_day: int = MONTH_END
    pay_day: int = MONTH_END
    grace_days: int = 0


@dataclass(frozen=True, slots=True)
class DueDate:
    """The date the contract gives, and the business day it was moved to."""

    contract_due_on: date
    effective_due_on: date


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Rest days and make-up workdays of the years that are loaded; any other year is refused, never guessed."""

    years: frozenset[int]
    rest_days: frozenset[date] = frozenset()
    work_days: frozenset[date] = frozenset()  # weekend days that are worked (调休)

    def is_business_day(self, day: date) -> bool:
        """True when the day is worked; raises DateError for a year that is not loaded."""
        if day.year not in self.years:
            raise DateError(f"no business calendar for {day.year}", hint="Load the State Council notice of that year.")
        if day in self.work_days:
            return True
        return day.weekday() < 5 and day not in self.rest_days


def end_of_month(day: date) -> date:
    """The last day of the date's month."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _day_of_month(month_of: date, day: int) -> date:
    if not 1 <= day <= 31:
        raise DateError(f"{day} is not a day of the month")
    return month_of.replace(day=min(day, calendar.monthrange(month_of.year, month_of.month)[1]))


def _first_at_or_after(base: date, day: int) -> date:
    here = _day_of_month(base, day)
    return here if here >= base else _day_of_month(add_months(base.replace(day=1), 1), day)


def contract_due(rule: DueRule, base_on: date) -> date:
    """The unadjusted due date of a rule counted from its base date.

    `net_days` base + N; `net_months` base + m months (clamped); `eom` end of base month; `days_then_eom` EOM(base + N);
    `eom_plus_days` EOM(base) + N; `days_eom_day` EOM(base + N), then day k of the next month; `day_of_following_month`
    day k of the month after base (MFI); `monthly_days` 月结 N 天: first cut-off at or after base, + N; `monthly_months`
    EOM(cut-off + m months); `next_month_days` 次月结: day 1 of next month + N + grace; `monthly_pay_day` cut-off + N,
    then the next pay day.
    """
    shift = timedelta(days=rule.days)
    match rule.kind:
        case "net_days":
            return base_on + shift
        case "net_months":
            return add_months(base_on, rule.months)
        case "eom":
            return end_of_month(base_on)
        case "days_then_eom":
            return end_of_month(base_on + shift)
        case "eom_plus_days":
            return end_of_month(base_on) + shift
        case "days_eom_day":
            return _day_of_month(end_of_month(base_on + shift) + timedelta(days=1), rule.pay_day)
        case "day_of_following_month":
            return _day_of_month(add_months(base_on.replace(day=1), 1), rule.pay_day)
        case "monthly_days":
            return _first_at_or_after(base_on, rule.cutoff_day) + shift
        case "monthly_months":
            return end_of_month(add_months(_first_at_or_after(base_on, rule.cutoff_day), rule.months))
        case "next_month_days":
            return end_of_month(base_on) + timedelta(days=1) + shift + timedelta(days=rule.grace_days)
        case "monthly_pay_day":
            return _first_at_or_after(_first_at_or_after(base_on, rule.cutoff_day) + shift, rule.pay_day)


def adjust(day: date, how: Adjustment, is_business_day: Callable[[date], bool]) -> date:
    """The business day a due date moves to; `modified_following` never leaves the month."""
    if how == "none":
        return day
    step = timedelta(days=-1 if how == "preceding" else 1)
    moved = _walk(day, step, is_business_day)
    if how == "modified_following" and (moved.year, moved.month) != (day.year, day.month):
        return _walk(day, timedelta(days=-1), is_business_day)
    return moved


def _walk(start: date, step: timedelta, is_business_day: Callable[[date], bool]) -> date:
    day = start
    for _ in range(60):
        if is_business_day(day):
            return day
        day += step
    raise DateError(f"no business day within 60 days of {start}")


def due_date(rule: DueRule, base_on: date, how: Adjustment, is_business_day: Callable[[date], bool]) -> DueDate:
    """Both due dates of a rule: as the contract says, and moved to a business day."""
    day = contract_due(rule, base_on)
    return DueDate(day, adjust(day, how, is_business_day))


def installments(total_minor: int, rows: Sequence[tuple[Decimal, DueRule]], base_on: date) -> list[tuple[date, int]]:
    """(due date, minor units) of a payment plan by shares; parts are rounded down, the last row takes the rest."""
    amounts = split(total_minor, [share for share, _ in rows])
    return [(contract_due(rule, base_on), amount) for (_, rule), amount in zip(rows, amounts, strict=True)]


def discount_until(base_on: date, discount_days: int) -> date:
    """The last bank value date that earns an early-payment discount: 2/10 from 1 March ends on 11 March."""
    return base_on + timedelta(days=discount_days)
