"""Reconciliation words: the lines compared, the breaks found, and what may explain them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

BreakKind = Literal[
    "missing_in_left",
    "missing_in_right",
    "amount",
    "currency",
    "status",
    "duplicate",
    "customer",
    "timing",
    "ours_not_in_accounting",
]
Confidence = Literal["high", "medium", "low"]
PairKey = Literal["external_id", "number", "customer_amount_date"]


@dataclass(frozen=True, slots=True)
class Line:
    """One record of one side, signed as the ledger sees it (invoice +, credit note −, payment −), in minor units.

    `link` is the shared key of the external id map ("" = not linked); `status` is already canonical ("" = not
    compared); `tax_minor` None = not stated; `row_count` is the number of document lines (for rounding); `changed_at`
    is when this side last changed it; `is_own` marks a posting that is ours and not mirrored from accounting.
    """

    line_id: str
    number: str
    customer_id: str
    currency: str
    amount_minor: int
    on: date
    link: str = ""
    status: str = ""
    tax_minor: int | None = None
    row_count: int = 1
    changed_at: datetime | None = None
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class CreditNoteFact:
    """A credit note that exists on one side outside the compared lines; `amount_minor` > 0."""

    number: str
    customer_id: str
    currency: str
    amount_minor: int
    side: Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known beside the two lists and may explain a break.

    `unposted_*`: normalised numbers or links that exist on that side as draft or void (value: the state);
    `conflicts`: line id -> id of an open conflict that keeps it unlinked; `pending_pushes`: line id -> push id not sent
    yet; `*_read_at`: the instant up to which each side was read.
    """

    credit_notes: Sequence[CreditNoteFact] = ()
    unposted_left: Mapping[str, str] = field(default_factory=dict)
    unposted_right: Mapping[str, str] = field(default_factory=dict)
    conflicts: Mapping[str, str] = field(default_factory=dict)
    pending_pushes: Mapping[str, str] = field(default_factory=dict)
    left_read_at: datetime | None = None
    right_read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A likely cause of a break, with how sure it is."""

    code: str
    confidence: Confidence
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Break:
    """One difference: `differences` is left minus right per currency, and all breaks add up to the whole difference."""

    kind: BreakKind
    left: Line | None
    right: Line | None
    differences: Mapping[str, int]
    explanation: Explanation | None = None
    other: Line | None = None  # duplicate: the line of the same side that did match

    @property
    def key(self) -> str:
        """The same break in another run has the same key, so that its age and owner carry over."""
        left = self.left.line_id if self.left is not None else ""
        right = self.right.line_id if self.right is not None else ""
        return f"{self.kind}:{left}:{right}"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two lines that are the same thing, and the key that said so."""

    left: Line
    right: Line
    by: PairKey


Explainer = Callable[[Break, Evidence], Explanation | None]
