"""/v1/plan and /v1/pushes: look before you write, then what became of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from tieout.reports import plan as plan_view
from tieout.reports import work
from tieout.store.queries import pushes
from tieout.web.auth import Approver, Operator, Reader
from tieout.web.deps import NO_QUERY, READ_ERRORS, WRITE_ERRORS, Reads, Uses, plain, reply, reply_page
from tieout.web.problems import Refused
from tieout.web.schemas.base import Id, Page
from tieout.web.schemas.work import Done, PauseIn, Plan, PlanQuery, Push, PushQuery, Started

router = APIRouter(prefix="/v1", tags=["plan and pushes"])
PushId = Annotated[Id, Path(description="Push id.")]
Digest = Annotated[str, Path(pattern="^[0-9a-z_]{4,64}$", description="The digest that a plan printed.")]


@router.get("/plan", response_model=Plan, responses=WRITE_ERRORS)
def get_plan(caller: Reader, query: Annotated[PlanQuery, Query()], service: Uses) -> Response:
    """Each field that would change in each remote system, from what to what and why; writes nothing remotely.

    `fresh=true` reads the remote values again first, which spends calls: it needs the operator role.
    """
    if query.fresh and not caller.may("operate"):
        raise Refused(403, "denied", f"the role {caller.role} may not spend calls on a fresh plan")
    return reply(Plan, plain(plan_view.shown(service.plan(query.fresh).as_dict())))


@router.post(
    "/plan/{digest}/push", response_model=Started, status_code=202, responses=WRITE_ERRORS, dependencies=NO_QUERY
)
def push_plan(caller: Approver, digest: Digest, service: Uses) -> Response:
    """Have the workers send exactly the rows of a plan whose version still stands; the answer names the run.

    The run's counts say what was sent and what moved on.
    """
    return reply(Started, {"run": service.push_plan(digest, caller.actor)}, 202)


@router.get("/pushes", response_model=Page[Push], responses=READ_ERRORS)
def list_pushes(_: Reader, query: Annotated[PushQuery, Query()], conn: Reads) -> Response:
    """Pushes, newest first, with state and receipt."""
    wanted = pushes.PushFilter(query.connection, query.state, query.module, query.subject)
    found = pushes.page(conn, wanted, query.limit, query.cursor)
    return reply_page(Page[Push], found, lambda row: dict(plain(work.push(row))))


@router.post("/pushes/pause", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def pause(caller: Operator, body: PauseIn, service: Uses) -> Response:
    """Send nothing anywhere until an approver lets it go on; decisions go on and wait in the plan."""
    return reply(Done, plain(service.push_pause(caller.actor, body.why)))


@router.post("/pushes/resume", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def resume(caller: Approver, service: Uses) -> Response:
    """Let pushing go on, after a pause, a restore or on a copied home; 409 until streams were read since a restore."""
    return reply(Done, plain(service.push_resume(caller.actor)))


@router.get("/pushes/{push_id}", response_model=Push, responses=READ_ERRORS, dependencies=NO_QUERY)
def get_push(_: Reader, push_id: PushId, conn: Reads) -> Response:
    """One push."""
    return reply(Push, plain(work.push_detail(conn, push_id)))


@router.post("/pushes/{push_id}/retry", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def retry_push(caller: Operator, push_id: PushId, service: Uses) -> Response:
    """Try a dead push again; 409 when it is not dead."""
    return reply(Done, plain(service.retry_push(push_id, caller.actor)))
