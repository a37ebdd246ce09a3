"""What a dunning decision is made from: the items of one customer with their history, and facts about the group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

BlockKind = Literal["disputed", "promised", "plan", "paused", "legal"]
GroupKey = tuple[str, str, str]  # company, customer, currency


@dataclass(frozen=True, slots=True)
class Block:
    """Something that holds dunning back until a day (included), or until further notice; `case` names it."""

    kind: BlockKind
    until_on: date | None = None
    case: str = ""

    def holds(self, day: date) -> bool:
        return self.until_on is None or day <= self.until_on


@dataclass(frozen=True, slots=True)
class History:
    """The last step an item was reminded at; `offset` orders steps, so that a renamed step is not sent again."""

    step: str
    level: int
    offset: int
    sent_on: date


@dataclass(frozen=True, slots=True)
class DunningItem:
    """An open item, or the part of one that a dispute is about.

    `claim_minor` (> 0) is what may be asked for if no block holds. `resumed_on` and `pay_by_on` are set on the part
    of a rejected dispute.
    """

    id: str
    document_id: str
    number: str
    company_id: str
    customer_id: str
    currency: str
    due_on: date
    claim_minor: int
    blocks: Sequence[Block] = ()
    last: History | None = None
    resumed_on: date | None = None
    pay_by_on: date | None = None

    @property
    def group(self) -> GroupKey:
        return (self.company_id, self.customer_id, self.currency)

    @property
    def level(self) -> int:
        return self.last.level if self.last is not None else 0

    def block(self, day: date) -> Block | None:
        """The block that holds longest on this day."""
        if not self.blocks:
            return None
        held = [block for block in self.blocks if block.holds(day)]
        return max(held, key=lambda block: (block.until_on or date.max, block.kind), default=None)


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What is known about one group; the defaults are the safe ones: no way to reach anyone, data not fresh.

    `credits_minor` (>= 0) is unapplied cash plus open credit notes; `sent_on` are the days of the messages sent or
    waiting to be sent; `is_waiting` = one of them has not left yet; `channels` those that reach this customer.
    """

    credits_minor: int = 0
    sent_on: Sequence[date] = ()
    sent_keys: frozenset[str] = frozenset()
    blocks: Sequence[Block] = ()
    is_fresh: bool = False
    was_late: bool = True
    is_waiting: bool = False
    channels: frozenset[str] = frozenset()

    @property
    def last_sent_on(self) -> date | None:
        return max(self.sent_on, default=None)
