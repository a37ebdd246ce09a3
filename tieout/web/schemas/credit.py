"""Credit limits, overrides and exchange rates."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from tieout.web.schemas.base import CurrencyCode, Day, Flag, In, Name, Out, PageQuery, Party, Query

Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]
Minor = Annotated[int, Field(ge=0, le=10**15, description="Integer minor units.", examples=[50000000])]
# Strict models take dates as JSON has them: text.
DayIn = Annotated[Day, Field(strict=False)]
RateText = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,12})?$", examples=["7.1205"])]
RateId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,200}$", examples=["_all.USD.CNY.2026-11-01"])]


class TermQuery(PageQuery):
    """Filters of the list of credit orders."""

    state: Literal["waiting", "active", "withdrawn"] | None = None


class RateQuery(PageQuery):
    """Filters of the list of rates."""

    base: CurrencyCode | None = None
    quote: CurrencyCode | None = None
    current: Flag = Field(False, description="true = only those begun and not ended today.")


class PolicyQuery(Query):
    """Which company."""

    company: Name | None = None


class LimitIn(In):
    """A credit limit to be approved by another person."""

    amount_minor: Minor
    currency: CurrencyCode
    reason: Reason
    company: Name | None = Field(None, description="Needed when several companies are configured.")
    valid_from: DayIn | None = None
    valid_until: DayIn | None = None


class OverrideIn(In):
    """A credit status set by hand; ok and watch need an amount and another person's approval."""

    status: Literal["ok", "watch", "hold"]
    valid_until: DayIn
    reason: Reason
    company: Name | None = None
    amount_minor: Minor | None = Field(None, description="Exposure up to which it counts.")
    currency: CurrencyCode | None = None


class EndIn(In):
    """Why an order is taken back."""

    reason: Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class TermDone(Out):
    """What became of an order."""

    id: str
    state: Literal["waiting", "active", "withdrawn"]
    customer: str | None = None


class Term(Out):
    """A limit or an override that a person ordered."""

    id: str = Field(examples=["ctm_0000001z4"])
    kind: Literal["limit", "override", "policy"]
    customer_id: str | None
    company_id: str
    currency: str
    amount_minor: int | None
    status: str
    valid_from: date | None
    valid_until: date | None
    reason: str
    state: Literal["waiting", "active", "withdrawn"]
    author: str
    asked_at: datetime
    approver: str
    approved_at: datetime | None
    ended_by: str
    ended_at: datetime | None
    end_reason: str
    body: dict[str, Any] | None = Field(description="The thresholds of a policy.")


Percent = Annotated[int, Field(ge=1, le=1000)]


class PolicyValues(In):
    """Thresholds that differ from the shipped ones."""

    hold_above_percent: Percent | None = Field(None, description="Hold when exposure is above so much of the limit.")
    release_at_percent: Percent | None = Field(None, description="A hold ends at or below it.")
    watch_above_percent: Percent | None = Field(None, description="Early warning; null = none.")
    hold_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    min_days_on_hold: Annotated[int, Field(ge=0, le=365)] | None = None
    max_broken_promises: Annotated[int, Field(ge=1, le=1000)] | None = None
    min_overdue_minor: dict[CurrencyCode, Minor] | None = Field(None, description="Amounts up to it do not count.")


class PolicyIn(In):
    """A credit policy to be approved by another person; `dry_run` only shows what it would change."""

    values: PolicyValues
    reason: Reason
    company: Name | None = None
    dry_run: bool = False


class Policy(Out):
    """The thresholds in force."""

    company: str
    version: str
    hold_above_percent: int
    release_at_percent: int
    watch_above_percent: int | None
    hold_days: int
    min_days_on_hold: int
    max_broken_promises: int
    min_overdue_minor: dict[str, int]


class PolicyDone(Out):
    """What was ordered, and whose status it would change."""

    id: str
    state: Literal["waiting", "preview"]
    company: str
    version: str
    approve_within_days: int
    effect: dict[str, Any] = Field(description="customers, moves (how many from what to what), examples.")


class BookLimit(Out):
    """What the book of record states for one account."""

    connection: str
    stream: str
    external_id: str
    party_ref: str
    account_id: str
    company_id: str
    currency: str
    amount_minor: int | None
    temporary_minor: int
    temporary_from: date | None
    temporary_until: date | None
    is_managed: bool


class CreditDecision(Out):
    """A standing credit decision."""

    id: str
    company_id: str
    value: Literal["ok", "watch", "hold"]
    reasons: Any
    body: Any
    inputs: Any
    rule_version: str
    effective_on: date
    recorded_at: datetime


class Credit(Out):
    """A customer's credit with everything behind it."""

    customer: Party
    credit: list[CreditDecision]
    books: list[BookLimit]
    orders: list[Term]


class RateIn(In):
    """One unit of `base` is `rate` units of `quote` from `on`, to `until` or for 31 days."""

    base: CurrencyCode
    quote: CurrencyCode
    rate: RateText
    on: DayIn
    until: DayIn | None = None


class RatesIn(In):
    """Rates to be stated together: all or none."""

    rates: list[RateIn] = Field(min_length=1, max_length=1000)
    source: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")] = "api"
    company: Name | None = Field(None, description="null = every company.")


class RatesDone(Out):
    """How many rates were new."""

    stated: int
    unchanged: int
    ids: list[str]


class Rate(Out):
    """A rate that stands."""

    id: str
    company_id: str = Field(description="Empty: every company.")
    base: str
    quote: str
    rate: str = Field(examples=["7.1205"])
    rate_on: date
    until_on: date | None
    source: str


class RateDone(Out):
    """What became of a rate."""

    id: str
    state: Literal["withdrawn"]
