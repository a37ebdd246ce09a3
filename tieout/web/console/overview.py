"""The overview page: what is owed, whether the sync is healthy, what needs a person."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tieout.reports import overview
from tieout.web.console import alerts
from tieout.web.console.pages import Person, render, speaker
from tieout.web.deps import Ctx, Reads, Today

router = APIRouter()


@router.get("/")
def show_overview(request: Request, person: Person, ctx: Ctx, conn: Reads, today: Today) -> Response:
    """Money, health, conflicts, the pending plan and the last tie-out, from one state of the database."""
    view = overview.build(conn, ctx.config, today, ctx.clock.now())
    told = alerts.told(conn, speaker(request, person).language)
    return render(
        request,
        "overview.html",
        person,
        view=view,
        down=alerts.down(view["connections"]),
        alerts=[one for one in told if one["kind"] not in ("stream", "auth", "credit_limit")],
        over_limit=sum(one["kind"] == "credit_limit" for one in told),
        companies={name: company.name for name, company in ctx.config.companies.items()},
    )
