"""The grade that stands: down at once, up only after two reviews in a row or by five points.

Source: receivables reference, section 8.2 (stability band).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tieout.receivables.credit_score import Grade, ScoreDecision

GRADE_VERSION = "grade-1"
BAND = Decimal(5)
_FLOORS = {"A": Decimal(85), "B": Decimal(70), "C": Decimal(55), "D": Decimal(0)}
_RANK = {"D": 0, "C": 1, "B": 2, "A": 3}


@dataclass(frozen=True, slots=True)
class GradeState:
    """The standing grade, and the review at which a better one was first reached and not yet given."""

    grade: Grade
    review_on: date | None
    better_since: date | None = None


def stable_grade(previous: GradeState | None, score: ScoreDecision, review_on: date | None) -> GradeState:
    """The grade after a review; the same review again (late facts) may lower it, never raise it by repetition.

    A new customer (N) is graded as soon as enough is known; one of whom too little is known any more becomes N.
    """
    reached = score.grade
    if previous is None or reached == "N" or previous.grade == "N":
        return GradeState(reached, review_on)
    if _RANK[reached] <= _RANK[previous.grade]:
        return GradeState(reached, review_on)
    clear = score.score is not None and score.score >= _FLOORS[reached] + BAND
    since = previous.better_since
    repeated = since is not None and review_on is not None and since < review_on
    if clear or repeated:
        return GradeState(reached, review_on)
    return GradeState(previous.grade, review_on, since or review_on)
