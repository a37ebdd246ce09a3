"""Credit limits: what a person set, else a base from average monthly billing and the grade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
