"""The list of invoices and of payments, with filters that are links; one invoice with "why this number"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from tieout.receivables import disputes
from tieout.reports import documents as document_view
from tieout.store.queries import invoices
from tieout.web.auth import Principal
from tieout.web.console.pages import Person, render
from tieout.web.deps import Ctx, Reads, Today, Uses, worth_of

router = APIRouter()
PAGE = 50
SORTS = f"^(|-?({'|'.join(invoices.SORTS)}))$"
Show = Literal["open", "overdue", "paid", "all"]


@router.get("/invoices")
def list_invoices(
    request: Request,
    person: Person,
    conn: Reads,
    ctx: Ctx,
    today: Today,
    show: Annotated[Show, Query()] = "open",
    q: Annotated[str, Query(max_length=100)] = "",
    sort: Annotated[str, Query(pattern=SORTS)] = "",
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Invoices and credit notes: what is open or late by due date, what is paid or all newest first; searched, sorted.

    Words of a search are found in the number and in the customer's name, code and tax ids.
    """
    words = q.strip() if q.isprintable() else ""
    wanted = invoices.DocumentFilter(
        q=words or None,
        is_open={"open": True, "paid": False}.get(show),
        overdue_on=today if show == "overdue" else None,
    )
    order = sort or ("due" if show in ("open", "overdue") else "-issued")
    return _list(request, "invoices.html", person, conn, ctx, today, wanted, order, cursor, show=show, q=words)


@router.get("/payments")
def list_payments(
    request: Request,
    person: Person,
    conn: Reads,
    ctx: Ctx,
    today: Today,
    show: Annotated[Literal["open", "all"], Query()] = "all",
    q: Annotated[str, Query(max_length=100)] = "",
    sort: Annotated[str, Query(pattern=SORTS)] = "",
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Payments and refunds, newest first: all, or those with cash that pays nothing yet."""
    words = q.strip() if q.isprintable() else ""
    wanted = invoices.DocumentFilter(
        kinds=invoices.PAYMENT_KINDS, q=words or None, is_open=True if show == "open" else None
    )
    order = sort or "-issued"
    return _list(request, "payments.html", person, conn, ctx, today, wanted, order, cursor, show=show, q=words)


def _list(
    request: Request,
    template: str,
    person: Principal,
    conn: Connection,
    ctx: Any,
    today: Mapping[str, date],
    wanted: invoices.DocumentFilter,
    sort: str,
    cursor: str | None,
    **more: Any,
) -> Response:
    worth = worth_of(conn, ctx, today)
    found = invoices.page(conn, wanted, PAGE, cursor, sort, worth)
    return render(
        request,
        template,
        person,
        rows=document_view.listed(conn, found.rows),
        totals=document_view.totals(invoices.totals(conn, wanted)),
        next=found.next,
        sort=sort,
        worth=worth,
        **more,
    )


@router.get("/invoices/{document_id}")
def show_invoice(request: Request, document_id: str, person: Person, service: Uses) -> Response:
    """One invoice and why its numbers are what they are."""
    why = service.explain_invoice(document_id)
    found = service.dunning.cases(kind=None, customer=None, document=document_id, is_open=None, limit=PAGE, cursor=None)
    instalments = document_view.instalments(why["items"], found["items"], why["document"]["number"])
    owed = [one for one in instalments if one["open"]["minor"] > 0]
    return render(
        request,
        "invoice.html",
        person,
        why=why,
        cases=found["items"],
        instalments=instalments,
        disputable=owed if len(owed) > 1 else [],
        dispute_codes=disputes.CODES,
    )
