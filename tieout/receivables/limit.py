"""Credit limits: what a person set, what the books state, else a base from average monthly billing and the grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from tieout.core.money import round_minor, to_decimal
from tieout.receivables.credit_score import Grade

LIMIT_VERSION = "limit-1"

FACTORS: Mapping[Grade, Decimal] = {"A": Decimal("1.5"), "B": Decimal("1.2"), "C": Decimal("0.8"), "D": Decimal(0)}


@dataclass(frozen=True, slots=True)
class LimitDecision:
    """A limit in functional minor units (None = not known) with where it came from."""

    limit_minor: int | None
    currency: str
    source: Literal["explicit", "computed", "new_customer", "unknown"]
    grade: Grade
    inputs: Mapping[str, Any] = field(default_factory=dict)
    rule_version: str = LIMIT_VERSION


def credit_limit(
    currency: str,
    grade: Grade,
    *,
    explicit_minor: int | None = None,
    average_monthly_billing_minor: int | None = None,
    terms_months: Decimal | None = None,
    new_customer_minor: int | None = None,
) -> LimitDecision:
    """The explicit limit, else average monthly billing (12 months) × terms in months × the grade's factor.

    Factors: A 1.5, B 1.2, C 0.8, D 0 (prepay). Grade N takes the small fixed limit for new customers if one is set.
    `terms_months` is how many months of billing are open at once (月结30 = period of up to 1 month + 30 days = 2).
    Source: receivables reference, section 8.2.
    """
    inputs = {
        "explicit_minor": explicit_minor,
        "average_monthly_billing_minor": average_monthly_billing_minor,
        "terms_months": terms_months,
        "new_customer_minor": new_customer_minor,
    }
    if explicit_minor is not None:
        return LimitDecision(explicit_minor, currency, "explicit", grade, inputs)
    if grade == "N":
        source: Literal["new_customer", "unknown"] = "unknown" if new_customer_minor is None else "new_customer"
        return LimitDecision(new_customer_minor, currency, source, grade, inputs)
    if average_monthly_billing_minor is None or terms_months is None:
        return LimitDecision(
            0 if grade == "D" else None, currency, "computed" if grade == "D" else "unknown", grade, inputs
        )
    base = to_decimal(average_monthly_billing_minor, currency) * terms_months * FACTORS[grade]
    return LimitDecision(max(0, round_minor(base, currency)), currency, "computed", grade, inputs)


CHOICE_VERSION = "limit-choice-1"


@dataclass(frozen=True, slots=True)
class SetLimit:
    """A limit that a person set and another approved; counts from `valid_from` to `valid_until` (None = open end)."""

    id: str
    currency: str
    amount_minor: int
    seq: int  # a later statement goes before an earlier one
    valid_from: date | None = None
    valid_until: date | None = None
    author: str = ""
    approver: str = ""


@dataclass(frozen=True, slots=True)
class BookLimit:
    """What the book of record states for one account: a permanent limit, and a temporary one for some days.

    `amount_minor` None = no amount stated. `is_managed` False = the books do not check credit for this customer.
    """

    ref: str
    account_id: str
    currency: str
    amount_minor: int | None
    temporary_minor: int = 0
    temporary_from: date | None = None
    temporary_until: date | None = None
    is_managed: bool = True


@dataclass(frozen=True, slots=True)
class LimitChoice:
    """Limits in force by currency (empty = none known), where they came from, and the day on which that changes."""

    amounts: Mapping[str, int]
    source: Literal["person", "book_of_record", "none"]
    inputs: Mapping[str, Any]
    next_change_on: date | None
    rule_version: str = CHOICE_VERSION


def limit_in_force(people: Sequence[SetLimit], books: Sequence[BookLimit], as_of: date) -> LimitChoice:
    """The limit that counts on a day.

    A person's limit in force goes before what the books state, the latest one first; it is for the whole customer.
    Else the limits that the books state for its accounts are added per currency, temporary ones on their days. An
    account whose credit the books do not check states nothing. Source: receivables reference, section 8.2; accounting
    reference, section 9.4 (permanent and temporary limit).
    """
    days: list[date] = []
    for person in people:
        days += _edges(person.valid_from, person.valid_until)
    amounts: dict[str, int] = {}
    stated: list[list[Any]] = []
    unmanaged = {book.account_id for book in books if not book.is_managed}
    for book in sorted(books, key=lambda one: one.ref):
        if book.account_id in unmanaged:
            stated.append([book.ref, "not_managed"])
            continue
        days += _edges(book.temporary_from, book.temporary_until) if book.temporary_minor else []
        amount = book.amount_minor
        if book.temporary_minor and _in_force(book.temporary_from, book.temporary_until, as_of):
            amount = (amount or 0) + book.temporary_minor
        stated.append([book.ref, book.currency, amount])
        if amount is not None:
            amounts[book.currency] = amounts.get(book.currency, 0) + amount
    coming = min((day for day in days if day > as_of), default=None)
    standing = [one for one in people if _in_force(one.valid_from, one.valid_until, as_of)]
    if standing:
        chosen = max(standing, key=lambda one: one.seq)
        inputs = {
            "source": "person",
            "id": chosen.id,
            "author": chosen.author,
            "approver": chosen.approver,
            "amount": [chosen.currency, chosen.amount_minor],
            "passed_over": [one.id for one in sorted(standing, key=lambda one: -one.seq)[1:]],
            "books": stated,
        }
        return LimitChoice({chosen.currency: chosen.amount_minor}, "person", inputs, coming)
    source: Literal["book_of_record", "none"] = "book_of_record" if amounts else "none"
    return LimitChoice(dict(sorted(amounts.items())), source, {"source": source, "books": stated}, coming)


def _in_force(start: date | None, end: date | None, as_of: date) -> bool:
    return (start is None or start <= as_of) and (end is None or as_of <= end)


def _edges(start: date | None, end: date | None) -> list[date]:
    """The days on which a period begins to count and on which it no longer does."""
    return ([start] if start else []) + ([end + timedelta(days=1)] if end else [])
