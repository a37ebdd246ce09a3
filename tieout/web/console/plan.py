"""The plan: what would be written where, from what to what and why; and the button that lets it go."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from tieout.reports import plan as plan_view
from tieout.store.queries.names import called
from tieout.web.console.forms import MayApprove, Text
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Reads, Uses

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
def push_plan(person: MayApprove, service: Uses, digest: Text = "") -> Response:
    """Send exactly the rows that were shown."""
    service.push_plan(digest[:64], person.actor)
    return see("/plan?sent=1")
