"""Claims to documents: which posted document a CRM's invoice, order or deal stands for (design decision D9)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

from mapping.identity.evidence import Reason
from mapping.identity.numbers import is_near, number_key
from tieout.canonical.documents import ClaimCandidate, DocumentCandidate, DocumentKind, DocumentState
from tieout.core.money import format_minor

BIND_VERSION = "bind-1"
MAX_SUGGESTIONS = 10
EXTERNAL, NUMBER, ORDER = 1, 2, 3
RULES = {EXTERNAL: "external_ref", NUMBER: "number", ORDER: "order_number"}
_MIN_POINTS = 30
_MANY = ("deal", "order")  # may stand for any number of documents
_PARTS = ("allocation", "installment")  # say something about an order, and are nothing by themselves

ClaimOutcome = Literal["bound", "review", "unbound"]


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """A document of the book of record as binding sees it; `customer` is the canonical customer, "" if not known."""

    ref: str
    external_id: str
    kind: DocumentKind
    number: str
    currency: str
    total_minor: int
    state: DocumentState = "posted"
    order_numbers: Sequence[str] = ()
    customer: str = ""
    issue_on: date | None = None


@dataclass(frozen=True, slots=True)
class DocumentSuggestion:
    """A document that the claim may mean; `points` only rank."""

    ref: str
    points: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ClaimVerdict:
    """The outcome for one claim.

    "bound": `refs` are its documents (one for invoices and receipts, any number for orders and deals), `rule` is
    must_link, external_ref, number or order_number, `flags` say what differs all the same (`amount_differs`).
    "review": a conflict `unlinked document` with reasons. "unbound": nothing to bind and nothing to ask.
    """

    outcome: ClaimOutcome
    refs: tuple[str, ...]
    rule: str
    rule_version: str
    flags: tuple[str, ...]
    reasons: tuple[Reason, ...]
    suggestions: tuple[DocumentSuggestion, ...]


def document_facts(ref: str, document: DocumentCandidate, *, customer: str = "") -> DocumentFacts:
    """The facts of a document candidate."""
    return DocumentFacts(
        ref,
        document.external_id,
        document.kind,
        document.number,
        document.currency,
        document.total_minor,
        document.state,
        tuple(document.order_numbers),
        customer,
        document.issue_on,
    )


def bind_claim(
    claim: ClaimCandidate,
    documents: Sequence[DocumentFacts],
    *,
    customer: str = "",
    rivals: Sequence[ClaimCandidate] = (),
    taken: Collection[str] = (),
    must_link: Collection[str] = (),
    must_not_link: Collection[str] = (),
) -> ClaimVerdict:
    """Which documents a claim stands for.

    `documents`: all that share a key with the claim, and those of its customer for suggestions. `customer`: the
    customer that the claim's party is linked to, "" if none. `rivals`: the other active claims of the same source and
    kind that share a key with it. `taken`: documents that people gave to other claims. `must_link` and
    `must_not_link`: people's answers for this claim, by document ref. Independent of the order of its inputs.
    """
    if must_link:
        both = sorted(set(must_link) & set(must_not_link))
        if both:
            return _review(tuple(Reason("answers_contradict", claim.external_id, ref, ref) for ref in both), ())
        unfit = _unfit(claim, [d for d in documents if d.ref in must_link])
        if unfit:  # one of the two changed since the answer: amounts of another currency are nobody's wish
            return _review(unfit, ())
        answered = tuple(Reason("must_link", claim.external_id, ref, ref) for ref in sorted(must_link))
        flags = _flags(claim, [d for d in documents if d.ref in must_link])
        return ClaimVerdict("bound", tuple(sorted(must_link)), "must_link", BIND_VERSION, flags, answered, ())
    if not claim.is_active:
        return ClaimVerdict("unbound", (), "", BIND_VERSION, (), (Reason("claim_inactive", claim.status),), ())
    if claim.kind in _PARTS:
        return ClaimVerdict("unbound", (), "", BIND_VERSION, (), (), ())
    usable = sorted(
        (d for d in documents if d.kind in kinds_of(claim.kind) and d.ref not in must_not_link),
        key=lambda d: d.ref,
    )
    many = claim.kind in _MANY
    levels = {document.ref: _level(claim, document) for document in usable}
    best = min((level for level in levels.values() if level is not None), default=None)
    suggestions = () if many else _suggestions(claim, usable, customer)
    if best is None:
        if many:
            return ClaimVerdict("unbound", (), "", BIND_VERSION, (), (), ())
        return _review(_why_unlinked(claim), suggestions)
    hits = [document for document in usable if levels[document.ref] == best]
    if many:
        hits = [d for d in hits if d.state == "posted"]
        if not hits:
            return ClaimVerdict("unbound", (), "", BIND_VERSION, (), (), ())
        same = [d for d in hits if d.currency == claim.currency]
        hits = same or hits
    against = _against(claim, hits, best, customer, rivals, frozenset(taken), many=many)
    if against:
        return _review(against, suggestions or _suggestions(claim, hits, customer))
    reasons = tuple(_hit_reason(claim, document, best) for document in hits)
    refs = tuple(document.ref for document in hits)
    return ClaimVerdict("bound", refs, RULES[best], BIND_VERSION, () if many else _flags(claim, hits), reasons, ())


def kinds_of(claim_kind: str) -> tuple[DocumentKind, ...]:
    """The kinds of document that a claim of this kind can stand for."""
    return ("payment",) if claim_kind == "payment" else ("invoice", "credit_note")


def _unfit(claim: ClaimCandidate, answered: Sequence[DocumentFacts]) -> tuple[Reason, ...]:
    """What not even a person's answer can bind: the fields of the record could not show such a document."""
    out: list[Reason] = []
    for document in sorted(answered, key=lambda d: d.ref):
        if document.kind not in kinds_of(claim.kind):
            out.append(Reason("kind_differs", claim.kind, document.kind, document.ref))
        if claim.kind not in _MANY and document.currency != claim.currency:
            out.append(Reason("currency_differs", claim.currency, document.currency, document.ref))
    return tuple(out)


