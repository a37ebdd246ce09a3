"""/v1/conflict-rules: one answer for every conflict of a shape, shown first, ended with undo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from tieout.web.auth import Operator, Reader
from tieout.web.deps import NO_QUERY, READ_ERRORS, WRITE_ERRORS, Uses, plain, reply
from tieout.web.schemas.base import Id, Page
from tieout.web.schemas.rules import Rule, RuleEndIn, RuleIn, RuleOffers, RulePreview, RuleQuery, RuleWishIn
from tieout.web.schemas.work import Done

router = APIRouter(prefix="/v1/conflict-rules", tags=["conflicts"])
RuleId = Annotated[Id, Path(description="Rule id.", examples=["rul_01jd5m9p2k7x8n4q3r6s1t"])]


@router.get("", response_model=Page[Rule], responses=READ_ERRORS)
def list_rules(_: Reader, query: Annotated[RuleQuery, Query()], service: Uses) -> Response:
    """Rules, newest first, with author and time, what they answered and what is read by them."""
    found = service.rules.rules(query.state, query.limit, query.cursor)
    return reply(Page[Rule], {"items": [shown(row) for row in found["items"]], "next": found["next"]})


@router.get("/offers/{conflict_id}", response_model=RuleOffers, responses=READ_ERRORS, dependencies=NO_QUERY)
def offers(_: Reader, conflict_id: Annotated[Id, Path(description="Conflict id.")], service: Uses) -> Response:
    """The answers to an open conflict that may be made a rule; none where money or a customer is in question."""
    return reply(RuleOffers, {"offers": list(service.rules.offers(conflict_id))})


@router.post("/preview", response_model=RulePreview, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def preview(_: Operator, body: RuleWishIn, service: Uses) -> Response:
    """Which open conflicts the rule would answer now, and the money in them; nothing is changed."""
    return reply(RulePreview, plain(service.rules.preview(body.wish())))


@router.post("", response_model=Done, status_code=201, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def make(caller: Operator, body: RuleIn, service: Uses) -> Response:
    """Make the rule exactly as its preview showed it; 409 when something moved since."""
    return reply(Done, plain(service.rules.make(body.wish(), body.digest, body.note, caller.actor)), 201)


@router.post("/{rule_id}/end", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def end(caller: Operator, rule_id: RuleId, body: RuleEndIn, service: Uses) -> Response:
    """Switch a rule off: what it answered is open again, what people answered by hand stays."""
    return reply(Done, plain(service.rules.end(rule_id, body.note, caller.actor)))


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a rule that are told."""
    return {name: row[name] for name in Rule.model_fields}
