"""Answers for every conflict of a shape: which, what they would answer, which stand."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from tieout.web.schemas.base import Id, In, Out, PageQuery
from tieout.web.schemas.bulk import BulkTotal
from tieout.web.schemas.work import AnswerText

RuleAction = Literal["leave", "map"]
RuleState = Literal["active", "ended"]


class RuleQuery(PageQuery):
    """Filters of the list of rules."""

    state: RuleState | None = None


class RuleWishIn(In):
    """An open conflict and the answer that shall be given to all of its shape."""

    conflict: Id = Field(examples=["cfl_01jd5m9p2k7x8n4q3r6s1t"])
    action: RuleAction = Field(
        description="leave: unlinked documents of this kind, where the books suggest nothing; "
        "map: this value of this field means `target`."
    )
    target: Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        "", description="For map: one of the words that `GET /v1/conflict-rules/offers/{conflict}` gives."
    )

    def wish(self) -> dict[str, Any]:
        """What the desk takes."""
        return {"conflict": self.conflict, "action": self.action, "target": self.target}


class RuleIn(RuleWishIn):
    """The same with the digest of its preview."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{16,64}$")]
    note: AnswerText = Field("", description="Why, for those who come later.")


class RuleEndIn(In):
    """Why a rule is ended."""

    note: AnswerText = ""


class Shape(Out):
    """What the conflicts have in common."""

    kind: str
    connection: str
    stream: str
    field: str = Field(description="Source path of the value; for unlinked documents the kind of document.")
    value: str


class RuleLine(Out):
    """An open conflict that the rule would answer; `why_not` says why its record would still not be read."""

    id: str
    title: str
    kind: str
    currency: str | None
    money_minor: int
    why_not: str


class RulePreview(Out):
    """What would happen now; `rows` shows at most 200, the figures count all."""

    conflict: str
    shape: Shape
    action: RuleAction
    target: str
    rows: list[RuleLine]
    answered: int
    skipped: int = Field(description="How many of them would be answered and still not be read.")
    totals: list[BulkTotal]
    digest: str


class RuleOffer(Out):
    """An answer that may be made a rule; for map with the words to choose from."""

    action: RuleAction
    targets: list[str]


class RuleOffers(Out):
    """Empty where each conflict has to be looked at by itself."""

    offers: list[RuleOffer]


class Rule(Out):
    """One answer for every conflict of a shape."""

    id: str = Field(examples=["rul_01jd5m9p2k7x8n4q3r6s1t"])
    kind: str
    connection: str
    stream: str
    field: str
    value: str
    action: RuleAction
    target: str
    note: str
    author: str
    at: datetime
    state: RuleState
    ended_by: str | None
    ended_at: datetime | None
    end_note: str
    undone: int = Field(description="Records that were taken back when it ended.")
    answered: int = Field(description="Conflicts that stand answered by it.")
    records: int = Field(description="Records that are read by it now.")