def _review(reasons: tuple[Reason, ...], suggestions: tuple[DocumentSuggestion, ...]) -> ClaimVerdict:
    return ClaimVerdict("review", (), "", BIND_VERSION, (), reasons, suggestions)


def _keys(texts: Sequence[str]) -> frozenset[str]:
    return _keys_of(tuple(texts))


@lru_cache(maxsize=4096)  # each of hundreds of claims with one subject is held against the same documents
def _keys_of(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(key for text in texts if (key := number_key(text)))


def _document_ids(document: DocumentFacts) -> frozenset[str]:
    return _ids_of(document.external_id, document.number)


@lru_cache(maxsize=4096)
def _ids_of(external_id: str, number: str) -> frozenset[str]:
    """The ids under which a CRM may have stored a document: `form:id`, the id alone, its number."""
    return _keys_of((external_id, external_id.rpartition(":")[2], number))


def _level(claim: ClaimCandidate, document: DocumentFacts) -> int | None:
    """The strongest rule of D9 that joins the two; None when none does."""
    if _keys(claim.external_refs) & _document_ids(document):
        return EXTERNAL
    if _keys(claim.numbers) & _keys((document.number,)):
        return NUMBER
    if _keys(claim.order_numbers) & _keys(document.order_numbers):
        if claim.kind in _MANY:
            return ORDER
        if claim.currency == document.currency and claim.amount_minor == _total_minor(document):
            return ORDER
    return None


def _against(
    claim: ClaimCandidate,
    hits: Sequence[DocumentFacts],
    level: int,
    customer: str,
    rivals: Sequence[ClaimCandidate],
    taken: frozenset[str],
    *,
    many: bool,
) -> tuple[Reason, ...]:
    """Everything that keeps a key that hits from deciding alone."""
    out: list[Reason] = []
    if len(hits) > 1 and not many:
        out += [Reason("several_documents", RULES[level], document.number, document.ref) for document in hits]
    if level == ORDER and claim.external_refs:
        # The CRM names a document that is not this one.
        out.append(Reason("reference_not_found", " / ".join(claim.external_refs), hits[0].number, hits[0].ref))
    for document in hits:
        ref = document.ref
        if document.currency != claim.currency:
            out.append(Reason("currency_differs", claim.currency, document.currency, ref))
        if customer and document.customer and customer != document.customer:
            out.append(Reason("customer_differs", customer, document.customer, ref))
        if document.state != "posted":
            out.append(Reason(f"document_{document.state}", claim.label, document.number, ref))
        if level == NUMBER and not many and _amount_differs(claim, document) and not (customer and document.customer):
            # A number typed as free text, another amount and no customer to confirm it: too little to go on.
            out.append(Reason("amount_differs", _claimed(claim), _total(document), ref))
        if ref in taken:
            out.append(Reason("document_taken", claim.label, document.number, ref))
        for rival in sorted(rivals, key=lambda r: r.external_id):
            if rival.external_id == claim.external_id or rival.kind != claim.kind or not rival.is_active:
                continue
            theirs = _level(rival, document)
            if theirs is not None and theirs <= level:
                out.append(Reason("competing_claim", claim.label, rival.label, rival.external_id))
    return tuple(sorted(set(out), key=lambda r: (r.code, r.ref, r.mine, r.theirs)))


def _why_unlinked(claim: ClaimCandidate) -> tuple[Reason, ...]:
    if claim.external_refs:
        return (Reason("reference_not_found", " / ".join(claim.external_refs)),)
    if claim.order_numbers:
        return (Reason("no_document_for_order", " / ".join(claim.order_numbers), _claimed(claim)),)
    return (Reason("no_key_matches", " / ".join(claim.numbers)),)


def _hit_reason(claim: ClaimCandidate, document: DocumentFacts, level: int) -> Reason:
    mine = {EXTERNAL: claim.external_refs, NUMBER: claim.numbers, ORDER: claim.order_numbers}[level]
    theirs = " / ".join(document.order_numbers) if level == ORDER else document.number
    return Reason(RULES[level], " / ".join(mine), theirs, document.ref)


def _amount_differs(claim: ClaimCandidate, document: DocumentFacts) -> bool:
    return claim.amount_minor is not None and claim.amount_minor != _total_minor(document)


def _flags(claim: ClaimCandidate, hits: Sequence[DocumentFacts]) -> tuple[str, ...]:
    if claim.kind not in ("invoice", "payment"):
        return ()
    return ("amount_differs",) if any(_amount_differs(claim, document) for document in hits) else ()


def _claimed(claim: ClaimCandidate) -> str:
    return "" if claim.amount_minor is None else format_minor(claim.amount_minor, claim.currency)


def _total(document: DocumentFacts) -> str:
    return format_minor(_total_minor(document), document.currency)


def _total_minor(document: DocumentFacts) -> int:
    """The total as the document itself states it: the ledger's sign of payments is not on their paper."""
    return -document.total_minor if document.kind == "payment" else document.total_minor


def _suggestions(
    claim: ClaimCandidate, documents: Sequence[DocumentFacts], customer: str
) -> tuple[DocumentSuggestion, ...]:
    """Documents that may be meant, best first: keys, near numbers, same customer with the same amount."""
    made: list[DocumentSuggestion] = []
    refs, numbers, orders = _keys(claim.external_refs), _keys(claim.numbers), _keys(claim.order_numbers)
    for document in documents:
        number = number_key(document.number)
        found: list[tuple[int, str, str, str]] = []  # points, code, mine, theirs

        if refs & _document_ids(document):
            found.append((60, "external_ref", " / ".join(claim.external_refs), document.number))
        elif number in numbers:
            found.append((50, "number", " / ".join(claim.numbers), document.number))
        elif near := sorted(key for key in refs | numbers if is_near(key, number)):
            found.append((30, "number_near", " / ".join(near), document.number))
        if orders & _keys(document.order_numbers):
            found.append((30, "order_number", " / ".join(claim.order_numbers), " / ".join(document.order_numbers)))
        if customer and customer == document.customer:
            found.append((15, "customer_equal", customer, document.customer))
        if claim.currency != document.currency:
            found.append((-20, "currency_differs", claim.currency, document.currency))
        elif claim.amount_minor is not None:
            same = claim.amount_minor == _total_minor(document)
            found.append(
                (25 if same else 0, "amount_equal" if same else "amount_differs", _claimed(claim), _total(document))
            )
        if claim.issue_on is not None and claim.issue_on == document.issue_on:
            found.append((5, "date_equal", claim.issue_on.isoformat(), claim.issue_on.isoformat()))
        points = sum(row[0] for row in found)
        if points >= _MIN_POINTS:
            reasons = tuple(Reason(code, mine, theirs, document.ref) for _, code, mine, theirs in found)
            made.append(DocumentSuggestion(document.ref, points, reasons))
    return tuple(sorted(made, key=lambda s: (-s.points, s.ref)))[:MAX_SUGGESTIONS]
