"""Reports: what can be asked for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tieout.web.schemas.base import Day, Id, Name, Out, Query

ReportName = Literal["aging", "statement", "cash", "credit", "dunning", "reconcile"]
KnownPoint = Annotated[
    str,
    Field(
        pattern=r"^(\d{1,15}(\.\d{1,15})?|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2}))$",
        examples=["12.345", "2026-11-02T00:00:00Z"],
    ),
]


class ReportQuery(Query):
    """The day, the point of knowledge, what it is narrowed to, and how it is rendered."""

    as_of: Day | None = Field(None, description="The effective date; today when left out.")
    known_at: KnownPoint | None = Field(None, description="A point (12.345) or an instant; all that is known.")
    format: Literal["json", "csv", "xlsx", "html", "pdf"] = "json"
    language: Literal["zh-CN", "en"] | None = None
    company: Name | None = None
    customer: Id | None = None
    since: Day | None = Field(None, description="Where a statement or log begins; three months back when left out.")
    table: Name | None = Field(None, description="The table of a CSV; the first when left out.")


class ReportLine(Out):
    """One report."""

    name: str
    about: str
    about_zh: str


class ReportList(Out):
    """All reports."""

    items: list[ReportLine]
