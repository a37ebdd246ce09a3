"""Open items: the rows a customer owes, or is owed, each with its own due date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from tieout.canonical.documents import DocumentCandidate
from tieout.core.errors import LedgerError
from tieout.core.money import Money
from tieout.ledger.documents import WHOLE_LINE, require_postable


class OpenItem(msgspec.Struct, frozen=True):
    """One row of the sub-ledger: `original_minor` > 0 is owed to us, < 0 is a credit note's open credit.

    `due_is_issue` is True where the document states no due date and its issue date stands in (shown as a flag).
    """

    document_id: str
    line_id: str
    account_id: str
    company_id: str
    currency: str
    due_on: date
    original_minor: int
    due_is_issue: bool = False

    @property
    def item_id(self) -> str:
        return f"{self.document_id}:{self.line_id}"


def items_of(
    document_id: str, company_id: str, account_id: str, doc: DocumentCandidate, *, is_checked: bool = False
) -> Sequence[OpenItem]:
    """The open items of a posted document: one per instalment of an invoice, one negative item per credit note.

    Payments and refunds have none (they are unapplied cash); drafts and voids have none. Raises LedgerError for a
    document that contradicts itself, unless the caller has asked that already (`is_checked`). A zero instalment is
    kept: zero rows are legal (receivables reference, 18).
    """
    if doc.state != "posted" or doc.kind in ("payment", "refund"):
        return ()
    if not is_checked:
        require_postable(document_id, doc)
    if doc.kind == "invoice" and doc.installments:
        return tuple(
            OpenItem(document_id, row.line_id, account_id, company_id, doc.currency, row.due_on, row.amount_minor)
            for row in doc.installments
        )
    return (_whole(document_id, company_id, account_id, doc),)


def debit_lines_of(document_id: str, company_id: str, account_id: str, doc: DocumentCandidate) -> Sequence[OpenItem]:
    """The rows an allocation can land on: an invoice's items, or a refund as one row that is not an open item."""
    if doc.kind == "invoice":
        return items_of(document_id, company_id, account_id, doc)
    if doc.kind != "refund" or doc.state != "posted":
        return ()
    require_postable(document_id, doc)
    return (_whole(document_id, company_id, account_id, doc),)


def capacity_of(doc: DocumentCandidate) -> Money:
    """How much a payment or credit note can pay, as a positive amount; zero while draft or void."""
    if doc.kind not in ("payment", "credit_note"):
        raise LedgerError(f"{doc.kind} {doc.number} is not a credit", code="not_a_credit")
    return Money(-doc.total_minor if doc.state == "posted" else 0, doc.currency)


def _whole(document_id: str, company_id: str, account_id: str, doc: DocumentCandidate) -> OpenItem:
    due_on = doc.due_on
    if due_on is None and doc.installments:
        due_on = min(row.due_on for row in doc.installments)
    return OpenItem(
        document_id,
        WHOLE_LINE,
        account_id,
        company_id,
        doc.currency,
        due_on if due_on is not None else doc.issue_on,
        doc.total_minor,
        due_is_issue=due_on is None and doc.kind == "invoice",
    )
