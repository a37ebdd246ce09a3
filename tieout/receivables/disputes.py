"""Disputes: which part of an open item may not be claimed, and what comes back when a dispute is turned down.

Source: receivables reference, section 11: the undisputed part stays due and collectable; an accepted part waits for its
credit note; a rejected part is due again, with a notice and a new pay-by date.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec

DisputeState = Literal["open", "accepted", "rejected"]

CODES = (
    "pricing",
    "quantity",
    "quality",
    "not_received",
    "wrong_recipient",
    "duplicate",
    "already_paid",
    "discount",
    "milestone",
    "deduction",
    "bank_charges",
    "late_fee",
    "other",
)


@dataclass(frozen=True, slots=True)
class Dispute:
    """An amount of one item in dispute; `amount_minor` None = all of it.

    A dispute that was settled halfway is two of these: the accepted part and the rejected one. `credited_minor` is what
    credit notes have taken off the item since it was opened.
    """

    id: str
    item_id: str
    opened_on: date
    amount_minor: int | None = None
    state: DisputeState = "open"
    resolved_on: date | None = None
    pay_by_on: date | None = None
    credited_minor: int = 0


class Part(msgspec.Struct, frozen=True):
    """A part of an open item that is dunned on its own; `dispute` None = the undisputed rest."""

    id: str
    amount_minor: int
    dispute: Dispute | None = None

    @property
    def is_blocked(self) -> bool:
        return self.dispute is not None and self.dispute.state != "rejected"


def part_id(item_id: str, dispute_id: str) -> str:
    """The name of the part of an item that a dispute is about."""
    return f"{item_id}#{dispute_id}"


def parts_of(item_id: str, open_minor: int, disputes: Iterable[Dispute]) -> Sequence[Part]:
    """The parts of an open item, summing to `open_minor` (>= 0): the undisputed rest first, then one per dispute.

    Payments are taken to pay the undisputed part first; parts with nothing left are not shown.
    """
    rank = {"open": 0, "accepted": 1, "rejected": 2}
    left = max(0, open_minor)
    taken: list[Part] = []
    for dispute in sorted(disputes, key=lambda one: (rank[one.state], one.opened_on, one.id)):
        amount = left if dispute.amount_minor is None else min(left, dispute.amount_minor)
        if dispute.state == "accepted":
            limit = dispute.amount_minor if dispute.amount_minor is not None else amount + dispute.credited_minor
            amount = max(0, min(left, limit - dispute.credited_minor))
        if amount:
            taken.append(Part(part_id(item_id, dispute.id), amount, dispute))
            left -= amount
    rest = [Part(item_id, left)] if left else []
    return (*rest, *taken)
