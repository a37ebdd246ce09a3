"""What was written, what waits, what failed: pushes with their receipts, and the button that tries a dead one again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from tieout.reports import work
from tieout.store.queries import connections, pushes
from tieout.store.queries.names import called
from tieout.web.console.forms import MayApprove, MayOperate, Text, words
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Ctx, Reads, Uses
from tieout.web.schemas.base import Name
from tieout.web.schemas.work import PushState

router = APIRouter()
PAGE = 50


@router.get("/pushes")
def list_pushes(
    request: Request,
    person: Person,
    ctx: Ctx,
    conn: Reads,
    state: Annotated[PushState | None, Query()] = None,
    connection: Annotated[Name | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Pushes, newest first, by state."""
    found = pushes.page(conn, pushes.PushFilter(connection=connection, state=state), PAGE, cursor)
    counts: dict[str, int] = {}
    for row in pushes.by_state(conn):
        if connection in (None, row["connection"]):
            counts[row["state"]] = counts.get(row["state"], 0) + int(row["rows"])
    return render(
        request,
        "pushes.html",
        person,
        rows=[work.push(row) for row in found.rows],
        counts={name: counts[name] for name in pushes.STATES if counts.get(name)},
        state=state or "",
        connection=connection or "",
        next=found.next,
        paused=_paused(conn, ctx),
    )


def _paused(conn: Reads, ctx: Ctx) -> dict[str, str]:
    """Configured connections to which nothing is sent for now, and why."""
    rows = connections.all_of(conn)
    found = {name: rows[name] for name in ctx.config.connections if name in rows}
    return {name: row["push_paused_why"] or "" for name, row in found.items() if row["push_paused"]}


@router.get("/pushes/{push_id}")
def show_push(
    request: Request, push_id: str, person: Person, conn: Reads, done: Annotated[str, Query(max_length=8)] = ""
) -> Response:
    """One push: what it sets, what was there, why, and its receipt."""
    push = work.push_detail(conn, push_id)
    names = called(conn, [push["subject"]])
    return render(request, "push.html", person, push=push, names=names, retried=done == "retried")


@router.post("/pushes/pause")
def pause(person: MayOperate, service: Uses, why: Text = "") -> Response:
    """Send nothing anywhere until an approver lets it go on."""
    service.push_pause(person.actor, words(why, "a reason", needed=True))
    return see("/pushes")


@router.post("/pushes/resume")
def resume(person: MayApprove, service: Uses) -> Response:
    """Let pushing go on."""
    service.push_resume(person.actor)
    return see("/pushes")


@router.post("/pushes/{push_id}/retry")
def retry_push(push_id: str, person: MayOperate, service: Uses) -> Response:
    """Try a dead push again."""
    service.retry_push(push_id, person.actor)
    return see(f"/pushes/{push_id}?done=retried")
