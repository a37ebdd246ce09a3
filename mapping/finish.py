"""What must hold for a candidate as a whole: instalments sum to the total, net and tax too, signs fit the kind."""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from tieout.canonical.documents import AllocationCandidate, DocumentCandidate, Installment
from tieout.canonical.parties import PartyCandidate
from tieout.core.errors import MappingError
from tieout.core.money import format_minor


def finish_party(party: PartyCandidate) -> PartyCandidate:
    """A party with its names in order of authority, each once."""
    names = [name for name in (party.legal_name, *party.names) if name]
    return replace(party, names=tuple(dict.fromkeys(names)))


def finish_document(document: DocumentCandidate) -> DocumentCandidate:
    """A document whose parts agree.

    A posted document with parts that disagree raises MappingError. A draft or void one posts nothing, so that its
    plan is dropped instead: a void must always be able to reverse what was posted before.
    """
    _check_sign(document)
    if document.kind in ("payment", "refund"):
        return structs.replace(document, installments=(), net_minor=None, tax_minor=None)
    net, tax = document.net_minor, document.tax_minor
    if net is None or tax is None or net + tax != document.total_minor:
        document = structs.replace(document, net_minor=None, tax_minor=None)  # "tax not stated" is a value, not a guess
    return _with_plan(document)


def _check_sign(document: DocumentCandidate) -> None:
    negative = document.kind in ("credit_note", "payment")
    if document.total_minor and (document.total_minor < 0) != negative:
        shown = format_minor(document.total_minor, document.currency)
        raise MappingError(
            f"a {document.kind.replace('_', ' ')} cannot have the total {shown}", path="total_minor", code="wrong_sign"
        )


def _with_plan(document: DocumentCandidate) -> DocumentCandidate:
    rows = document.installments
    total = document.total_minor
    if rows:
        planned = sum(row.amount_minor for row in rows)
        if planned == total:
            return document if document.due_on else structs.replace(document, due_on=max(row.due_on for row in rows))
        if document.state != "posted":
            return structs.replace(document, installments=())
        raise MappingError(
            f"the plan rows sum to {format_minor(planned, document.currency)}, "
            f"the document says {format_minor(total, document.currency)}",
            path="installments",
            code="plan_mismatch",
        )
    if document.due_on is not None:
        return structs.replace(document, installments=(Installment("", document.due_on, total),))
    if document.state != "posted":
        return document
    raise MappingError("neither plan rows nor a due date", path="due_on", code="missing")


def finish_allocation(allocation: AllocationCandidate) -> AllocationCandidate:
    """A settlement between two different documents, of more than nothing."""
    if allocation.from_ref == allocation.to_ref:
        raise MappingError(f"{allocation.from_ref} settles itself", path="from_ref", code="self_settlement")
    if allocation.amount_minor <= 0:
        raise MappingError("the settled amount is not positive", path="amount_minor", code="wrong_sign")
    return allocation
