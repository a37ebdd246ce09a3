"""/v1/credit, /v1/rates and the credit of a customer: limits, overrides, exchange rates."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from tieout.web.auth import Approver, Operator, Reader
from tieout.web.deps import NO_QUERY, READ_ERRORS, WRITE_ERRORS, Keyed, Uses, plain, reply
from tieout.web.problems import responses
from tieout.web.schemas.base import Id, Page
from tieout.web.schemas.credit import (
    Credit,
    EndIn,
    LimitIn,
    OverrideIn,
    Policy,
    PolicyDone,
    PolicyIn,
    PolicyQuery,
    Rate,
    RateDone,
    RateId,
    RateQuery,
    RatesDone,
    RatesIn,
    Term,
    TermDone,
    TermQuery,
)

router = APIRouter(prefix="/v1", tags=["credit"])
CustomerId = Annotated[Id, Path(description="Customer id.", examples=["cus_01jd5m9p2k7x8n4q3r6s1t"])]
TermId = Annotated[Id, Path(description="Id of a credit order.", examples=["ctm_0000001z4"])]


@router.get("/customers/{customer_id}/credit", response_model=Credit, responses=READ_ERRORS, dependencies=NO_QUERY)
def get_credit(_: Reader, customer_id: CustomerId, service: Uses) -> Response:
    """Credit decisions with reasons and inputs, limits of the books, orders of people."""
    return reply(Credit, service.credit.show(customer_id))


@router.post(
    "/customers/{customer_id}/credit/limits",
    response_model=TermDone,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=NO_QUERY,
)
def ask_limit(caller: Operator, customer_id: CustomerId, body: LimitIn, service: Uses, once: Keyed) -> Response:
    """Ask for a credit limit; it counts once another person has approved it."""
    return reply(TermDone, plain(service.credit.ask_limit(customer_id, _wanted(body), caller.actor, once)), 201)


@router.post(
    "/customers/{customer_id}/credit/overrides",
    response_model=TermDone,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=NO_QUERY,
)
def ask_override(caller: Operator, customer_id: CustomerId, body: OverrideIn, service: Uses, once: Keyed) -> Response:
    """Set the credit status by hand until a day: hold counts at once, ok and watch once another person approved."""
    return reply(TermDone, plain(service.credit.ask_override(customer_id, _wanted(body), caller.actor, once)), 201)


@router.get("/credit/policy", response_model=Policy, responses=READ_ERRORS | responses(409))
def get_policy(_: Reader, query: Annotated[PolicyQuery, Query()], service: Uses) -> Response:
    """The thresholds by which a company's credit is judged."""
    return reply(Policy, plain(service.credit.policy(query.company or "")))


@router.post(
    "/credit/policy", response_model=PolicyDone, status_code=201, responses=WRITE_ERRORS, dependencies=NO_QUERY
)
def ask_policy(caller: Operator, body: PolicyIn, service: Uses, once: Keyed) -> Response:
    """Ask for other thresholds: the answer says whose status would change; it counts once another person approved."""
    wanted = {**_wanted(body), "values": body.values.model_dump(exclude_unset=True)}
    return reply(PolicyDone, plain(service.credit.ask_policy(wanted, caller.actor, once)), 201)


@router.get("/credit/orders", response_model=Page[Term], responses=READ_ERRORS)
def list_terms(_: Reader, query: Annotated[TermQuery, Query()], service: Uses) -> Response:
    """Limits and overrides that people ordered, newest first; `state=waiting` is the approver's work list."""
    return reply(Page[Term], service.credit.terms(query.state, query.limit, query.cursor))


@router.post(
    "/credit/orders/{term_id}/approval", response_model=TermDone, responses=WRITE_ERRORS, dependencies=NO_QUERY
)
def approve_term(caller: Approver, term_id: TermId, service: Uses) -> Response:
    """Approve what another person asked for."""
    return reply(TermDone, plain(service.credit.approve(term_id, caller.actor)))


@router.post(
    "/credit/orders/{term_id}/withdrawal", response_model=TermDone, responses=WRITE_ERRORS, dependencies=NO_QUERY
)
def withdraw_term(caller: Operator, term_id: TermId, body: EndIn, service: Uses) -> Response:
    """Take an order back: what stood before it counts again."""
    return reply(TermDone, plain(service.credit.withdraw(term_id, body.reason, caller.actor)))


@router.get("/rates", response_model=Page[Rate], responses=READ_ERRORS)
def list_rates(_: Reader, query: Annotated[RateQuery, Query()], service: Uses) -> Response:
    """Exchange rates that stand, the latest date first."""
    found = service.credit.rates(query.limit, query.cursor, base=query.base, quote=query.quote, current=query.current)
    return reply(Page[Rate], found)


@router.post("/rates", response_model=RatesDone, status_code=201, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def state_rates(caller: Operator, body: RatesIn, service: Uses, once: Keyed) -> Response:
    """State dated rates, all or none; the same pair and day stated again replaces the earlier statement."""
    lines = [_wanted(line) for line in body.rates]
    return reply(
        RatesDone, plain(service.credit.state_rates(lines, body.source, caller.actor, body.company or "", once)), 201
    )


@router.delete("/rates/{rate_id}", response_model=RateDone, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def withdraw_rate(caller: Operator, rate_id: RateId, service: Uses) -> Response:
    """Take a stated rate back; decisions that used it are made again."""
    return reply(RateDone, plain(service.credit.withdraw_rate(rate_id, caller.actor)))


def _wanted(body: Any) -> dict[str, Any]:
    return {name: getattr(body, name) for name in type(body).model_fields}
