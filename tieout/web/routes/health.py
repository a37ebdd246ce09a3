"""/healthz (the process), /readyz (what it stands on), /metrics (Prometheus)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy.exc import SQLAlchemyError

from tieout.core import logging
from tieout.reports import metrics
from tieout.store.session import reading
from tieout.web import problems
from tieout.web.auth import Reader
from tieout.web.deps import NO_QUERY, READ_ERRORS, Ctx, Reads, Uses, reply
from tieout.web.schemas.work import Health, Readiness

router = APIRouter(tags=["health"])
log = logging.get("web")
_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz", response_model=Health, responses=problems.responses(405, 413, 422, 500), dependencies=NO_QUERY)
def healthz() -> Response:
    """The process answers; nothing else is asked."""
    return reply(Health, {"status": "ok"})


@router.get(
    "/readyz",
    response_model=Readiness,
    responses=problems.responses(405, 413, 422, 500)
    | {503: {"model": Readiness, "description": "Not ready: each problem has a code."}},
    dependencies=NO_QUERY,
)
def readyz(ctx: Ctx, service: Uses) -> Response:
    """Database, Redis, migrations and stale streams; 503 with the list of problems when anything is wrong."""
    try:
        with reading(ctx.engine) as conn:
            conn.exec_driver_sql("SELECT 1")
        found = [_problem(item) for item in service.ready()]
    except SQLAlchemyError as error:
        log.warning("not ready", error=str(error))
        found = [{"code": "database", "message": "the database does not answer"}]
    status = "not_ready" if found else "ready"
    return reply(Readiness, {"status": status, "problems": found}, 503 if found else 200)


def _problem(item: Any) -> dict[str, str]:
    if isinstance(item, str):
        return {"code": item.split(":")[0].strip()[:64], "message": item}
    if isinstance(item, dict):
        return {"code": str(item.get("code", "problem")), "message": str(item.get("message", ""))}
    return {"code": str(getattr(item, "code", "problem")), "message": str(getattr(item, "message", item))}


@router.get(
    "/metrics",
    response_class=Response,
    responses=_TEXT | READ_ERRORS,
    dependencies=NO_QUERY,
)
def read_metrics(_: Reader, conn: Reads, ctx: Ctx) -> Response:
    """Prometheus text, read from SQL at every scrape; needs a viewer key (`authorization` in the scrape config)."""
    return Response(metrics.render(conn, ctx.config, ctx.clock.now()), media_type=METRICS_TYPE)
