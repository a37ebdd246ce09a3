"""Connections: how fresh each stream is, what went wrong, what calls were used; and the button that syncs one now."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from tieout.core.errors import Gone
from tieout.reports import health
from tieout.web.console.forms import MayOperate
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Ctx, Reads, Uses
from tieout.web.schemas.base import Name

router = APIRouter()


@router.get("/connections")
def list_connections(
    request: Request, person: Person, ctx: Ctx, conn: Reads, rung: Annotated[Name | None, Query()] = None
) -> Response:
    """Every configured connection."""
    lines = health.connection_lines(conn, ctx.config, ctx.clock.now())
    used = {line["name"]: health.budget_use(line, ctx.budget_limits(line["name"])) for line in lines}
    return render(request, "connections.html", person, lines=lines, used=used, rung=rung or "")


@router.post("/connections/{name}/sync")
def sync_now(name: str, person: MayOperate, ctx: Ctx, service: Uses) -> Response:
    """Wake the workers for one connection."""
    if name not in ctx.config.connections:
        raise Gone(f"there is no connection {name}", code="no_connection")
    service.start_sync(name, person.actor)
    return see(f"/connections?rung={name}")
