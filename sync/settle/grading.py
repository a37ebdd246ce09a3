"""Score, grade and suggested limit of customers, as of the last monthly review of their company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sync.fold.batch import Batch
from sync.settle.cases import CaseView
from sync.settle.credit_history import histories, yardstick_of
from sync.settle.decisions import day
from sync.settle.positions import Position
from tieout.receivables.credit_history import History, sub_scores
from tieout.receivables.credit_score import Grade, ScoreDecision, credit_score
from tieout.receivables.grade import GRADE_VERSION, GradeState, stable_grade

# Months of billing open at once under the terms of a grade (receivables reference, section 8.2): A 60 days after the
# month, B 30 days after the month, C 15 days; D and N buy against prepayment.
TERMS_MONTHS: Mapping[Grade, Decimal] = {"A": Decimal(3), "B": Decimal(2), "C": Decimal("0.5")}


@dataclass(frozen=True, slots=True)
class Graded:
    """The standing grade with the score behind it; `facts` and `sub_scores` are inputs of the decision."""

    state: GradeState
    score: ScoreDecision
    facts: Mapping[str, Any]
    sub_scores: Mapping[str, Decimal]
    billing: Mapping[str, int]

    def body(self) -> dict[str, Any]:
        """What a decision keeps and shows: contributions in the order of their weight in the score."""
        return {
            "grade": self.state.grade,
            "score": self.score.score,
            "confidence": self.score.confidence,
            "contributions": {name: round(value, 2) for name, value in self.score.contributions.items()},
            "missing_sub_scores": list(self.score.missing),
            "review_on": self.state.review_on,
            "better_since": self.state.better_since,
        }

    def inputs(self) -> dict[str, Any]:
        return {
            **self.facts,
            "sub_scores": dict(self.sub_scores),
            "rules": [self.score.rule_version, GRADE_VERSION],
        }


def _in_court(position: Position, view: CaseView, on: date) -> bool:
    """A case that went to law caps the grade at D, whatever the score says (receivables reference, section 8.1)."""
    if not view.blocks:
        return False
    blocks = [block for ref in position.refs for block in view.blocks.get(ref, ())]
    return any(block.kind == "legal" and block.holds(on) for block in blocks)


def grade_customers(
    batch: Batch, positions: Sequence[Position], held: Mapping[str, Mapping[Any, Any]], view: CaseView
) -> dict[str, Graded]:
    """By `customer|company`; before the first review of a company everybody is new (N)."""
    yards = {company: yardstick_of(batch, company) for company in sorted({one.company for one in positions})}
    reviews = {company: yard[0] for company, yard in yards.items() if yard is not None}
    known = histories(batch, positions, reviews, view)
    out: dict[str, Graded] = {}
    for one in positions:
        history, yard = known.get(one.key, History()), yards[one.company]
        review: date | None = None
        scores: dict[str, Decimal] = {}
        facts: dict[str, Any] = {}
        if yard is not None and one.key in known:
            review = yard[0]
            scores, facts = sub_scores(history, yard[1], review)
        in_court = _in_court(one, view, batch.on[one.company])
        score = credit_score(scores, cap_at_d=in_court)
        facts = {**facts, "in_court": in_court}
        before = held.get(one.key)
        previous = None
        if before is not None and before["body"].get("review_on"):
            body = before["body"]
            previous = GradeState(body["grade"], day(body["review_on"]), day(body.get("better_since")))
        state = stable_grade(previous, score, review)
        out[one.key] = Graded(state, score, facts, scores, history.billing)
    return out
