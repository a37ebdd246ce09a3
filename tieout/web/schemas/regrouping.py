"""Merging customers and parting them again: what is asked, and what it would change."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tieout.web.schemas.base import Day, Id, In, Money, Out
from tieout.web.schemas.receivables import Balance

Member = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]
Members = Annotated[list[Member], Field(min_length=1, max_length=50, examples=[["zoho/customers/4876876000000333001"]])]
Reason = Annotated[
    str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$", description="Why; it stands in the audit trail.")
]
Overrule = Annotated[
    bool, Field(description="Overrule people who said that the two are not the same; the preview names them.")
]
OtherId = Annotated[Id, Field(description="Customer id.", examples=["cus_01jd5m9p2k7x8n4q3r6s1u"])]


class MergeLookIn(In):
    """The customer whose members would move to the one in the path."""

    other: OtherId


class MergeIn(MergeLookIn):
    """The customer whose members move to the one in the path."""

    reason: Reason = ""
    overrule: Overrule = False


class UnmergeLookIn(In):
    """The members that would leave the customer in the path."""

    members: Members


class UnmergeIn(UnmergeLookIn):
    """The members that leave the customer in the path, where people had put them, for where they stood before."""

    reason: Reason = ""


class RelinkIn(In):
    """The accounts (acc_…) or CRM records (connection/stream/id) that move to the customer in the path."""

    members: Members
    reason: Reason = ""
    overrule: Overrule = False


class SeparateLookIn(In):
    """The records (connection/stream/id) that are not the customer in the path."""

    members: Members


class SeparateIn(SeparateLookIn):
    """The records that a rule linked to the customer in the path, and that are not it."""

    reason: Reason = ""


class Move(Out):
    """A member that moves; a home of "" is decided anew by the rules."""

    member: str
    name: str
    kind: Literal["account", "crm_record"]
    home: str
    home_name: str


class Against(Out):
    """A person's word that two are not the same, which would be overruled."""

    subject: str
    target: str
    actor: str
    at: datetime


class ReminderThen(Out):
    """What dunning says of one company and currency: `send`, or why nothing is sent."""

    company: str
    currency: str
    value: str
    step: str
    amount: Money


class Group(Out):
    """A customer as it stands before or after."""

    id: str
    name: str
    balances: list[Balance]
    items: int = Field(description="Open items.")
    reminders: list[ReminderThen]


class MovedItem(Out):
    """An open item that goes with its account."""

    document_id: str
    number: str
    due_on: Day
    company: str
    open: Money


class Regrouping(Out):
    """What would move and what would then stand; nothing was changed. No journal row ever moves."""

    moves: list[Move]
    along: int = Field(description="Records that follow their account.")
    against: list[Against] = Field(description="Standing answers that it contradicts: it needs `overrule`.")
    before: list[Group]
    after: list[Group]
    items: list[MovedItem] = Field(description="The first of the open items that move, by due date.")
    items_count: int
    cases: int = Field(
        description="Open disputes, promises, plans and pauses that go with their accounts (at most 50)."
    )
    orders: int = Field(description="Credit orders that go with their accounts.")
