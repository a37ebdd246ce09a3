"""What a document must satisfy before it may be posted: found before posting, so that it becomes a conflict."""

from __future__ import annotations

from collections.abc import Sequence

from tieout.canonical.documents import DocumentCandidate
from tieout.core.errors import LedgerError
from tieout.core.money import is_currency

_SIGN = {"invoice": 1, "credit_note": -1, "payment": -1, "refund": 1}
WHOLE_LINE = "1"  # the line id of a document that has no instalments


def problems_of(doc: DocumentCandidate) -> Sequence[str]:
    """Reasons why a document cannot be posted as it stands, as stable codes; empty = it can.

    Callers turn a non-empty answer into an `invalid record` conflict; `post_document` and `items_of` raise LedgerError
    for the same reasons, because posting a document that contradicts itself would break the books.
    """
    found: list[str] = []
    if not is_currency(doc.currency):
        found.append("unknown_currency")
    if doc.total_minor * _SIGN[doc.kind] < 0:
        found.append("sign_contradicts_kind")
    if (doc.net_minor is None) != (doc.tax_minor is None):
        found.append("tax_half_stated")
    elif doc.net_minor is not None and doc.tax_minor is not None and doc.net_minor + doc.tax_minor != doc.total_minor:
        found.append("net_and_tax_not_total")
    if doc.installments:
        found.extend(_installment_problems(doc))
    return tuple(found)


def _installment_problems(doc: DocumentCandidate) -> list[str]:
    if doc.kind in ("payment", "refund"):
        return ["installments_on_cash"]
    found: list[str] = []
    rows = doc.installments
    if sum(row.amount_minor for row in rows) != doc.total_minor:
        found.append("installments_not_total")
    if any(row.amount_minor * _SIGN[doc.kind] < 0 for row in rows):
        found.append("installment_sign")
    ids = [row.line_id for row in rows]
    if len(set(ids)) != len(ids) or "" in ids:
        found.append("installment_line_ids")
    return found


def require_postable(document_id: str, doc: DocumentCandidate) -> None:
    """Raise LedgerError with the first problem as its code when a document cannot be posted."""
    problems = problems_of(doc)
    if problems:
        raise LedgerError(
            f"document {document_id} ({doc.number}) cannot be posted: {', '.join(problems)}", code=problems[0]
        )
