"""Opening items (期初): what was still open of a document when the books began, and what came before as history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from tieout.canonical.documents import DocumentKind
from tieout.ledger import chart
from tieout.ledger.documents import WHOLE_LINE
from tieout.ledger.entries import Entry, Posting, check

FullPosting = tuple[str, int, str]  # ledger code, minor units (debit > 0), line id


def carried_forward_on(start_on: date) -> date:
    """The day opening entries are dated: the close of the day before `start_on`, its balance carried forward.

    So a report as of that day shows what the source shows for it, and nothing of `start_on` or later contains them.
    """
    return start_on - timedelta(days=1)


def is_before(start_on: date | None, day: date) -> bool:
    """True when a document issued, or an allocation effective, on `day` belongs to the time before the books."""
    return start_on is not None and day < start_on


def code_of(kind: DocumentKind | str) -> str:
    """The customer account a document stands on: receivable, or unapplied cash for payments and refunds."""
    return chart.UNAPPLIED_CASH if kind in ("payment", "refund") else chart.AR


def lines_left(
    kind: DocumentKind | str,
    total_minor: int,
    items: Mapping[str, int],
    applied_by_line: Mapping[str, int],
    applied_from: int,
) -> Sequence[tuple[str, int]]:
    """(line id, signed minor units) still open of a document after the allocations before the books began.

    `items` are an invoice's instalments (line id -> original); `applied_by_line` > 0 is what was paid on each, under
    `WHOLE_LINE` for a refund; `applied_from` > 0 is what a payment or credit note had paid. Cash lines have no line id.
    """
    if kind == "invoice":
        return [(line, original - applied_by_line.get(line, 0)) for line, original in sorted(items.items())]
    if kind == "refund":
        return [("", total_minor - applied_by_line.get(WHOLE_LINE, 0))]
    return [(WHOLE_LINE if kind == "credit_note" else "", total_minor + applied_from)]


def post_opening(
    document_id: str,
    company_id: str,
    account_id: str,
    kind: DocumentKind | str,
    currency: str,
    lines: Sequence[tuple[str, int]],
    start_on: date,
) -> Entry | None:
    """The opening entry of a document from before `start_on`, or None when nothing of it was open: history only.

    Dr ar / Cr opening for what is owed, signs mirrored for credits; cash stands on `unapplied_cash`.
    """
    code = code_of(kind)
    rows = [Posting(code, account_id, currency, amount, document_id, line) for line, amount in lines if amount]
    if not rows:
        return None
    total = sum(row.amount_minor for row in rows)
    if total:
        rows.append(Posting(chart.OPENING, account_id, currency, -total, document_id))
    return check(Entry("opening", "mirrored", company_id, carried_forward_on(start_on), document_id, tuple(rows)))


def full_postings(entry: Entry | None) -> list[list[str | int]]:
    """What a document would post at its full amount, kept beside its opening so that it can be posted one day."""
    return [] if entry is None else [[row.code, row.amount_minor, row.line_id] for row in entry.postings]


def restore(
    document_id: str,
    company_id: str,
    account_id: str,
    kind: DocumentKind,
    currency: str,
    issue_on: date,
    kept: Sequence[FullPosting],
) -> Entry | None:
    """The entry of a document at its full amount, from what `full_postings` kept; None where it posts nothing."""
    rows = tuple(Posting(code, account_id, currency, amount, document_id, line) for code, amount, line in kept)
    return check(Entry(kind, "mirrored", company_id, issue_on, document_id, rows)) if rows else None
