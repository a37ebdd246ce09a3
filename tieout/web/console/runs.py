"""What the service did: runs by kind and state, newest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from tieout.reports import work
from tieout.store.queries import runs
from tieout.web.console.pages import Person, render
from tieout.web.deps import Reads
from tieout.web.schemas.base import Name
from tieout.web.schemas.work import RunKind, RunState

router = APIRouter()
PAGE = 50


@router.get("/runs")
def list_runs(
    request: Request,
    person: Person,
    conn: Reads,
    kind: Annotated[RunKind | None, Query()] = None,
    state: Annotated[RunState | None, Query()] = None,
    connection: Annotated[Name | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Runs, newest first."""
    found = runs.page(conn, runs.RunFilter(kind, connection, state), PAGE, cursor)
    kept = "".join(
        f"&{name}={value}" for name, value in (("kind", kind), ("state", state), ("connection", connection)) if value
    )
    return render(
        request,
        "runs.html",
        person,
        rows=[work.run(row) for row in found.rows],
        kind=kind or "",
        state=state or "",
        kept=kept,
        next=found.next,
    )
