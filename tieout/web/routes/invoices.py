"""/v1/invoices and /v1/payments: documents, their open items, allocations and why."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from tieout.core.errors import Gone
from tieout.reports import documents as read
from tieout.store.queries import accounts, invoices
from tieout.store.queries.worth import PLAIN
from tieout.web.auth import Reader
from tieout.web.deps import NO_QUERY, READ_ERRORS, Ctx, Reads, Today, Uses, plain, reply, worth_of
from tieout.web.schemas.base import Id, Page
from tieout.web.schemas.receivables import (
    Allocation,
    Document,
    DocumentDetail,
    Explanation,
    InvoiceQuery,
    PaymentQuery,
)

router = APIRouter(prefix="/v1", tags=["documents"])
DocumentId = Annotated[Id, Path(description="Document id.", examples=["inv_01jd5m9p2k7x8n4q3r6s1t"])]


@router.get("/invoices", response_model=Page[Document], responses=READ_ERRORS)
def list_invoices(_: Reader, query: Annotated[InvoiceQuery, Query()], conn: Reads, ctx: Ctx, today: Today) -> Response:
    """Invoices and credit notes in the order asked for, else of their ids (by kind, then as they were first posted)."""
    wanted = invoices.DocumentFilter(
        kinds=(query.kind,) if query.kind else invoices.INVOICE_KINDS,
        customer_id=query.customer,
        company_id=query.company,
        currency=query.currency,
        state=query.state,
        status=query.status,
        is_open=query.open,
        due_from=query.due_from,
        due_until=query.due_until,
        q=query.q,
        overdue_on=today if query.overdue else None,
    )
    worth = worth_of(conn, ctx, today) if query.sort else PLAIN
    found = invoices.page(conn, wanted, query.limit, query.cursor, query.sort or "", worth)
    return reply(Page[Document], {"items": read.listed(conn, found.rows), "next": found.next})


@router.get("/invoices/{document_id}", response_model=DocumentDetail, responses=READ_ERRORS, dependencies=NO_QUERY)
def get_invoice(_: Reader, document_id: DocumentId, conn: Reads, today: Today) -> Response:
    """One invoice or credit note with its instalments and allocations."""
    return reply(DocumentDetail, read.one(conn, document_id, invoices.INVOICE_KINDS, today))


@router.get("/invoices/{document_id}/explain", response_model=Explanation, responses=READ_ERRORS, dependencies=NO_QUERY)
def explain_invoice(_: Reader, document_id: DocumentId, service: Uses) -> Response:
    """Back to the raw records, the profile version, the rule version, and the person or job behind each number."""
    return reply(Explanation, plain(service.explain_invoice(document_id)))


@router.get("/payments", response_model=Page[Document], responses=READ_ERRORS)
def list_payments(_: Reader, query: Annotated[PaymentQuery, Query()], conn: Reads, ctx: Ctx, today: Today) -> Response:
    """Payments and refunds in the order asked for, else of their ids; `open` is unapplied cash, negative."""
    wanted = invoices.DocumentFilter(
        kinds=(query.kind,) if query.kind else invoices.PAYMENT_KINDS,
        customer_id=query.customer,
        company_id=query.company,
        currency=query.currency,
        state=query.state,
        is_open=query.open,
        q=query.q,
    )
    worth = worth_of(conn, ctx, today) if query.sort else PLAIN
    found = invoices.page(conn, wanted, query.limit, query.cursor, query.sort or "", worth)
    return reply(Page[Document], {"items": read.listed(conn, found.rows), "next": found.next})


@router.get(
    "/payments/{document_id}/allocations", response_model=Page[Allocation], responses=READ_ERRORS, dependencies=NO_QUERY
)
def list_allocations(_: Reader, document_id: DocumentId, conn: Reads) -> Response:
    """What a payment pays, by date; withdrawn allocations are marked, not hidden."""
    if invoices.get(conn, document_id, invoices.PAYMENT_KINDS) is None:
        raise Gone(f"there is no payment {document_id}", code="no_payment")
    rows = accounts.allocations_of_document(conn, document_id)
    return reply(Page[Allocation], {"items": [read.allocation(row) for row in rows], "next": None})
