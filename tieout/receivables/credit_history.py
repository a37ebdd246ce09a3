"""How a customer has paid, bought and kept its word before a review: the sub-scores of the credit score.

Source: receivables reference, section 8.1. Amounts of different currencies are never added: a share is taken per
currency and the currencies are weighted by how many rows each has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from tieout.core.dates import add_months
from tieout.receivables.credit_score import days_late_score, tenure_score

HISTORY_VERSION = "credit-history-1"
WINDOW_MONTHS, LONG_WINDOW_MONTHS = 12, 24
FEW_ROWS = 3  # fewer in twelve months: twenty-four are looked at
POINTS = 101  # quantiles of a yardstick
_HUNDRED = Decimal(100)
_TENTH = Decimal("0.1")


class Due(msgspec.Struct, frozen=True):
    """An instalment and what was paid on it, when: `(day, minor units)`; `is_plan` = one of several of its document."""

    item_id: str
    currency: str
    due_on: date
    amount_minor: int
    paid: Sequence[tuple[date, int]] = ()
    is_plan: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """Facts before a review; shares as (kept, all) in whatever unit each is counted."""

    dues: Sequence[Due] = ()
    billing: Mapping[str, int] = field(default_factory=dict)  # 12 months before the review, by currency
    bills: Mapping[str, int] = field(default_factory=dict)  # how many documents that is
    first_on: date | None = None
    promises: tuple[int, int] = (0, 0)
    disputes: tuple[int, int] = (0, 0)


def quantiles(amounts: Sequence[int]) -> list[int]:
    """The amounts in order, or 101 of them evenly spread when there are more."""
    ordered = sorted(amounts)
    if len(ordered) <= POINTS:
        return ordered
    return [ordered[index * (len(ordered) - 1) // (POINTS - 1)] for index in range(POINTS)]


def sub_scores(
    history: History, yardstick: Mapping[str, Sequence[int]], review_on: date
) -> tuple[dict[str, Decimal], dict[str, Any]]:
    """The sub-scores that are known (0 to 100, one decimal) and the facts they were made of.

    What was paid on the review day or later does not count; an instalment that was due before it and is not paid counts
    as late by the days until the review. `yardstick` holds what customers bought in the twelve months, per currency.
    """
    months = WINDOW_MONTHS
    rows = _rows(history.dues, add_months(review_on, -months), review_on)
    if len(rows) < FEW_ROWS:
        months = LONG_WINDOW_MONTHS
        rows = _rows(history.dues, add_months(review_on, -months), review_on)
    out: dict[str, Decimal] = {}
    if rows:
        out["on_time_share"] = _weighted(rows, lambda late: 100 if late <= 0 else 0)
        weighted_days = _weighted(rows, lambda late: max(0, late), places=None)
        out["days_late"] = _round(days_late_score(weighted_days))
    plans = [due for due in history.dues if due.is_plan and add_months(review_on, -months) <= due.due_on < review_on]
    kept = sum(sum(amount for on, amount in due.paid if on <= due.due_on) >= due.amount_minor for due in plans)
    for name, (good, every) in (
        ("plan_rows_kept", (kept, len(plans))),
        ("promises_kept", history.promises),
        ("disputes_not_lost", history.disputes),
    ):
        if every:
            out[name] = _round(_HUNDRED * good / every)
    if history.first_on is not None and history.first_on < review_on:
        out["tenure"] = _round(tenure_score(_months(history.first_on, review_on)))
    shares = [
        (
            _HUNDRED * sum(point <= amount for point in yardstick[code]) / len(yardstick[code]),
            history.bills.get(code, 1),
        )
        for code, amount in sorted(history.billing.items())
        if yardstick.get(code) and amount > 0
    ]
    if shares:
        out["billing_percentile"] = _round(
            sum((share * count for share, count in shares), Decimal(0)) / sum(count for _, count in shares)
        )
    facts = {
        "review_on": review_on,
        "months": months,
        "rows": len(rows),
        "plan_rows": [kept, len(plans)],
        "promises": list(history.promises),
        "disputes": list(history.disputes),
        "billing": dict(sorted(history.billing.items())),
        "first_on": history.first_on,
        "rule": HISTORY_VERSION,
    }
    return out, facts


def _rows(dues: Sequence[Due], start: date, review_on: date) -> list[tuple[str, int, int]]:
    """(currency, amount, days late) of everything paid in the window, and of what was due and not paid."""
    out: list[tuple[str, int, int]] = []
    for due in dues:
        before = 0
        if due.paid:
            before = sum(amount for on, amount in due.paid if on < review_on)
            out += [
                (due.currency, amount, (on - due.due_on).days)
                for on, amount in due.paid
                if start <= on < review_on and amount > 0
            ]
        if due.due_on < review_on and due.amount_minor > before:
            out.append((due.currency, due.amount_minor - before, (review_on - due.due_on).days))
    return out


def _weighted(
    rows: Sequence[tuple[str, int, int]], value: Callable[[int], int], *, places: Decimal | None = _TENTH
) -> Decimal:
    per: dict[str, tuple[int, int, int]] = {}
    for code, amount, late in rows:
        total, weight, count = per.get(code, (0, 0, 0))
        per[code] = (total + value(late) * amount, weight + amount, count + 1)
    number = sum(count for _, _, count in per.values())
    shares = (Decimal(total) / weight * count for _, (total, weight, count) in sorted(per.items()))
    mixed = sum(shares, Decimal(0)) / number
    return mixed if places is None else _round(mixed)


def _round(value: Decimal) -> Decimal:
    return min(_HUNDRED, max(Decimal(0), value)).quantize(_TENTH)


def _months(start: date, end: date) -> int:
    months = (end.year - start.year) * 12 + end.month - start.month
    return months - 1 if end.day < start.day else months
