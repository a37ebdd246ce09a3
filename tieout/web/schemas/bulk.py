"""Many conflicts at once: which, how, what would happen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tieout.web.schemas.base import Id, In, Name, Out, Words
from tieout.web.schemas.work import AnswerText, ConflictKind


class BulkWishIn(In):
    """Which conflicts (named, or the open ones of a filter; at most 200) and how each is answered."""

    how: Literal["suggested", "leave"] = Field(
        description="suggested: the first suggestion, where it is ahead of the others and nothing contradicts it; "
        "leave: left as it is."
    )
    ids: Annotated[list[Id], Field(max_length=200)] = Field([], examples=[["cfl_01jd5m9p2k7x8n4q3r6s1t"]])
    kind: ConflictKind | None = None
    connection: Name | None = None
    q: Words | None = None

    def wish(self) -> dict[str, Any]:
        """The arguments of `BulkWish`."""
        return {"how": self.how, "ids": tuple(self.ids), "kind": self.kind, "connection": self.connection, "q": self.q}


class BulkIn(BulkWishIn):
    """The same with the digest of its preview."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{16,64}$")]
    note: AnswerText = Field("", description="Why, for those who come later.")


class BulkLine(Out):
    """One conflict and its answer; `why_not` is empty where it would be answered."""

    id: str
    title: str
    kind: str
    action: str
    target: str
    label: str
    points: str | None
    reasons: Any
    contradictions: list[str] = Field(description="Reasons that no other evidence outweighs; such a line is skipped.")
    blocks_balance: bool
    currency: str | None
    money_minor: int
    why_not: Literal["", "closed", "no_suggestion", "contradicted", "tie", "not_possible"]


class BulkTotal(Out):
    """Money at stake in what would be answered."""

    currency: str
    money_minor: int


class BulkPreview(Out):
    """What would happen."""

    how: str
    rows: list[BulkLine]
    answered: int
    skipped: int
    unblocked: int = Field(description="How many of the answered ones block a balance now.")
    totals: list[BulkTotal]
    digest: str
