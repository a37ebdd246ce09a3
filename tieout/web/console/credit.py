"""Credit orders of people and exchange rates: ask, approve, take back."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from tieout.core.money import is_currency
from tieout.store.queries import credit
from tieout.store.queries.names import called
from tieout.web.console.forms import Keyed, MayApprove, MayOperate, Text, day, minor, words
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Reads, Uses
from tieout.web.problems import Refused

router = APIRouter()
PAGE = 50


@router.get("/credit")
def show_credit(
    request: Request,
    person: Person,
    service: Uses,
    conn: Reads,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
    show: Annotated[Literal["", "hold", "over", "watch"], Query()] = "",
    listed: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Who is on hold, over the limit or near it; what waits for an approver, what was ordered, the rates that count."""
    standing = credit.standing(conn, show, PAGE, listed)
    waiting = service.credit.terms("waiting", PAGE, None)["items"]
    orders = service.credit.terms(None, PAGE, cursor)
    return render(
        request,
        "credit.html",
        person,
        waiting=waiting,
        standing=standing.rows,
        listed_next=standing.next,
        looks={look: credit.count_standing(conn, look) for look in ("", "hold", "over", "watch")},
        show=show,
        orders=orders,
        names=called(conn, [row["customer_id"] or "" for row in (*waiting, *orders["items"])]),
        rates=service.credit.rates(PAGE, None, base=None, quote=None, current=False)["items"],
    )


@router.post("/customers/{customer_id}/credit/limit")
def ask_limit(
    customer_id: str,
    person: MayOperate,
    service: Uses,
    once: Keyed,
    amount: Text = "",
    currency: Text = "",
    company: Text = "",
    valid_until: Text = "",
    reason: Text = "",
) -> Response:
    """Ask for a limit; it counts once another person has approved it."""
    service.credit.ask_limit(
        customer_id, {**_money(amount, currency), **_common(company, valid_until, reason)}, person.actor, once
    )
    return see(f"/customers/{customer_id}")


@router.post("/customers/{customer_id}/credit/override")
def ask_override(
    customer_id: str,
    person: MayOperate,
    service: Uses,
    once: Keyed,
    status: Text = "",
    amount: Text = "",
    currency: Text = "",
    company: Text = "",
    valid_until: Text = "",
    reason: Text = "",
) -> Response:
    """Ask to set the status by hand until a day; hold counts at once."""
    if status not in ("ok", "watch", "hold"):
        raise Refused(422, "invalid", "choose ok, watch or hold")
    wanted = {"status": status, "amount_minor": None, "currency": None, **_common(company, valid_until, reason)}
    if amount.strip():
        wanted |= _money(amount, currency)
    service.credit.ask_override(customer_id, wanted, person.actor, once)
    return see(f"/customers/{customer_id}")


@router.post("/credit/orders/{term_id}/approve")
def approve(term_id: str, person: MayApprove, service: Uses) -> Response:
    """Approve what another person asked for."""
    service.credit.approve(term_id, person.actor)
    return see("/credit")


@router.post("/credit/orders/{term_id}/withdraw")
def withdraw(term_id: str, person: MayOperate, service: Uses, reason: Text = "") -> Response:
    """Take an order back; what stood before it counts again."""
    service.credit.withdraw(term_id, words(reason, "the reason"), person.actor)
    return see("/credit")


@router.post("/credit/rates")
def state_rate(
    person: MayOperate,
    service: Uses,
    once: Keyed,
    base: Text = "",
    quote: Text = "",
    rate: Text = "",
    on: Text = "",
) -> Response:
    """State one dated rate."""
    for code in (base, quote):
        if not is_currency(code):
            raise Refused(422, "invalid", f"{code[:10]!r} is no currency code of ISO 4217")
    try:
        number = Decimal(rate.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number <= 0:
        raise Refused(422, "invalid", "the rate is not a positive number", hint="Write it with a point: 7.1205")
    line = {"base": base, "quote": quote, "rate": rate.strip(), "on": day(on, "the day"), "until": None}
    service.credit.state_rates([line], "console", person.actor, "", once)
    return see("/credit")


@router.post("/credit/rates/{rate_id}/withdraw")
def withdraw_rate(rate_id: str, person: MayOperate, service: Uses) -> Response:
    """Take a stated rate back."""
    service.credit.withdraw_rate(rate_id, person.actor)
    return see("/credit")


def _common(company: str, valid_until: str, reason: str) -> dict[str, Any]:
    return {
        "company": company or None,
        "valid_from": None,
        "valid_until": day(valid_until, "valid until", needed=False),
        "reason": words(reason, "a reason", needed=True),
    }


def _money(amount: str, currency: str) -> dict[str, Any]:
    return {"amount_minor": minor(amount, currency), "currency": currency}
