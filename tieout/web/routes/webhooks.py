"""POST /webhooks/{connection}: the delivery is stored, committed, then answered; the record is fetched later."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from tieout.core.errors import Gone
from tieout.web import problems
from tieout.web.deps import Ctx, Uses, reply
from tieout.web.schemas.base import Name
from tieout.web.schemas.work import WebhookAnswer

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
ERRORS = problems.responses(403, 404, 405, 413, 422, 500, 503)
Secret = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,200}$", description="The unguessable part of the address.")]
# Headers a verifier may look at; cookies and credentials of whoever calls are none of its business.
_HIDDEN = {"cookie", "authorization", "x-api-key"}


@router.post("/{connection}", response_model=WebhookAnswer, responses=ERRORS)
async def receive(request: Request, connection: Name, ctx: Ctx, service: Uses) -> Response:
    """A vendor's notification. 2xx only after it is stored; a delivery that was stored before is `duplicate`."""
    return await _accept(request, connection, "", ctx, service)


@router.post("/{connection}/{path_secret}", response_model=WebhookAnswer, responses=ERRORS)
async def receive_secret(request: Request, connection: Name, path_secret: Secret, ctx: Ctx, service: Uses) -> Response:
    """The same at the unguessable address that was registered with the vendor."""
    return await _accept(request, connection, path_secret, ctx, service)


async def _accept(request: Request, connection: str, path_secret: str, ctx: Ctx, service: Uses) -> Response:
    if connection not in ctx.config.connections:
        raise Gone("there is nothing here", code="no_route")
    body = await request.body()
    headers = {name: value for name, value in request.headers.items() if name not in _HIDDEN}
    query = dict(request.query_params)
    status = await run_in_threadpool(service.accept_webhook, connection, path_secret, body, headers, query)
    sealed = await run_in_threadpool(service.webhook_answer, connection, body)
    if sealed is not None:
        return Response(sealed, media_type="application/json")
    return reply(WebhookAnswer, {"status": status})
