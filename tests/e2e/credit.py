"""Credit of a customer whose business is plain invoices in US dollars: written anew from the receivables reference.

Section 8.1: what share of the money came on time (weight .45 x .50), how late the money came on average (.45 x .30),
where the billing of twelve months stands among all customers (.25 x .70), how long one has bought (.25 x .30). Nobody
here has promises, disputes, instalments or confirmed statements: what is missing is left out and the rest weighs more,
and below half of all weight there is no grade (N). Sub-scores have one decimal. Twelve months are looked at, or
twenty-four where they hold fewer than three payments and debts. Section 8.2: A from 85, B from 70, C from 55, else D.
Section 8.3: hold above the limit or with anything more than 30 days late; watch with anything late. Sums up to 30.00
dollars are not chased (the shipped policy). ADR 0022: the grade rests on the first day of the month, the yardstick
among customers is 101 of their amounts, evenly spread, when there are more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

HOLD_DAYS, NOT_CHASED = 30, 3_000
_TENTH = Decimal("0.1")
_POINTS = 101


@dataclass(frozen=True, slots=True)
class Bill:
    """One bill and the day on which all of it was paid (None: open); cents."""

    issued_on: date
    due_on: date
    paid_on: date | None
    minor: int


def _years_before(day: date, years: int) -> date:
    """The same first day of a month, years ago."""
    return day.replace(year=day.year - years)


def billed(bills: Iterable[Bill], review_on: date) -> int:
    """What was billed in the twelve months before a review."""
    start = _years_before(review_on, 1)
    return sum(bill.minor for bill in bills if start <= bill.issued_on < review_on)


def yardstick(customers: Iterable[Sequence[Bill]], review_on: date) -> list[int]:
    """The billing of all who bought, in order: at most 101 points of it."""
    ordered = sorted(total for bills in customers if (total := billed(bills, review_on)) > 0)
    if len(ordered) <= _POINTS:
        return ordered
    return [ordered[point * (len(ordered) - 1) // 100] for point in range(_POINTS)]


def grade(bills: Sequence[Bill], yard: Sequence[int], review_on: date) -> str:
    """The letter as of a review: what came on the day of the review or later is not known there."""
    facts = _payments(bills, _years_before(review_on, 1), review_on)
    if len(facts) < 3:
        facts = _payments(bills, _years_before(review_on, 2), review_on)
    parts: list[tuple[Decimal, Decimal]] = []  # weight, sub-score
    if money := sum(minor for minor, _ in facts):
        on_time = sum(minor for minor, late in facts if late <= 0)
        days = Fraction(sum(minor * max(0, late) for minor, late in facts), money)
        parts.append((Decimal("0.225"), _score(Fraction(100 * on_time, money))))
        parts.append((Decimal("0.135"), _score(100 - 2 * days)))
    mine = billed(bills, review_on)
    if mine > 0 and yard:
        parts.append((Decimal("0.175"), _score(Fraction(100 * sum(point <= mine for point in yard), len(yard)))))
    first = min(bill.issued_on for bill in bills)
    if first < review_on:
        months = (review_on.year - first.year) * 12 + review_on.month - first.month - (review_on.day < first.day)
        parts.append((Decimal("0.075"), _score(Fraction(100 * min(months, 36), 36))))
    known = sum((weight for weight, _ in parts), Decimal(0))
    if known < Decimal("0.5"):
        return "N"
    total = sum((weight * score for weight, score in parts), Decimal(0)) / known
    points = total.quantize(_TENTH, ROUND_HALF_UP)
    return "A" if points >= 85 else "B" if points >= 70 else "C" if points >= 55 else "D"


def _payments(bills: Sequence[Bill], start: date, review_on: date) -> list[tuple[int, int]]:
    """(money, days late) of what was paid from a day on, and of what was due and not paid by the day of the review."""
    found = []
    for bill in bills:
        if bill.paid_on is not None and bill.paid_on < review_on:
            if bill.paid_on >= start:
                found.append((bill.minor, (bill.paid_on - bill.due_on).days))
        elif bill.due_on < review_on:
            found.append((bill.minor, (review_on - bill.due_on).days))
    return found


def _score(exact: Fraction) -> Decimal:
    """Between 0 and 100, to one decimal."""
    held = min(Fraction(100), max(Fraction(0), exact))
    return (Decimal(held.numerator) / held.denominator).quantize(_TENTH, ROUND_HALF_EVEN)


def status(bills: Sequence[Bill], exposure: int, limit: int | None, today: date) -> tuple[str, list[str]]:
    """ok, watch or hold, and the sentences that say why, in the order in which they are shown."""
    late = [bill for bill in bills if bill.paid_on is None and bill.due_on < today and bill.minor > NOT_CHASED]
    very_late = [bill for bill in late if (today - bill.due_on).days > HOLD_DAYS]
    reasons = []
    if limit is not None and exposure > limit:
        reasons.append(f"exposure {_usd(exposure)} is over the limit {_usd(limit)}")
    if very_late:
        reasons.append(f"overdue more than {HOLD_DAYS} days: {_owed(very_late)}")
    if reasons:
        return "hold", reasons
    return ("watch", [f"overdue: {_owed(late)}"]) if late else ("ok", [])


def _owed(bills: Sequence[Bill]) -> str:
    return f"{_usd(sum(bill.minor for bill in bills))} (oldest due {min(bill.due_on for bill in bills)})"


def _usd(minor: int) -> str:
    return f"{Decimal(minor).scaleb(-2):,.2f} USD"
