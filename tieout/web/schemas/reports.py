"""Reports: what can be asked for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tieout.web.schemas.base import Day, Id, KnownPoint, Name, Out, Query

ReportName = Literal["aging", "statement", "cash", "credit", "dunning", "reconcile"]


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
