"""Disputes, promises, plans, pauses, contacts, and dunning."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from tieout.web.schemas.base import CurrencyCode, Day, Flag, Id, In, Name, Out, PageQuery, Query
from tieout.web.schemas.credit import DayIn, Minor, Reason

Kind = Literal["dispute", "promise", "plan", "pause", "contact"]
Note = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Short = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
# Ids of invoices, or of one instalment of an invoice (`inv_…:line`).
ItemRef = Annotated[str, Field(pattern=r"^[A-Za-z0-9_:.|-]{1,200}$", examples=["inv_0000009vn0002:1"])]
Items = Annotated[list[ItemRef], Field(max_length=200)]
Days = Annotated[int, Field(ge=0, le=120)]
PolicyText = Annotated[str, Field(min_length=1, max_length=65536, pattern=r"^[^\x00]*$", description="YAML.")]


class CaseQuery(PageQuery):
    """Filters of the list of cases."""

    kind: Kind | None = None
    customer: Id | None = None
    invoice: Id | None = None
    open: Flag | None = Field(None, description="true = those nobody has closed.")


class DisputeIn(In):
    """A dispute; without an amount all of it is disputed."""

    reason: Literal[
        "pricing", "quantity", "quality", "not_received", "wrong_recipient", "duplicate", "already_paid", "discount",
        "milestone", "deduction", "bank_charges", "late_fee", "other",
    ]  # fmt: skip
    amount_minor: Minor | None = None
    item: ItemRef | None = Field(None, description="Which instalment, where there are several.")
    note: Note = ""


class PromiseIn(In):
    """A promise to pay; without items all open ones, without an amount all that is open on them."""

    promised_on: DayIn
    amount_minor: Minor | None = None
    currency: CurrencyCode | None = None
    items: Items = Field(default_factory=list)
    tolerance_days: Days | None = Field(None, description="The policy's if left out.")
    company: Name | None = Field(None, description="Needed when several companies are configured.")
    by: Short = Field("", description="Who promised.")
    channel: Short = Field("", description="How: phone, e-mail, visit.")
    note: Note = ""


class PlanRowIn(In):
    """One instalment."""

    due_on: DayIn
    amount_minor: Minor


class PaymentPlanIn(In):
    """Instalments that sum to what is open on the items."""

    rows: Annotated[list[PlanRowIn], Field(min_length=1, max_length=60)]
    items: Items = Field(default_factory=list)
    currency: CurrencyCode | None = None
    grace_days: Days | None = None
    company: Name | None = None
    note: Note = ""


class PauseIn(In):
    """No dunning until a day (included); only a legal pause may have no end."""

    reason: Reason
    until_on: DayIn | None = None
    legal: bool = False
    items: Items = Field(default_factory=list)
    company: Name | None = None


class ContactIn(In):
    """Whom to write to, in which language, or that nobody may be written to."""

    emails: Annotated[list[Annotated[str, Field(max_length=254)]], Field(max_length=5)] = Field(default_factory=list)
    language: Literal["", "zh-CN", "en"] = ""
    may_write: bool = True
    company: Name | None = None
    note: Note = ""


class CloseIn(In):
    """How a case ends; a settled dispute names its root cause and the team responsible."""

    outcome: Literal["accepted", "rejected", "partial", "withdrawn", "cancelled"]
    root_cause: Short = ""
    team: Short = ""
    accepted_minor: Minor | None = Field(None, description="For `partial`: what is accepted.")
    pay_by_on: DayIn | None = Field(None, description="New pay-by date of what is rejected.")
    note: Note = ""


class CaseDone(Out):
    """What was stored of a case; it is applied at once, or by a worker in a moment."""

    id: str = Field(examples=["dsp_01jd5m9p2k7x8n4q3r6s1t"])
    kind: Kind
    state: str


class CaseItem(Out):
    """One open item a case is about."""

    item: str
    document: str
    number: str
    due_on: date
    open_minor: int


class Case(Out):
    """A dispute, promise, plan, pause or contact; `state` of a promise or plan is what the books say of it."""

    id: str
    kind: Kind
    company: str
    customer: str
    state: str = Field(examples=["partly_kept"])
    currency: str | None
    amount_minor: int | None
    paid_minor: int | None
    from_on: date
    until_on: date | None
    items: list[CaseItem]
    details: Any
    note: str
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None
    closing: Any


class WhyQuery(Query):
    """As of which day."""

    on: Day | None = None


class WhyItem(Out):
    """One item of a customer: its step, or why it is not asked for."""

    item: str
    document: str
    number: str
    amount_minor: int
    step: str
    why_not: str
    next_on: date | None
    skipped: Any
    case: str


class WhyGroup(Out):
    """One currency of one company."""

    company: str
    currency: str
    value: str = Field(description="send, or the first reason why not.", examples=["cooldown"])
    since: date
    reasons: list[str]
    amount_minor: int
    step: str
    level: int
    policy: str
    next_change_on: date | None
    items: list[WhyItem]


class Why(Out):
    """What was decided about a customer."""

    customer: str
    on: date | None
    groups: list[WhyGroup]


class PreviewIn(In):
    """A dry run; with a policy it says what that would change."""

    policy: PolicyText | None = None
    company: Name | None = None
    customer: Id | None = None
    on: DayIn | None = None


class Preview(Out):
    """Who would be reminded today, and what a policy would change; nothing is stored or sent."""

    on: Any
    policies: Any
    totals: Any
    messages: list[Any]
    calendar_known: bool
    groups: list[Any] | None = None
    effect: Any = None


class ActivateIn(In):
    """A policy to put in force; for all companies if none is named."""

    policy: PolicyText
    companies: Annotated[list[Name], Field(max_length=50)] = Field(default_factory=list)


class Activated(Out):
    """What was put in force, where, and its effect."""

    policy: Any
    activated: list[str]
    effect: Any


class Policies(Out):
    """Policies in force, and all that ever were."""

    active: Any
    history: list[Any]
