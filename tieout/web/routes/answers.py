"""/v1/answers: what people said of who is who, listed and taken back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from tieout.store.queries.answers import AnswerFilter, listed
from tieout.web.auth import Operator, Reader
from tieout.web.deps import NO_QUERY, READ_ERRORS, WRITE_ERRORS, Reads, Uses, plain, reply
from tieout.web.schemas.answers import Answer, AnswerQuery, UndoIn
from tieout.web.schemas.base import Page
from tieout.web.schemas.work import Done

router = APIRouter(prefix="/v1/answers", tags=["customers"])
Seq = Annotated[int, Path(description="The answer's number.", ge=1, le=2**53)]


@router.get("", response_model=Page[Answer], responses=READ_ERRORS)
def list_answers(_: Reader, query: Annotated[AnswerQuery, Query()], conn: Reads) -> Response:
    """Standing answers about who is who, newest first: links, partings and aliases of all customers."""
    wanted = AnswerFilter(query.action or "", query.actor or "", query.about or "")
    found = listed(conn, wanted, query.limit, query.cursor)
    return reply(Page[Answer], {"items": found.rows, "next": found.next})


@router.post("/{seq}/undo", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def undo_answer(caller: Operator, seq: Seq, body: UndoIn, service: Uses) -> Response:
    """Take back an answer given by hand, with all of its act; the rules decide anew. No journal row moves."""
    return reply(Done, plain(service.answers.undo(seq, caller.actor, body.reason)))
