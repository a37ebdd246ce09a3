"""/v1/dunning/texts: the words of messages, tried on a customer, put in force, restored."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from tieout.web.auth import Approver, Operator, Reader
from tieout.web.deps import NO_QUERY, READ_ERRORS, WRITE_ERRORS, Uses, plain, reply
from tieout.web.schemas.texts import (
    Seq,
    TextDropped,
    TextIn,
    TextQuery,
    Texts,
    TextStart,
    TextTried,
    TextTryIn,
    TextUsed,
)

router = APIRouter(prefix="/v1/dunning/texts", tags=["dunning"])
Which = Annotated[Seq, Path(description="Number of a text.", examples=[345])]


@router.get("", response_model=Texts, responses=READ_ERRORS, dependencies=NO_QUERY)
def list_texts(_: Reader, service: Uses) -> Response:
    """Texts that are or were in force, with author and time, and the variables that one can use."""
    return reply(Texts, plain(service.dunning.texts.listed()))


@router.get("/start", response_model=TextStart, responses=WRITE_ERRORS)
def start(_: Reader, query: Annotated[TextQuery, Query()], service: Uses) -> Response:
    """The text to start from."""
    found = service.dunning.texts.start(query.company, query.slot, query.language, query.channel)
    return reply(TextStart, {"text": found})


@router.post("/preview", response_model=TextTried, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def preview(_: Operator, body: TextTryIn, service: Uses) -> Response:
    """Check a text and make a customer's message from it, with what that customer owes now; nothing is stored."""
    given = body.model_dump()
    return reply(TextTried, plain(service.dunning.texts.preview(given.pop("text"), **given)))


@router.post("", response_model=TextUsed, status_code=201, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def use(caller: Approver, body: TextIn, service: Uses) -> Response:
    """Put a text in force for messages made from now on; 409 names line and reason where it could not always be."""
    given = body.model_dump()
    return reply(TextUsed, plain(service.dunning.texts.use(given.pop("text"), actor=caller.actor, **given)), 201)


@router.post("/{seq}/restore", response_model=TextUsed, status_code=201, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def restore(caller: Approver, seq: Which, service: Uses) -> Response:
    """Put an earlier text in force again."""
    return reply(TextUsed, plain(service.dunning.texts.restore(seq, caller.actor)), 201)


@router.delete("/{seq}", response_model=TextDropped, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def drop(caller: Approver, seq: Which, service: Uses) -> Response:
    """Take a text out: a less particular one, or the shipped words, are used again."""
    return reply(TextDropped, plain(service.dunning.texts.drop(seq, caller.actor)))
