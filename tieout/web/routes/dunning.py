"""/v1/cases and /v1/dunning, and what people note at customers and invoices: disputes, promises, plans, pauses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from tieout.web.auth import Approver, Operator, Reader
from tieout.web.deps import NO_QUERY, READ_ERRORS, WRITE_ERRORS, Keyed, Uses, plain, reply
from tieout.web.schemas.base import Id, Page
from tieout.web.schemas.dunning import (
    Activated,
    ActivateIn,
    Case,
    CaseDone,
    CaseQuery,
    CloseIn,
    ContactIn,
    DisputeIn,
    PauseIn,
    PaymentPlanIn,
    Policies,
    Preview,
    PreviewIn,
    PromiseIn,
    Why,
    WhyQuery,
)

router = APIRouter(prefix="/v1", tags=["dunning"])
CustomerId = Annotated[Id, Path(description="Customer id.", examples=["cus_01jd5m9p2k7x8n4q3r6s1t"])]
DocumentId = Annotated[Id, Path(description="Invoice id.", examples=["inv_01jd5m9p2k7x8n4q3r6s1t"])]
CaseId = Annotated[Id, Path(description="Case id.", examples=["dsp_01jd5m9p2k7x8n4q3r6s1t"])]
MADE: dict[str, Any] = {
    "response_model": CaseDone,
    "status_code": 201,
    "responses": WRITE_ERRORS,
    "dependencies": NO_QUERY,
}
DONE: dict[str, Any] = {"response_model": CaseDone, "responses": WRITE_ERRORS, "dependencies": NO_QUERY}


@router.get("/cases", response_model=Page[Case], responses=READ_ERRORS)
def list_cases(_: Reader, query: Annotated[CaseQuery, Query()], service: Uses) -> Response:
    """Disputes, promises, plans, pauses and contacts, newest first."""
    found = service.dunning.cases(
        kind=query.kind,
        customer=query.customer,
        document=query.invoice,
        is_open=query.open,
        limit=query.limit,
        cursor=query.cursor,
    )
    return reply(Page[Case], found)


@router.get("/cases/{case_id}", response_model=Case, responses=READ_ERRORS, dependencies=NO_QUERY)
def get_case(_: Reader, case_id: CaseId, service: Uses) -> Response:
    """One case, and what became of it."""
    return reply(Case, service.dunning.case(case_id))


@router.post("/cases/{case_id}/resolution", **DONE)
def close_case(caller: Operator, case_id: CaseId, body: CloseIn, service: Uses) -> Response:
    """Settle a dispute, or end a promise, plan, pause or contact."""
    given = _given(body)
    return _done(service.dunning.close(case_id, given.pop("outcome"), caller.actor, **given))


@router.delete("/cases/{case_id}/resolution", **DONE)
def undo_case(caller: Operator, case_id: CaseId, service: Uses) -> Response:
    """Take the last step back: a closed case is open again, an open one never was."""
    return _done(service.dunning.undo(case_id, caller.actor))


@router.post("/invoices/{document_id}/disputes", **MADE)
def open_dispute(caller: Operator, document_id: DocumentId, body: DisputeIn, service: Uses, once: Keyed) -> Response:
    """Put an invoice, or a part of it, in dispute: the rest stays due."""
    return _done(service.dunning.open_dispute(document_id, caller.actor, **_given(body), once=once), 201)


@router.post("/customers/{customer_id}/promises", **MADE)
def open_promise(caller: Operator, customer_id: CustomerId, body: PromiseIn, service: Uses, once: Keyed) -> Response:
    """Note a promise to pay: nothing is asked for until its day and tolerance have passed."""
    return _done(service.dunning.open_promise(customer_id, caller.actor, **_given(body), once=once), 201)


@router.post("/customers/{customer_id}/payment-plans", **MADE)
def open_plan(caller: Operator, customer_id: CustomerId, body: PaymentPlanIn, service: Uses, once: Keyed) -> Response:
    """Agree on instalments; a missed one lets dunning go on."""
    given = _given(body) | {"rows": [(row.due_on, row.amount_minor) for row in body.rows]}
    return _done(service.dunning.open_plan(customer_id, caller.actor, **given, once=once), 201)


@router.post("/customers/{customer_id}/pauses", **MADE)
def open_pause(caller: Operator, customer_id: CustomerId, body: PauseIn, service: Uses, once: Keyed) -> Response:
    """Stop dunning a customer, or some of its items, for a while."""
    return _done(service.dunning.open_pause(customer_id, caller.actor, **_given(body), once=once), 201)


@router.post("/customers/{customer_id}/contacts", **MADE)
def set_contact(caller: Operator, customer_id: CustomerId, body: ContactIn, service: Uses, once: Keyed) -> Response:
    """Say whom to write to; the newest contact counts."""
    return _done(service.dunning.set_contact(customer_id, caller.actor, **_given(body), once=once), 201)


@router.get("/customers/{customer_id}/dunning", response_model=Why, responses=READ_ERRORS)
def why(_: Reader, customer_id: CustomerId, query: Annotated[WhyQuery, Query()], service: Uses) -> Response:
    """What was decided about a customer on a day, per currency and item: sent, or why not."""
    return reply(Why, plain(service.dunning.why(customer_id, query.on)))


@router.post("/dunning/preview", response_model=Preview, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def preview(_: Operator, body: PreviewIn, service: Uses) -> Response:
    """A dry run: who would be reminded on a day; with a policy, what it would change. Nothing is stored or sent."""
    given = {name: value for name, value in _given(body).items() if name != "policy"}
    return reply(Preview, plain(service.dunning.preview(policy_text=body.policy or "", origin="policy", **given)))


@router.get("/dunning/policies", response_model=Policies, responses=READ_ERRORS, dependencies=NO_QUERY)
def list_policies(_: Reader, service: Uses) -> Response:
    """The policy in force for each company, and every one that was, with its text."""
    return reply(Policies, plain(service.dunning.policies()))


@router.post(
    "/dunning/policies", response_model=Activated, status_code=201, responses=WRITE_ERRORS, dependencies=NO_QUERY
)
def activate(caller: Approver, body: ActivateIn, service: Uses) -> Response:
    """Put a policy in force; the answer says what it changes today."""
    return reply(
        Activated, plain(service.dunning.activate(body.policy, caller.actor, body.companies, origin="policy")), 201
    )


def _given(body: Any) -> dict[str, Any]:
    """The fields of a request that were given, for the keywords of the desk."""
    found = {name: getattr(body, name) for name in type(body).model_fields}
    return {name: value for name, value in found.items() if value is not None}


def _done(answer: Mapping[str, Any], status: int = 200) -> Response:
    state = answer.get("state") or answer.get("outcome") or "open"
    return reply(CaseDone, {"id": answer["id"], "kind": answer["kind"], "state": state}, status)
