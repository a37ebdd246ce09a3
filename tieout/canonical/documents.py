"""Documents: invoices, credit notes, payments, allocations and the claims a CRM makes about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import msgspec

DocumentKind = Literal["invoice", "credit_note", "payment", "refund"]
DocumentState = Literal["posted", "draft", "void"]
ClaimKind = Literal["invoice", "order", "deal", "payment", "allocation", "installment"]


class Installment(msgspec.Struct, frozen=True):
    """One row of a payment plan: its own due date and a signed amount in minor units."""

    line_id: str
    due_on: date
    amount_minor: int


class DocumentCandidate(msgspec.Struct, frozen=True):
    """A document of a book of record.

    `total_minor` is signed the way the ledger sees it: invoice > 0, credit note < 0, payment < 0, refund > 0.
    `net_minor`/`tax_minor` sum to the total for invoices and credit notes; both None = "tax not stated".
    `installments` sum to the total for invoices and credit notes; empty for payments.
    """

    external_id: str
    kind: DocumentKind
    number: str
    party_ref: str  # customer number or id in the same source
    company_ref: str
    currency: str
    total_minor: int
    issue_on: date
    state: DocumentState
    due_on: date | None = None
    installments: Sequence[Installment] = ()
    net_minor: int | None = None
    tax_minor: int | None = None
    order_numbers: Sequence[str] = ()
    is_opening: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class AllocationCandidate:
    """A settlement in the book of record: `amount_minor` > 0 of a credit (payment, credit note) pays a debit item.

    `from_ref` names the credit document, `to_ref` the debit document (external ids of the same source),
    `to_line` an instalment where stated. `group_key` is one settlement: sources that log both sides give the same key
    twice and only one is kept.
    """

    external_id: str
    group_key: str
    from_ref: str
    to_ref: str
    to_line: str
    currency: str
    amount_minor: int
    effective_on: date
    is_active: bool
    company_ref: str = ""
    party_ref: str = ""


@dataclass(frozen=True, slots=True)
class ClaimCandidate:
    """What a CRM says about an invoice, order, deal or receipt: bound to a posted document, never posted itself.

    An `allocation` (which order a receipt pays) or `installment` (when an order is due) is kept with its order in
    `deal_ref`; the book of record knows both better, so neither is bound nor asked about.

    Keys in the order of design decision D9: `external_refs` (stored external id), `numbers`, `order_numbers`.
    `amount_minor` None = the record states none. `deal_ref` points to a deal record of the same source.
    """

    external_id: str
    kind: ClaimKind
    label: str
    party_ref: str
    currency: str
    amount_minor: int | None
    external_refs: Sequence[str] = ()
    numbers: Sequence[str] = ()
    order_numbers: Sequence[str] = ()
    deal_ref: str = ""
    status: str = ""
    issue_on: date | None = None
    due_on: date | None = None
    owner: Mapping[str, str] = field(default_factory=dict)
    is_active: bool = True
