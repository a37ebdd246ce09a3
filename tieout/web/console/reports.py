"""Reports: choose one, look at it or take it as a file; the schedules, their runs, and what was delivered where."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from tieout.core.cron import Cron
from tieout.core.errors import TieoutError
from tieout.reports import work
from tieout.reports.made.catalog import REPORTS
from tieout.store import notices
from tieout.store.queries import customers, runs
from tieout.web.console.forms import day
from tieout.web.console.pages import Person, render
from tieout.web.deps import Ctx, Reads, Uses
from tieout.web.problems import Refused
from tieout.web.schemas.base import instant_or_point
from tieout.web.schemas.reports import ReportName

router = APIRouter()
SHOWN = 20
# A report is a page of its own with its own style; nothing else may run or load in it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
Line = Annotated[str, Query(max_length=100)]


@router.get("/reports")
def show_reports(request: Request, person: Person, ctx: Ctx, conn: Reads, customer: Line = "") -> Response:
    """What can be asked for, and what is made by itself."""
    found = runs.page(conn, runs.RunFilter(kind="report"), SHOWN, None)
    last: dict[str, Any] = {}
    for row in found.rows:
        last.setdefault(row["stream"], row)
    chosen = customers.get(conn, customer) if customer else None
    return render(
        request,
        "reports.html",
        person,
        reports={name: one.words for name, one in REPORTS.items()},
        companies={name: one.name for name, one in ctx.config.companies.items()},
        customer=chosen,
        schedules=[_schedule(ctx, one, last.get(name)) for name, one in ctx.config.schedules.items()],
        runs=[work.run(row) for row in found.rows],
        notices=notices.recent(conn, SHOWN),
    )


@router.get("/reports/file")
def get_file(
    person: Person,
    service: Uses,
    name: ReportName,
    form: Annotated[Literal["html", "pdf", "xlsx", "csv", "json"], Query()] = "html",
    as_of: Line = "",
    known_at: Line = "",
    since: Line = "",
    company: Line = "",
    customer: Line = "",
    language: Annotated[Literal["zh-CN", "en", ""], Query()] = "",
) -> Response:
    """One report; HTML is looked at, everything else is a file."""
    try:
        known = instant_or_point(known_at.strip() or None)
    except TieoutError:
        raise Refused(422, "invalid", "known at: write a point (12.345) or an instant (2026-11-02T00:00:00Z)") from None
    made = service.report(
        name,
        as_of=day(as_of, "as of", needed=False),
        known_at=known,
        form=form,
        language=language,
        company=company,
        customer=customer.strip(),
        since=day(since, "since", needed=False),
        table="",
    )
    headers = {"X-Tieout-Known": made.known, "Content-Security-Policy": _POLICY}
    if form != "html":
        headers["Content-Disposition"] = f'attachment; filename="{made.file_name}"'
    return Response(made.body, media_type=made.media_type, headers=headers)


def _schedule(ctx: Any, one: Any, last: Any) -> dict[str, Any]:
    company = ctx.config.companies.get(one.company) or next(iter(ctx.config.companies.values()), None)
    zone = one.timezone or (company.timezone if company is not None else "UTC")
    return {
        "name": one.name,
        "report": one.report,
        "cron": one.cron,
        "format": one.format,
        "to": one.to,
        "next": Cron.parse(one.cron).next_after(ctx.clock.now(), zone),
        "last": None if last is None else work.run(last),
    }
