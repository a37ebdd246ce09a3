"""Allocations: which credit pays which item, decided the same way whatever order the facts arrived in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from tieout.core.money import Money
from tieout.ledger.open_items import OpenItem

Refusal = Literal["not_positive", "currency", "unknown_debit", "unknown_credit", "over_debit", "over_credit"]
Note = Literal["line_full", "line_unknown"]


@dataclass(frozen=True, slots=True)
class AllocationFact:
    """`amount_minor` > 0 of a credit document pays a debit document; `to_line` names an instalment or is empty."""

    allocation_id: str
    from_document_id: str
    to_document_id: str
    to_line: str
    amount_minor: int
    effective_on: date
    currency: str


@dataclass(frozen=True, slots=True)
class Split:
    """The part of one allocation that lands on one item."""

    allocation_id: str
    item_id: str
    line_id: str
    amount_minor: int
    effective_on: date


@dataclass(frozen=True, slots=True)
class CreditResult:
    """What one credit document accepts: ids in order, their sum, and the refused with their reason."""

    accepted: Sequence[str]
    applied_minor: int
    refused: Mapping[str, Refusal]


@dataclass(frozen=True, slots=True)
class AllocationResult:
    """Accepted allocations as parts per item; `applied` sums them per item, `notes` says where a line was not kept."""

    splits: Sequence[Split]
    applied: Mapping[str, int]
    refused: Mapping[str, Refusal]
    notes: Mapping[str, Note] = field(default_factory=dict)

    @property
    def accepted(self) -> frozenset[str]:
        return frozenset(part.allocation_id for part in self.splits)


def counted_on(allocated_on: date, credit_issue_on: date, debit_issue_on: date) -> date:
    """The date an allocation takes effect: never before both of its documents exist.

    Without it a report as of a day in between would show a payment used up by an invoice that is not there yet.
    """
    return max(allocated_on, credit_issue_on, debit_issue_on)


def _in_order(allocations: Iterable[AllocationFact]) -> list[AllocationFact]:
    return sorted(allocations, key=lambda fact: (fact.effective_on, fact.allocation_id))


def accept_on_credit(total: Money, allocations: Iterable[AllocationFact]) -> CreditResult:
    """The allocations of one payment or credit note that fit into its total (a positive amount).

    Taken by (effective_on, allocation_id); one that exceeds what is left is refused whole, later smaller ones may fit.
    What counts up to a date never depends on later facts.
    """
    left = total.minor
    accepted: list[str] = []
    refused: dict[str, Refusal] = {}
    for fact in _in_order(allocations):
        if fact.amount_minor <= 0:
            refused[fact.allocation_id] = "not_positive"
        elif fact.currency != total.currency:
            refused[fact.allocation_id] = "currency"
        elif fact.amount_minor > left:
            refused[fact.allocation_id] = "over_credit"
        else:
            left -= fact.amount_minor
            accepted.append(fact.allocation_id)
    return CreditResult(tuple(accepted), total.minor - left, refused)


def accept_on_debit(items: Sequence[OpenItem], allocations: Iterable[AllocationFact]) -> AllocationResult:
    """The allocations that fit into one debit document, spread over its items.

    Taken by (effective_on, allocation_id). The stated line is filled first, the rest goes to the document's other
    items by due date (FIFO); a line that is full or unknown is noted, not refused, because the document is what the
    source says was paid. An allocation above what the document has open is refused whole: nothing of it counts.
    Earlier parts never move when a later-dated fact arrives, so a part with effective_on <= D is right as of D.
    """
    rows = sorted(items, key=lambda item: (item.due_on, item.line_id))
    room = {row.item_id: max(0, row.original_minor) for row in rows}
    by_line = {row.line_id: row for row in rows}
    currency = rows[0].currency if rows else ""
    splits: list[Split] = []
    refused: dict[str, Refusal] = {}
    notes: dict[str, Note] = {}
    for fact in _in_order(allocations):
        reason = _refusal(fact, currency, sum(room.values()))
        if reason is not None:
            refused[fact.allocation_id] = reason
            continue
        stated = by_line.get(fact.to_line) if fact.to_line else None
        if fact.to_line and stated is None:
            notes[fact.allocation_id] = "line_unknown"
        elif stated is not None and room[stated.item_id] < fact.amount_minor:
            notes[fact.allocation_id] = "line_full"
        left = fact.amount_minor
        for row in ([stated] if stated is not None else []) + rows:
            part = min(left, room[row.item_id])
            if part:
                room[row.item_id] -= part
                left -= part
                splits.append(Split(fact.allocation_id, row.item_id, row.line_id, part, fact.effective_on))
    return AllocationResult(tuple(splits), _per_item(rows, splits), refused, notes)


def _refusal(fact: AllocationFact, currency: str, room: int) -> Refusal | None:
    if fact.amount_minor <= 0:
        return "not_positive"
    if not currency:
        return "unknown_debit"
    if fact.currency != currency:
        return "currency"
    return "over_debit" if fact.amount_minor > room else None


def _per_item(rows: Iterable[OpenItem], splits: Iterable[Split]) -> Mapping[str, int]:
    applied = {row.item_id: 0 for row in rows}
    for part in splits:
        applied[part.item_id] += part.amount_minor
    return applied


def accept(
    debit_items: Iterable[OpenItem], credit_capacity: Mapping[str, Money], allocations: Iterable[AllocationFact]
) -> AllocationResult:
    """The allocations that count: accepted by their credit first, then by their debit document.

    Each document is judged alone (`accept_on_credit`, `accept_on_debit`), so the store can recompute only what a fact
    touches: the credit, then the debit documents it pays. Independent of the order of `allocations`.
    """
    per_credit: dict[str, list[AllocationFact]] = defaultdict(list)
    per_debit: dict[str, list[AllocationFact]] = defaultdict(list)
    per_document: dict[str, list[OpenItem]] = defaultdict(list)
    for item in debit_items:
        per_document[item.document_id].append(item)
    for fact in allocations:
        per_credit[fact.from_document_id].append(fact)
    refused: dict[str, Refusal] = {}
    for credit_id, facts in per_credit.items():
        total = credit_capacity.get(credit_id)
        if total is None:
            refused.update((fact.allocation_id, "unknown_credit") for fact in facts)
            continue
        verdict = accept_on_credit(total, facts)
        refused.update(verdict.refused)
        kept = frozenset(verdict.accepted)
        for fact in facts:
            if fact.allocation_id in kept:
                per_debit[fact.to_document_id].append(fact)
    splits: list[Split] = []
    applied: dict[str, int] = {}
    notes: dict[str, Note] = {}
    for document_id in sorted(per_document.keys() | per_debit.keys()):
        result = accept_on_debit(per_document.get(document_id, ()), per_debit.get(document_id, ()))
        splits.extend(result.splits)
        applied.update(result.applied)
        refused.update(result.refused)
        notes.update(result.notes)
    return AllocationResult(tuple(splits), applied, refused, notes)
