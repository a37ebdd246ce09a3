"""The plan: what would be written where, from what to what and why; and the button that lets it go."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from tieout.reports import plan as plan_view
from tieout.store.queries.names import called
from tieout.web.auth import check_form
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Reads, Uses
from tieout.web.problems import Refused

router = APIRouter()
SHOWN_ROWS = 200


@router.get("/plan")
def show_plan(
    request: Request, person: Person, service: Uses, conn: Reads, sent: Annotated[str, Query(max_length=1)] = ""
) -> Response:
    """The pending plan."""
    made = plan_view.shown(service.plan(False).as_dict())
    rows = made["rows"][:SHOWN_ROWS]
    names = called(conn, [row["subject"] or "" for row in rows])
    return render(request, "plan.html", person, plan=made, rows=rows, names=names, sent=sent)


@router.post("/plan/push")
def push_plan(
    request: Request,
    person: Person,
    service: Uses,
    digest: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Send exactly the rows that were shown."""
    check_form(request, person, csrf)
    if not person.may("approve"):
        raise Refused(403, "denied", f"the role {person.role} may not push a plan")
    service.push_plan(digest[:64], person.actor)
    return see("/plan?sent=1")
