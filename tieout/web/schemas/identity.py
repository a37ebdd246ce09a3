"""Why two party records are one customer, or are not."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tieout.web.schemas.base import Out, Query

Member = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]


class WhyQuery(Query):
    """The two records: an account id, or connection/stream/id of a record of a CRM or of the books."""

    left: Member = Field(examples=["acc_01jd5m9p2k7x8n4q3r6s1t"])
    right: Member = Field(examples=["zoho/customers/5725767000001000007"])


class NameOut(Out):
    """One name and its parts; a placeholder names nobody and is not compared."""

    raw: str
    region: str
    brand: str
    trade: str
    form: str
    is_group: bool
    branch: str
    is_full: bool
    is_nobody: bool


class IdOut(Out):
    """One tax id; `scheme` is empty where no check passed."""

    value: str
    scheme: str
    is_valid: bool


class Parts(Out):
    """What a record says, and beside it what of it is compared; empty where a value says nothing about who it is."""

    names: list[NameOut]
    tax_ids: list[IdOut]
    number: str
    phone: str
    landline: str
    mobile: str
    website: str
    domain: str
    places: str
    address: str
    road: str
    country: str


class Side(Out):
    """One record, as its source tells it, and the customer it belongs to."""

    member: str
    kind: Literal["account", "crm_record"]
    name: str
    names: list[str]
    tax_ids: list[str]
    phone: str
    website: str
    city: str
    address: str
    country: str
    customer_id: str | None
    customer_name: str | None
    rule: str | None = Field(description="The rule that put it there.")
    parts: Parts


class Because(Out):
    """One reason of the verdict, with the values of both sides where it is about values."""

    code: str
    mine: str
    theirs: str
    ref: str


class Finding(Out):
    """One finding with both values and its weight in hundredths of a natural unit of log-odds."""

    code: str
    mine: str
    theirs: str
    ref: str
    weight: int


class Thresholds(Out):
    """What the score is held against, in the unit of the weights."""

    auto: int = Field(description="From here on two records are linked, where a rule is sufficient.")
    joint: int = Field(description="The same for two whole clusters.")
    review: int = Field(description="From here on a person is asked.")
    margin: int = Field(description="How far the best candidate must stand above one that is somebody else.")
    floor: int = Field(description="No pair inside a cluster may be weaker.")


class Nearest(Out):
    """A candidate of one of the two, by the sum of its evidence."""

    of: str
    member: str
    name: str
    score: int
    is_other: bool = Field(description="Whether it is the record asked about.")


class Said(Out):
    """What a person decided about the two."""

    subject: str
    action: str
    target: str
    actor: str
    at: datetime
    conflict_id: str | None
    is_active: bool = Field(description="False: taken back.")


class Related(Out):
    """What one of the two is to the other without being the same."""

    member: str
    kind: Literal["branch_of", "member_of_group"]
    target: str
    rule: Literal["found", "stated"]
    recorded_at: datetime
    actor: str | None = Field(description="Who stated it.")


class Event(Out):
    """A time a record spent in a customer."""

    member: str
    customer_id: str
    customer_name: str
    rule: str
    rule_version: str
    from_at: datetime
    to_at: datetime | None
    actor: str | None = Field(description="Who answered, where a person put it there.")


class Why(Out):
    """What stands between two records and why. Weights and prior sum to the score."""

    left: Side
    right: Side
    same_customer: bool = Field(description="Whether both belong to one customer now.")
    outcome: Literal["link", "review", "separate"] = Field(
        description="One customer, a person is asked, or not linked."
    )
    is_current: bool = Field(
        description="False: judged again now it comes out otherwise, for a record near them was linked since."
    )
    because: list[Because]
    rule: str = Field(description="The rule that linked them, or nothing.")
    against: str = Field(description="What stands first against a link, or nothing.")
    score: int
    needed: int
    prior: int
    thresholds: Thresholds
    rule_version: str
    reasons: list[Finding]
    vetoes: list[str]
    nearest: list[Nearest]
    answers: list[Said]
    relations: list[Related]
    events: list[Event]
    conflicts: list[str] = Field(description="Open questions about either.")
