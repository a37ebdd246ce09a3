"""The list of invoices and of payments, with filters that are links; one invoice with "why this number"."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from tieout.receivables import disputes
from tieout.reports import documents as document_view
from tieout.store.queries import invoices
from tieout.web.console.pages import Person, render
from tieout.web.deps import Reads, Today, Uses

router = APIRouter()
PAGE = 50
Show = Literal["open", "overdue", "paid", "all"]


@router.get("/invoices")
def list_invoices(
    request: Request,
    person: Person,
    conn: Reads,
    today: Today,
    show: Annotated[Show, Query()] = "open",
    q: Annotated[str, Query(max_length=100)] = "",
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Invoices and credit notes: what is open, what is late, what is paid, or all; by number."""
    words = q.strip() if q.isprintable() else ""
    wanted = invoices.DocumentFilter(
        q=words or None,
        is_open={"open": True, "paid": False}.get(show),
        overdue_on=today if show == "overdue" else None,
    )
    found = invoices.page(conn, wanted, PAGE, cursor)
    rows = document_view.listed(conn, found.rows)
    return render(request, "invoices.html", person, rows=rows, show=show, q=words, next=found.next)


@router.get("/payments")
def list_payments(
    request: Request,
    person: Person,
    conn: Reads,
    show: Annotated[Literal["open", "all"], Query()] = "all",
    q: Annotated[str, Query(max_length=100)] = "",
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Payments and refunds: all, or those with cash that pays nothing yet."""
    words = q.strip() if q.isprintable() else ""
    wanted = invoices.DocumentFilter(
        kinds=invoices.PAYMENT_KINDS, q=words or None, is_open=True if show == "open" else None
    )
    found = invoices.page(conn, wanted, PAGE, cursor)
    rows = document_view.listed(conn, found.rows)
    return render(request, "payments.html", person, rows=rows, show=show, q=words, next=found.next)


@router.get("/invoices/{document_id}")
def show_invoice(request: Request, document_id: str, person: Person, service: Uses) -> Response:
    """One invoice and why its numbers are what they are."""
    why = service.explain_invoice(document_id)
    found = service.dunning.cases(kind=None, customer=None, document=document_id, is_open=None, limit=PAGE, cursor=None)
    return render(request, "invoice.html", person, why=why, cases=found["items"], dispute_codes=disputes.CODES)
