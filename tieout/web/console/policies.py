"""Dunning policies: which are in force and were, writing one, its effect before it counts, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from tieout.core.errors import TieoutError
from tieout.web.auth import Principal
from tieout.web.console.forms import MayApprove, MayOperate, Text, lines
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Uses
from tieout.web.ports import Service
from tieout.web.problems import Refused

router = APIRouter()
Company = Annotated[str, Query(max_length=64)]


@router.get("/dunning/policies")
def list_policies(request: Request, person: Person, service: Uses, done: Literal["activated", ""] = "") -> Response:
    """The policy in force for each company and those that were, each with its text."""
    companies = {name: one.name for name, one in service.ctx.config.companies.items()}
    return render(request, "policies.html", person, view=service.dunning.policies(), companies=companies, done=done)


@router.get("/dunning/policies/write")
def write(
    request: Request,
    person: Person,
    service: Uses,
    company: Company = "",
    version: Annotated[str, Query(max_length=64)] = "",
    effect: Literal["", "1"] = "",
) -> Response:
    """A text to change: that in force, or an earlier one with what going back to it would change."""
    name = _company(service, company)
    text = service.dunning.policy_text(name, version)
    return _page(request, person, service, name, text, is_tried=effect == "1")


@router.post("/dunning/policies/preview")
def preview(request: Request, person: MayOperate, service: Uses, company: Text = "", text: Text = "") -> Response:
    """What the policy would change today, or what is wrong with it; the text stays in the form either way."""
    return _page(request, person, service, _company(service, company), lines(text), is_tried=True)


@router.post("/dunning/policies")
def activate(
    request: Request,
    person: MayApprove,
    service: Uses,
    company: Text = "",
    text: Text = "",
    seen: Text = "",
) -> Response:
    """Put the policy in force as it was shown; if another one came into force since, its effect is shown anew."""
    name, written = _company(service, company), lines(text)
    if seen != _in_force(service, name):
        return _page(request, person, service, name, written, is_tried=True, moved=True)
    try:
        service.dunning.activate(written, person.actor, [name], origin="policy")
    except TieoutError as error:
        return _page(request, person, service, name, written, problem=error)
    return see("/dunning/policies?done=activated")


def _page(
    request: Request,
    person: Principal,
    service: Service,
    company: str,
    text: str,
    *,
    is_tried: bool = False,
    moved: bool = False,
    problem: TieoutError | None = None,
) -> Response:
    tried: Mapping[str, Any] | None = None
    if is_tried:
        try:
            tried = service.dunning.preview(company=company, policy_text=text, origin="policy")
        except TieoutError as error:
            problem = error
    return render(
        request,
        "policy.html",
        person,
        status=409 if problem is not None or moved else 200,
        company=company,
        company_name=service.ctx.config.companies[company].name,
        text=text,
        tried=tried,
        effect=None if tried is None else tried["effect"],
        seen=_in_force(service, company),
        moved=moved,
        problem=problem,
    )


def _in_force(service: Service, company: str) -> str:
    return str(service.dunning.policies()["active"][company]["version"])


def _company(service: Service, name: str) -> str:
    companies = service.ctx.config.companies
    if not name and len(companies) == 1:
        return next(iter(companies))
    if name not in companies:
        raise Refused(422, "invalid", "choose a company")
    return name
