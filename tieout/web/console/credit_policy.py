"""A company's credit policy: the thresholds in force, others with their effect first, asked for and approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from tieout.core.errors import TieoutError
from tieout.core.money import format_minor
from tieout.receivables.credit import CreditPolicy
from tieout.web.auth import Principal
from tieout.web.console.forms import Keyed, MayOperate, Text, lines, minor, words
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Uses
from tieout.web.ports import Service
from tieout.web.problems import Refused

router = APIRouter()
MOST = 200  # orders looked through for those about policies
NUMBERS = (
    "hold_above_percent",
    "release_at_percent",
    "watch_above_percent",
    "hold_days",
    "min_days_on_hold",
    "max_broken_promises",
)


@router.get("/credit/policy")
def show_policy(
    request: Request,
    person: Person,
    service: Uses,
    company: Annotated[str, Query(max_length=64)] = "",
    order: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """The thresholds in force and who ordered which; with an order what it would change now."""
    if not service.ctx.config.companies:
        return render(request, "credit_policy.html", person, company="")
    name = _company(service, company)
    if order:
        found = next((one for one in _orders(service, name) if one["id"] == order), None)
        if found is None:
            raise Refused(404, "no_term", f"there is no order {order} about a policy of {name}")
        return _page(request, person, service, name, found["body"], is_tried=True)
    return _page(request, person, service, name, {})


def wished(
    hold_above_percent: Text = "",
    release_at_percent: Text = "",
    watch_above_percent: Text = "",
    hold_days: Text = "",
    min_days_on_hold: Text = "",
    max_broken_promises: Text = "",
    minimums: Text = "",
) -> dict[str, Any]:
    """The thresholds of the form that differ from the shipped ones; an empty early warning is none."""
    given = (
        hold_above_percent,
        release_at_percent,
        watch_above_percent,
        hold_days,
        min_days_on_hold,
        max_broken_promises,
    )
    values: dict[str, Any] = {}
    for name, text in zip(NUMBERS, given, strict=True):
        written = text.strip()
        if written.isdecimal() and len(written) <= 4:
            values[name] = int(written)
        elif name == "watch_above_percent" and not written:
            values[name] = None
        else:
            raise Refused(422, "invalid", f"{name}: write a whole number")
    values["min_overdue_minor"] = _minimums(minimums)
    shipped = asdict(CreditPolicy())
    return {name: value for name, value in values.items() if value != shipped[name]}


def _minimums(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in lines(text).splitlines():
        parts = line.split()
        if parts and len(parts) != 2:
            raise Refused(422, "invalid", "each line is a currency and an amount", hint="Like CNY 200.00")
        if parts:
            found[parts[0]] = minor(parts[1], parts[0])
    return found


Wished = Annotated[dict[str, Any], Depends(wished)]


@router.post("/credit/policy/preview")
def preview(request: Request, person: MayOperate, service: Uses, values: Wished, company: Text = "") -> Response:
    """Whose status these thresholds would change, with the exposure; nothing is stored."""
    return _page(request, person, service, _company(service, company), values, is_tried=True)


@router.post("/credit/policy")
def ask(
    request: Request,
    person: MayOperate,
    service: Uses,
    values: Wished,
    once: Keyed,
    company: Text = "",
    reason: Text = "",
) -> Response:
    """Ask for these thresholds; they count once another person has approved them."""
    name = _company(service, company)
    wanted = {"values": values, "company": name, "reason": words(reason, "a reason", needed=True)}
    try:
        service.credit.ask_policy(wanted, person.actor, once)
    except TieoutError as error:
        return _page(request, person, service, name, values, problem=error)
    return see(f"/credit/policy?company={name}")


def _page(
    request: Request,
    person: Principal,
    service: Service,
    company: str,
    values: Mapping[str, Any],
    *,
    is_tried: bool = False,
    problem: TieoutError | None = None,
) -> Response:
    effect: Mapping[str, Any] | None = None
    if is_tried:
        try:
            wanted = {"values": values, "company": company, "dry_run": True}
            effect = service.credit.ask_policy(wanted, person.actor)["effect"]
        except TieoutError as error:
            problem = error
    now = service.credit.policy(company)
    shown = {**asdict(CreditPolicy()), **values} if is_tried or problem is not None else now
    return render(
        request,
        "credit_policy.html",
        person,
        status=409 if problem is not None else 200,
        company=company,
        companies={name: one.name for name, one in service.ctx.config.companies.items()},
        now=now,
        shown={name: "" if shown[name] is None else shown[name] for name in NUMBERS},
        minimums="\n".join(
            f"{code} {format_minor(amount, code, code=False)}" for code, amount in shown["min_overdue_minor"].items()
        ),
        effect=effect,
        orders=_orders(service, company),
        problem=problem,
    )


def _orders(service: Service, company: str) -> list[Mapping[str, Any]]:
    found = service.credit.terms(None, MOST, None)["items"]
    return [one for one in found if one["kind"] == "policy" and one["company_id"] == company]


def _company(service: Service, name: str) -> str:
    companies = service.ctx.config.companies
    if not name and companies:
        return next(iter(companies))
    if name not in companies:
        raise Refused(422, "invalid", "choose a company")
    return name
