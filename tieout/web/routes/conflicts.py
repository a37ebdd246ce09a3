"""/v1/conflicts: the work list, answers and undo."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from tieout.reports import work
from tieout.store.queries import conflicts
from tieout.web.auth import Operator, Reader
from tieout.web.deps import (
    NO_QUERY,
    READ_ERRORS,
    WRITE_ERRORS,
    Ctx,
    Reads,
    Today,
    Uses,
    plain,
    reply,
    reply_page,
    worth_of,
)
from tieout.web.schemas.base import Id, Page
from tieout.web.schemas.bulk import BulkIn, BulkPreview, BulkWishIn
from tieout.web.schemas.work import Conflict, ConflictDetail, ConflictQuery, Done, ResolutionIn

router = APIRouter(prefix="/v1/conflicts", tags=["conflicts"])
ConflictId = Annotated[Id, Path(description="Conflict id.", examples=["cfl_01jd5m9p2k7x8n4q3r6s1t"])]


@router.get("", response_model=Page[Conflict], responses=READ_ERRORS)
def list_conflicts(
    _: Reader, query: Annotated[ConflictQuery, Query()], conn: Reads, ctx: Ctx, today: Today
) -> Response:
    """Conflicts by money at stake, the largest first; currencies are compared at the stored rates of today."""
    wanted = conflicts.ConflictFilter(
        kind=query.kind,
        state=None if query.state == "any" else query.state,
        connection=query.connection,
        blocks_balance=query.blocks_balance,
        q=query.q,
    )
    now = ctx.clock.now()
    worth = worth_of(conn, ctx, today, conflicts.currencies(conn))
    found = conflicts.page(conn, wanted, query.limit, query.cursor, worth)
    return reply_page(Page[Conflict], found, lambda row: work.conflict(row, now))


@router.get("/{conflict_id}", response_model=ConflictDetail, responses=READ_ERRORS, dependencies=NO_QUERY)
def get_conflict(_: Reader, conflict_id: ConflictId, conn: Reads, ctx: Ctx) -> Response:
    """One conflict with the evidence of both sides and suggestions with their reasons."""
    return reply(ConflictDetail, plain(work.conflict_detail(conn, conflict_id, ctx.clock.now())))


@router.post("/{conflict_id}/resolution", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def resolve(caller: Operator, conflict_id: ConflictId, body: ResolutionIn, service: Uses) -> Response:
    """Answer a conflict; what it blocked is replayed. 409 when it is no longer open."""
    return reply(Done, plain(service.resolve(conflict_id, body.answer(), caller.actor)))


@router.delete("/{conflict_id}/resolution", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def undo(caller: Operator, conflict_id: ConflictId, service: Uses) -> Response:
    """Take an answer back; the conflict is open again."""
    return reply(Done, plain(service.undo(conflict_id, caller.actor)))


@router.post("/bulk/preview", response_model=BulkPreview, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def preview_bulk(_: Operator, body: BulkWishIn, service: Uses) -> Response:
    """What many conflicts would be answered with, and why some would not be; nothing is changed."""
    return reply(BulkPreview, plain(service.bulk.preview(body.wish())))


@router.post("/bulk", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def answer_bulk(caller: Operator, body: BulkIn, service: Uses) -> Response:
    """Answer them exactly as the preview of this digest showed; 409 when something moved since."""
    return reply(Done, plain(service.bulk.answer(body.wish(), body.digest, body.note, caller.actor)))


@router.delete("/bulk/{batch}", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def undo_bulk(caller: Operator, batch: Annotated[Id, Path(description="Batch id.")], service: Uses) -> Response:
    """Take every answer of a batch back that still stands."""
    return reply(Done, plain(service.bulk.undo(batch, caller.actor)))
