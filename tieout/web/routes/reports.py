"""/v1/reports: aging, statements, cash, credit, dunning and stored reconciliations in every format."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from tieout.reports.made.catalog import REPORTS
from tieout.reports.render import MEDIA
from tieout.web.auth import Reader
from tieout.web.deps import NO_QUERY, READ_ERRORS, Uses, reply
from tieout.web.problems import responses
from tieout.web.schemas.base import instant_or_point
from tieout.web.schemas.reports import ReportList, ReportName, ReportQuery

router = APIRouter(prefix="/v1/reports", tags=["reports"])
_FILES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The report.", "content": {media: {"schema": {}} for media in MEDIA.values()}}
}


@router.get("", response_model=ReportList, responses=READ_ERRORS, dependencies=NO_QUERY)
def list_reports(_: Reader) -> Response:
    """Which reports there are."""
    made = [{"name": name, "about": one.words[0], "about_zh": one.words[1]} for name, one in REPORTS.items()]
    return reply(ReportList, {"items": made})


@router.get("/{name}", response_class=Response, responses={**READ_ERRORS, **responses(409, 400), **_FILES})
def get_report(
    _: Reader,
    name: Annotated[ReportName, Path(description="Which report.")],
    query: Annotated[ReportQuery, Query()],
    service: Uses,
) -> Response:
    """One report. The header `X-Tieout-Known` names the point of knowledge: asked for again it gives the same bytes."""
    made = service.report(
        name,
        as_of=query.as_of,
        known_at=instant_or_point(query.known_at),
        form=query.format,
        language=query.language or "",
        company=query.company or "",
        customer=query.customer or "",
        since=query.since,
        table=query.table or "",
    )
    headers = {"X-Tieout-Known": made.known}
    if query.format != "json":
        headers["Content-Disposition"] = f'attachment; filename="{made.file_name}"'
    return Response(made.body, media_type=made.media_type, headers=headers)
