"""Customers: who owes, and one customer's account."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from sync.reporting import ReportWish
from tieout.reports import customers as customer_view
from tieout.reports import table, timeline
from tieout.store.queries import customers
from tieout.store.queries.names import called
from tieout.web.console.forms import day
from tieout.web.console.pages import Person, render, speaker
from tieout.web.deps import Ctx, Reads, Today, Uses, worth_of

router = APIRouter()
PAGE = 50
SORTS = f"^(|-?({'|'.join(customers.SORTS)}))$"
LINES = 100  # open items, and payments, on a customer's page
TICKS = 100  # open items offered in a form; more are named over the API or the command line
Line = Annotated[str, Query(max_length=64)]


@router.get("/customers")
def list_customers(
    request: Request,
    person: Person,
    ctx: Ctx,
    conn: Reads,
    today: Today,
    q: Annotated[str, Query(max_length=100)] = "",
    overdue: Annotated[str, Query(max_length=1)] = "",
    credit: Annotated[Literal["", "ok", "watch", "hold"], Query()] = "",
    sort: Annotated[str, Query(pattern=SORTS)] = "",
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Customers, the most overdue first: by name, code or tax id, by credit status, or only those who are late."""
    words = q.strip() if q.isprintable() else ""
    late = today if overdue else None
    wanted = customers.CustomerFilter(words or None, credit or None, sorted(today), late, today)
    worth = worth_of(conn, ctx, today)
    found = customers.page(conn, wanted, PAGE, cursor, sort or "-overdue", worth)
    count, sums = customers.totals(conn, wanted)
    return render(
        request,
        "customers.html",
        person,
        rows=customer_view.listed(conn, found.rows, today),
        count=count,
        totals=customer_view.totals(sums),
        q=words,
        overdue=overdue,
        credit=credit,
        sort=sort or "-overdue",
        worth=worth,
        next=found.next,
    )


@router.get("/customers/{customer_id}")
def show_customer(
    request: Request,
    customer_id: str,
    person: Person,
    ctx: Ctx,
    conn: Reads,
    today: Today,
    service: Uses,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
    items: Annotated[str | None, Query(max_length=600)] = None,
    payments: Annotated[str | None, Query(max_length=600)] = None,
    done: Literal["merged", "parted", "separated", ""] = "",
) -> Response:
    """One customer: balances, credit with reasons, open items, payments and what they paid, what happened, members."""
    account = customer_view.account(conn, customer_id, today, LINES, items, payments)
    told = timeline.of_customer(conn, customer_id, cursor)
    cases = service.dunning.cases(
        kind=None, customer=customer_id, document=None, is_open=None, limit=PAGE, cursor=None
    )["items"]
    orders = service.credit.show(customer_id)["orders"]
    return render(
        request,
        "customer.html",
        person,
        customer=customer_view.one(conn, customer_id, today),
        account=account,
        paid=customer_view.paid(conn, account["payments"]),
        companies={name: company.name for name, company in ctx.config.companies.items()},
        currency=next((one.functional_currency for one in ctx.config.companies.values()), ""),
        orders=orders,
        why=service.dunning.why(customer_id, None),
        cases=cases,
        claimable=customer_view.claimable(conn, customer_id, TICKS + 1),
        ticks=TICKS,
        timeline=told.rows,
        next=told.next,
        cursor=cursor,
        at={"items": items, "payments": payments},
        done=done,
    )


@router.get("/customers/{customer_id}/statement")
def show_statement(
    request: Request,
    customer_id: str,
    person: Person,
    ctx: Ctx,
    conn: Reads,
    service: Uses,
    as_of: Line = "",
    since: Line = "",
    company: Line = "",
    language: Annotated[Literal["zh-CN", "en", ""], Query()] = "",
) -> Response:
    """The customer's account over a period, in a language of its own; printed without the menu."""
    wish = ReportWish(
        "statement",
        as_of=day(as_of, "as of", needed=False),
        company=company,
        customer=customer_id,
        since=day(since, "since", needed=False),
        language=language or speaker(request, person).language,
    )
    return render(
        request,
        "statement.html",
        person,
        report=service.report_view(wish),
        wish=wish,
        name=called(conn, [customer_id]).get(customer_id, ""),
        companies={name: one.name for name, one in ctx.config.companies.items()},
        words=table.say,
        cell_text=table.text,
        about=table.about,
    )
