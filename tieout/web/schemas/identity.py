"""Why two party records are one customer, or are not."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tieout.web.schemas.base import Out, Query

Member = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]


class WhyQuery(Query):
    """The two records: an account id, or connection/stream/id of a CRM record."""

    left: Member = Field(examples=["acc_01jd5m9p2k7x8n4q3r6s1t"])
    right: Member = Field(examples=["zoho/customers/5725767000001000007"])


class Side(Out):
    """One record, as its source tells it, and the customer it belongs to."""

    member: str
    names: list[str]
    tax_ids: list[str]
    phone: str
    website: str
    city: str
    address: str
    country: str
    customer_id: str | None
    rule: str | None = Field(description="The rule that put it there.")


class Finding(Out):
    """One finding with both values and its weight in hundredths of a natural unit of log-odds."""

    code: str
    mine: str
    theirs: str
    ref: str
    weight: int


class Said(Out):
    """An answer of a person that stands."""

    subject: str
    action: str
    target: str
    actor: str
    at: datetime
    conflict_id: str | None


class Why(Out):
    """The judgement on the two records alone. Weights and prior sum to the score."""

    left: Side
    right: Side
    same_customer: bool = Field(description="Whether both belong to one customer now.")
    outcome: Literal["link", "review", "separate"]
    rule: str = Field(description="The sufficient rule, or nothing.")
    against: str = Field(description="What stands against a link, or nothing.")
    score: int
    needed: int
    prior: int
    rule_version: str
    reasons: list[Finding]
    answers: list[Said]
