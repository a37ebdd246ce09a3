"""Two customers that are one, or one that is two: found, shown in full, then merged or parted with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from tieout.reports import customers as customer_view
from tieout.store.queries import customers
from tieout.web.auth import Principal
from tieout.web.console.forms import MayOperate, Text, words
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Ctx, Reads, Today, Uses
from tieout.web.problems import Refused

router = APIRouter()
OFFERED = 20
Members = Annotated[list[str], Query(max_length=50)]


def seen(customer_id: str, person: Person, ctx: Ctx, conn: Reads, today: Today) -> tuple[Principal, dict[str, Any]]:
    """Who looks, and the customer that stays."""
    companies = {name: company.name for name, company in ctx.config.companies.items()}
    return person, {"customer": customer_view.one(conn, customer_id, today), "companies": companies}


View = Annotated[tuple[Principal, dict[str, Any]], Depends(seen)]


def _page(
    request: Request,
    view: tuple[Principal, dict[str, Any]],
    shown: Any,
    *,
    q: str = "",
    offered: Sequence[Any] = (),
    other: str = "",
    deed: str = "unmerge",
) -> Response:
    person, about = view
    return render(request, "merge.html", person, **about, shown=shown, q=q, offered=offered, other=other, deed=deed)


@router.get("/customers/{customer_id}/merge")
def show_merge(
    request: Request,
    customer_id: str,
    view: View,
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
    shown = customer_view.regrouped(service.regroup.merge(customer_id, other)) if other else None
    return _page(request, view, shown, q=words, offered=offered[:OFFERED], other=other, deed="merge")


@router.post("/customers/{customer_id}/merge")
def merge(
    request: Request,
    customer_id: str,
    person: MayOperate,
    service: Uses,
    other: Text = "",
    reason: Text = "",
    overrule: Text = "",
) -> Response:
    """Make the other customer a part of this one; `overrule` where a person was shown to have said otherwise."""
    service.merge(customer_id, other[:64], person.actor, words(reason, "a reason", needed=True), overrule == "1")
    return see(f"/customers/{customer_id}?done=merged")


@router.get("/customers/{customer_id}/unmerge")
def show_unmerge(
    request: Request,
    customer_id: str,
    view: View,
    service: Uses,
    member: Members = [],  # noqa: B006 - read only; FastAPI asks for the default itself
) -> Response:
    """Where members that people put here would return to; all of them where none is named."""
    return _page(request, view, customer_view.regrouped(service.regroup.unmerge(customer_id, member)))


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


@router.get("/customers/{customer_id}/separate")
def show_separate(
    request: Request,
    customer_id: str,
    view: View,
    service: Uses,
    member: Members = [],  # noqa: B006 - read only
) -> Response:
    """What parting records that a rule linked would change."""
    shown = customer_view.regrouped(service.regroup.separate(customer_id, member))
    return _page(request, view, shown, deed="separate")


@router.post("/customers/{customer_id}/separate")
def separate(
    request: Request,
    customer_id: str,
    person: MayOperate,
    service: Uses,
    member: Annotated[list[str], Form(max_length=50)] = [],  # noqa: B006 - read only
    reason: Text = "",
) -> Response:
    """Say that the records that were shown are not this customer."""
    service.answers.separate(customer_id, member, person.actor, words(reason, "a reason", needed=True))
    return see(f"/customers/{customer_id}?done=separated")
