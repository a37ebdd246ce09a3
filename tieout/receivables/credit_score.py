"""Credit score and grade from payment history, transaction amount and contract performance.

Source: receivables reference, section 8.1 (weights, reweighting, confidence) and 8.2 (grades).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

SCORE_VERSION = "credit-score-1"

Grade = Literal["A", "B", "C", "D", "N"]

# component: weight, then its sub-scores with their weight inside the component
WEIGHTS: Mapping[str, tuple[Decimal, Mapping[str, Decimal]]] = {
    "payment_history": (
        Decimal("0.45"),
        {"on_time_share": Decimal("0.50"), "days_late": Decimal("0.30"), "promises_kept": Decimal("0.20")},
    ),
    "transaction_amount": (
        Decimal("0.25"),
        {"billing_percentile": Decimal("0.70"), "tenure": Decimal("0.30")},
    ),
    "contract_performance": (
        Decimal("0.30"),
        {
            "plan_rows_kept": Decimal("0.50"),
            "disputes_not_lost": Decimal("0.20"),
            "statements_in_time": Decimal("0.30"),
        },
    ),
}
_FLAT: Mapping[str, Decimal] = {
    name: weight * inner for weight, group in WEIGHTS.values() for name, inner in group.items()
}
MIN_CONFIDENCE = Decimal("0.5")
_FLOORS: Sequence[tuple[Grade, int]] = (("A", 85), ("B", 70), ("C", 55), ("D", 0))
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class ScoreDecision:
    """`score` 0 to 100 with one decimal (None = not enough known), its grade, and what each sub-score contributed."""

    grade: Grade
    score: Decimal | None
    confidence: Decimal
    contributions: Mapping[str, Decimal]
    missing: Sequence[str]
    rule_version: str = SCORE_VERSION


def days_late_score(weighted_days_late: Decimal) -> Decimal:
    """100 less two points per weighted day late, never below 0."""
    return max(Decimal(0), _HUNDRED - 2 * weighted_days_late)


def tenure_score(months: int) -> Decimal:
    """Full marks after 36 months as a customer."""
    return min(Decimal(months) / 36, Decimal(1)) * _HUNDRED


def credit_score(sub_scores: Mapping[str, Decimal], *, cap_at_d: bool = False) -> ScoreDecision:
    """Weighted score of the sub-scores that are known (0 to 100 each), the rest reweighted.

    `confidence` is the share of weight that is present; below 0.5 the grade is N (new), not a guess. `cap_at_d` is a
    hard override (insolvency, litigation, bounced payment). Unknown names and values out of range raise ValueError.
    """
    for name, value in sub_scores.items():
        if name not in _FLAT or not 0 <= value <= 100:
            raise ValueError(f"sub-score {name!r} = {value} is unknown or not within 0 to 100")
    present = {name: weight for name, weight in _FLAT.items() if name in sub_scores}
    missing = tuple(name for name in _FLAT if name not in sub_scores)
    confidence = sum(present.values(), Decimal(0))
    if confidence < MIN_CONFIDENCE:
        return ScoreDecision("D" if cap_at_d else "N", None, confidence, {}, missing)
    parts = {name: sub_scores[name] * weight / confidence for name, weight in present.items()}
    score = sum(parts.values(), Decimal(0)).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
    grade: Grade = "D" if cap_at_d else next(code for code, floor in _FLOORS if score >= floor)
    ranked = dict(sorted(parts.items(), key=lambda part: (-part[1], part[0])))
    return ScoreDecision(grade, score, confidence, ranked, missing)
