"""/v1/connections, /v1/runs, /v1/reconciliations, /v1/audit."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from tieout.core.errors import Gone
from tieout.reports import health, work
from tieout.store import audit
from tieout.store.queries import reconciliations, runs
from tieout.store.queries.paging import page_of
from tieout.store.session import reading
from tieout.web.auth import Auditor, Operator, Reader
from tieout.web.deps import NO_QUERY, READ_ERRORS, WRITE_ERRORS, Ctx, Reads, Uses, plain, reply, reply_page
from tieout.web.schemas.base import Id, Name, Page, PageQuery, instant_or_point
from tieout.web.schemas.work import (
    AuditLine,
    BreakLine,
    BreakQuery,
    Connection,
    ReconcileIn,
    Reconciliation,
    ReconciliationDetail,
    ReconciliationQuery,
    Run,
    RunQuery,
    Started,
)

router = APIRouter(prefix="/v1", tags=["operations"])
ConnectionName = Annotated[Name, Path(description="The name in the configuration.", examples=["zoho"])]


@router.get("/connections", response_model=Page[Connection], responses=READ_ERRORS)
def list_connections(_: Reader, query: Annotated[PageQuery, Query()], conn: Reads, ctx: Ctx) -> Response:
    """Configured connections with their streams, budgets and freshness, in the order of the configuration."""
    lines = health.connection_lines(conn, ctx.config, ctx.clock.now())
    found = page_of(lines, query.limit, query.cursor, "connections", lambda line: str(line["name"]))
    return reply_page(Page[Connection], found, dict)


@router.get("/connections/{name}", response_model=Connection, responses=READ_ERRORS, dependencies=NO_QUERY)
def get_connection(_: Reader, name: ConnectionName, conn: Reads, ctx: Ctx) -> Response:
    """One connection."""
    _known(ctx, name)
    lines = health.connection_lines(conn, ctx.config, ctx.clock.now())
    return reply(Connection, next(line for line in lines if line["name"] == name))


@router.post(
    "/connections/{name}/sync", response_model=Started, status_code=202, responses=WRITE_ERRORS, dependencies=NO_QUERY
)
def start_sync(caller: Operator, name: ConnectionName, ctx: Ctx, service: Uses) -> Response:
    """Wake the workers for one connection now; the answer names the run."""
    _known(ctx, name)
    return reply(Started, {"run": service.start_sync(name, caller.actor)}, 202)


@router.get("/runs", response_model=Page[Run], responses=READ_ERRORS)
def list_runs(_: Reader, query: Annotated[RunQuery, Query()], conn: Reads) -> Response:
    """Runs, newest first."""
    found = runs.page(conn, runs.RunFilter(query.kind, query.connection, query.state), query.limit, query.cursor)
    return reply_page(Page[Run], found, work.run)


@router.get("/runs/{run_id}", response_model=Run, responses=READ_ERRORS, dependencies=NO_QUERY)
def get_run(_: Reader, run_id: Annotated[Id, Path(description="Run id.")], conn: Reads) -> Response:
    """One run."""
    return reply(Run, work.run_detail(conn, run_id))


@router.get("/reconciliations", response_model=Page[Reconciliation], responses=READ_ERRORS)
def list_reconciliations(_: Reader, query: Annotated[ReconciliationQuery, Query()], conn: Reads) -> Response:
    """Reconciliations, newest first."""
    found = reconciliations.page(conn, query.valid, query.limit, query.cursor)
    return reply_page(Page[Reconciliation], found, work.reconciliation)


@router.get(
    "/reconciliations/{reconciliation_id}",
    response_model=ReconciliationDetail,
    responses=READ_ERRORS,
    dependencies=NO_QUERY,
)
def get_reconciliation(
    _: Reader, reconciliation_id: Annotated[Id, Path(description="Reconciliation id.")], conn: Reads
) -> Response:
    """One reconciliation with its totals and breaks."""
    return reply(ReconciliationDetail, plain(work.reconciliation_detail(conn, reconciliation_id)))


@router.get("/reconciliations/{reconciliation_id}/breaks", response_model=Page[BreakLine], responses=READ_ERRORS)
def list_breaks(
    _: Reader,
    reconciliation_id: Annotated[Id, Path(description="Reconciliation id.")],
    query: Annotated[BreakQuery, Query()],
    conn: Reads,
) -> Response:
    """Every break of a reconciliation: both sides' values, the difference per currency, the cause and the age."""
    work.reconciliation_detail(conn, reconciliation_id)
    wanted = reconciliations.BreakFilter(query.connection, query.kind, query.cause, query.customer)
    found = reconciliations.breaks_page(conn, reconciliation_id, wanted, query.limit, query.cursor)
    return reply_page(Page[BreakLine], found, lambda row: {"connection": row["counterpart"], **row["body"]})


@router.post(
    "/reconciliations",
    response_model=ReconciliationDetail,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=NO_QUERY,
)
def reconcile(caller: Operator, body: ReconcileIn, ctx: Ctx, service: Uses) -> Response:
    """Ask both sides for their own totals, compare, and store the result."""
    made = service.reconcile(body.as_of, caller.actor, instant_or_point(body.known_at))
    with reading(ctx.engine) as conn:
        stored = work.reconciliation_detail(conn, str(made["id"]))
    return reply(ReconciliationDetail, plain(stored), 201)


@router.get("/audit", response_model=Page[AuditLine], responses=READ_ERRORS)
def list_audit(_: Auditor, query: Annotated[PageQuery, Query()], conn: Reads) -> Response:
    """The audit trail, newest first; auditors and admins only."""
    found = audit.page(conn, query.limit, query.cursor)
    return reply_page(Page[AuditLine], found, lambda row: dict(plain(dict(row))))


def _known(ctx: Any, name: str) -> None:
    if name not in ctx.config.connections:
        raise Gone(f"there is no connection {name}", code="no_connection")
