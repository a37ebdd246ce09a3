"""What people said of who is who."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tieout.web.schemas.base import In, Out, PageQuery
from tieout.web.schemas.regrouping import Member, Reason

Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class AnswerQuery(PageQuery):
    """Which standing answers: by action, by who gave them, by a member or customer that they name."""

    action: Literal["link", "separate", "leave"] | None = None
    actor: Word | None = Field(default=None, examples=["user:mei"])
    about: Member | None = Field(default=None, examples=["zoho/customers/4876876000000333001"])


class Answer(Out):
    """One standing answer; `seq` names it. Those of one `act` were given, and are taken back, together."""

    seq: int
    action: str = Field(description="link, separate, leave, branch_of or member_of_group.")
    subject: str
    subject_name: str
    target: str
    target_name: str
    actor: str
    at: datetime
    reason: str
    conflict_id: str | None = Field(description="The question that it answers; null where it was given by hand.")
    act: str


class UndoIn(In):
    """Why an answer is taken back."""

    reason: Reason = ""
