"""Two customers that are one, or one that is two: found, shown in full, then merged or parted with a reason."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from tieout.reports import customers as customer_view
from tieout.store.queries import customers
from tieout.web.console.forms import MayOperate, Text, words
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Ctx, Reads, Today, Uses
from tieout.web.problems import Refused

router = APIRouter()
OFFERED = 20
Members = Annotated[list[str], Query(max_length=50)]


@router.get("/customers/{customer_id}/merge")
def show_merge(
    request: Request,
    customer_id: str,
    person: Person,
    ctx: Ctx,
    conn: Reads,
    today: Today,
    service: Uses,
    q: Annotated[str, Query(max_length=100)] = "",
    other: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Find the other customer by name, then see what would move, before anything does."""
    words = q.strip() if q.isprintable() else ""
    found = customers.page(conn, customers.CustomerFilter(q=words), OFFERED + 1, None).rows if words else ()
    offered = [row for row in customer_view.listed(conn, found, today) if row["id"] != customer_id]
    return render(
        request,
        "merge.html",
        person,
        customer=customer_view.one(conn, customer_id, today),
        companies={name: company.name for name, company in ctx.config.companies.items()},
        q=words,
        offered=offered[:OFFERED],
        other=other,
        leaving=[],
        shown=customer_view.regrouped(service.regroup.merge(customer_id, other)) if other else None,
    )


@router.post("/customers/{customer_id}/merge")
def merge(
    request: Request,
    customer_id: str,
    person: MayOperate,
    service: Uses,
    other: Text = "",
    reason: Text = "",
) -> Response:
    """Make the other customer a part of this one."""
    service.merge(customer_id, other[:64], person.actor, words(reason, "a reason", needed=True))
    return see(f"/customers/{customer_id}?done=merged")


@router.get("/customers/{customer_id}/unmerge")
def show_unmerge(
    request: Request,
    customer_id: str,
    person: Person,
    ctx: Ctx,
    conn: Reads,
    today: Today,
    service: Uses,
    member: Members = [],  # noqa: B006 - read only; FastAPI asks for the default itself
) -> Response:
    """Where members that people put here would return to; all of them where none is named."""
    return render(
        request,
        "merge.html",
        person,
        customer=customer_view.one(conn, customer_id, today),
        companies={name: company.name for name, company in ctx.config.companies.items()},
        q="",
        offered=[],
        other="",
        leaving=member,
        shown=customer_view.regrouped(service.regroup.unmerge(customer_id, member)),
    )


@router.post("/customers/{customer_id}/unmerge")
def unmerge(
    request: Request,
    customer_id: str,
    person: MayOperate,
    service: Uses,
    member: Annotated[list[str], Form(max_length=50)] = [],  # noqa: B006 - read only
    reason: Text = "",
) -> Response:
    """Let the members that were shown go back to where they stood."""
    if not member:  # nobody may lose more than what was shown
        raise Refused(422, "invalid", "choose which members leave")
    service.unmerge(customer_id, member, person.actor, words(reason, "a reason", needed=True))
    return see(f"/customers/{customer_id}?done=parted")
