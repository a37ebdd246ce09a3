"""Journal entries: what a document or an allocation does to the books, and how it is taken back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec

from tieout.canonical.documents import DocumentCandidate, DocumentKind
from tieout.core.errors import LedgerError
from tieout.core.money import is_currency
from tieout.ledger import chart
from tieout.ledger.allocation import AllocationFact, Split
from tieout.ledger.documents import WHOLE_LINE, require_postable

EntryKind = Literal["invoice", "credit_note", "payment", "refund", "allocation", "opening", "reversal"]
Origin = Literal["mirrored", "own"]
BalanceKey = tuple[str, str, str, str]  # company, account, ledger code, currency


class Posting(msgspec.Struct, frozen=True):
    """One side of an entry: `amount_minor` > 0 is a debit, < 0 a credit, in minor units of `currency`.

    `account_id` is the customer account it belongs to, on every code; `line_id` names the instalment on `ar`.
    """

    code: str
    account_id: str
    currency: str
    amount_minor: int
    document_id: str
    line_id: str = ""


class Entry(msgspec.Struct, frozen=True):
    """Postings that belong together and sum to zero per currency.

    `origin` is `mirrored` (follows the book of record) or `own`; `reverses` is the id of the entry taken back.
    """

    kind: EntryKind
    origin: Origin
    company_id: str
    effective_on: date
    document_id: str
    postings: Sequence[Posting]
    reverses: str = ""
    source_versions: Sequence[str] = ()


def check(entry: Entry) -> Entry:
    """The entry itself; raises LedgerError unless it sums to zero per currency over known accounts."""
    if not entry.postings:
        raise LedgerError(f"entry for {entry.document_id} has no postings", code="empty_entry")
    sums: dict[str, int] = defaultdict(int)
    for posting in entry.postings:
        chart.account(posting.code)
        if not is_currency(posting.currency):
            raise LedgerError(f"unknown currency {posting.currency!r} in {entry.document_id}", code="unknown_currency")
        sums[posting.currency] += posting.amount_minor
    for currency, total in sums.items():
        if total:
            raise LedgerError(f"entry for {entry.document_id} is out of balance by {total} {currency} minor units")
    return entry


def post_document(
    document_id: str,
    company_id: str,
    account_id: str,
    doc: DocumentCandidate,
    *,
    origin: Origin = "mirrored",
    source_versions: Sequence[str] = (),
    is_checked: bool = False,
) -> Entry | None:
    """The entry of a document, or None when there is nothing to post (draft, void, zero).

    Invoice: Dr ar / Cr revenue and output tax, or Cr `tax_unstated` where tax is not stated; credit note: the same with
    mirrored signs; payment: Dr bank / Cr unapplied cash; refund: Dr unapplied cash / Cr bank. An opening document has
    `opening` as its counter account. Source: receivables reference, section 12. Raises LedgerError for a document that
    contradicts itself (`tieout.ledger.documents.problems_of`); `is_checked` = the caller has asked that already.
    """
    if doc.state != "posted":
        return None
    if not is_checked:
        require_postable(document_id, doc)

    def posting(code: str, amount: int, line_id: str = "") -> Posting:
        return Posting(code, account_id, doc.currency, amount, document_id, line_id)

    if doc.kind in ("payment", "refund"):
        rows = [posting(chart.UNAPPLIED_CASH, doc.total_minor)]
    elif doc.kind == "invoice" and doc.installments:
        rows = [posting(chart.AR, row.amount_minor, row.line_id) for row in doc.installments]
    else:
        rows = [posting(chart.AR, doc.total_minor, WHOLE_LINE)]
    rows.extend(posting(code, -amount) for code, amount in _counter(doc))
    kept = tuple(row for row in rows if row.amount_minor)
    if not kept:
        return None
    return check(
        Entry(doc.kind, origin, company_id, doc.issue_on, document_id, kept, source_versions=tuple(source_versions))
    )


def _counter(doc: DocumentCandidate) -> list[tuple[str, int]]:
    if doc.is_opening:
        return [(chart.OPENING, doc.total_minor)]
    if doc.kind in ("payment", "refund"):
        return [(chart.BANK, doc.total_minor)]
    if doc.net_minor is None or doc.tax_minor is None:
        return [(chart.TAX_UNSTATED, doc.total_minor)]
    return [(chart.REVENUE, doc.net_minor), (chart.OUTPUT_TAX, doc.tax_minor)]


def post_allocation(
    company_id: str,
    fact: AllocationFact,
    splits: Sequence[Split],
    *,
    from_kind: DocumentKind,
    to_kind: DocumentKind,
    from_account_id: str,
    to_account_id: str,
    origin: Origin = "mirrored",
    source_versions: Sequence[str] = (),
) -> Entry | None:
    """The entry of an accepted allocation, or None where it is a link only.

    Payment to invoice: Dr unapplied cash of the payer / Cr ar of the invoice's lines. Credit note to invoice stays a
    link (section 12: users object to extra journals) unless the two hang on different accounts: then the receivable
    moves between them. A credit note paid out by a refund clears ar against unapplied cash.
    `splits` are the accepted parts of this allocation; they must sum to its amount.
    """
    if from_kind not in ("payment", "credit_note") or to_kind not in ("invoice", "refund"):
        raise LedgerError(
            f"allocation {fact.allocation_id} goes from {from_kind} to {to_kind}", code="allocation_kinds"
        )
    mine = [part for part in splits if part.allocation_id == fact.allocation_id]
    if sum(part.amount_minor for part in mine) != fact.amount_minor:
        raise LedgerError(f"parts of allocation {fact.allocation_id} do not sum to it", code="allocation_parts")
    from_code = chart.AR if from_kind == "credit_note" else chart.UNAPPLIED_CASH
    to_code = chart.AR if to_kind == "invoice" else chart.UNAPPLIED_CASH
    if from_code == to_code and from_account_id == to_account_id:
        return None
    from_line = WHOLE_LINE if from_code == chart.AR else ""
    source = Posting(from_code, from_account_id, fact.currency, fact.amount_minor, fact.from_document_id, from_line)
    targets = [
        Posting(
            to_code,
            to_account_id,
            fact.currency,
            -part.amount_minor,
            fact.to_document_id,
            part.line_id if to_code == chart.AR else "",
        )
        for part in mine
    ]
    return check(
        Entry(
            "allocation",
            origin,
            company_id,
            fact.effective_on,
            fact.from_document_id,
            (source, *targets),
            source_versions=tuple(source_versions),
        )
    )


def reverse(entry: Entry, effective_on: date, *, entry_id: str = "", source_versions: Sequence[str] = ()) -> Entry:
    """The entry that takes another one back in full, dated `effective_on`; `entry_id` is the one taken back."""
    return Entry(
        "reversal",
        entry.origin,
        entry.company_id,
        effective_on,
        entry.document_id,
        tuple(
            Posting(row.code, row.account_id, row.currency, -row.amount_minor, row.document_id, row.line_id)
            for row in entry.postings
        ),
        reverses=entry_id,
        source_versions=tuple(source_versions),
    )


def balances(entries: Iterable[Entry], *, as_of: date | None = None) -> Mapping[BalanceKey, int]:
    """Balance per (company, account, ledger code, currency) of entries effective by `as_of`; zeros are dropped."""
    sums: dict[BalanceKey, int] = defaultdict(int)
    for entry in entries:
        if as_of is not None and entry.effective_on > as_of:
            continue
        for row in entry.postings:
            sums[entry.company_id, row.account_id, row.code, row.currency] += row.amount_minor
    return {key: value for key, value in sums.items() if value}
