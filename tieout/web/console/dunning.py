"""Dunning: who would be reminded today and who not, the policy in force, and cases (disputes, promises, pauses)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from tieout.receivables import disputes
from tieout.reports import dunning_log
from tieout.store.queries import decisions
from tieout.store.queries.names import called
from tieout.web.console.forms import Keyed, MayOperate, Place, Text, Ticked, day, minor, words
from tieout.web.console.pages import Person, render, see
from tieout.web.deps import Reads, Uses
from tieout.web.problems import Refused

router = APIRouter()
PAGE = 50
SHOWN = 50  # messages on one page
CaseKind = Literal["dispute", "promise", "plan", "pause", "contact"]


@router.get("/dunning")
def show_dunning(
    request: Request,
    person: Person,
    service: Uses,
    anew: Annotated[Literal["", "1"], Query()] = "",
    after: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """What was decided of everybody; with `anew` a dry run as of now, in which nothing is stored or sent."""
    view = service.dunning.preview() if anew else service.dunning.standing()
    return render(
        request,
        "dunning.html",
        person,
        view=view,
        anew=bool(anew),
        count=view.get("count", len(view["messages"])),
        after=after,
        shown=SHOWN,
    )


@router.get("/dunning/log")
def show_log(
    request: Request,
    person: Person,
    conn: Reads,
    show: Annotated[Literal["messages", "all"], Query()] = "messages",
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """What was decided day by day, newest first: messages, or every decision with why none was sent."""
    found = decisions.log(conn, "reminder", ("send", "withdrawn") if show == "messages" else (), PAGE, cursor)
    return render(
        request,
        "dunning_log.html",
        person,
        rows=dunning_log.lines(conn, found.rows),
        next=found.next,
        show=show,
    )


@router.get("/cases")
def list_cases(
    request: Request,
    person: Person,
    service: Uses,
    conn: Reads,
    kind: Annotated[CaseKind | None, Query()] = None,
    show: Annotated[Literal["open", "closed"], Query()] = "open",
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Disputes, promises, plans, pauses and contacts, newest first."""
    found = service.dunning.cases(
        kind=kind, customer=None, document=None, is_open=show == "open", limit=PAGE, cursor=cursor
    )
    return render(
        request,
        "cases.html",
        person,
        rows=found["items"],
        names=called(conn, [row["customer"] or "" for row in found["items"]]),
        next=found["next"],
        kind=kind or "",
        show=show,
    )


@router.post("/cases/{case_id}/close")
def close_case(
    case_id: str,
    person: MayOperate,
    service: Uses,
    place: Place,
    outcome: Text = "",
    root_cause: Text = "",
    team: Text = "",
    accepted: Text = "",
    currency: Text = "",
    pay_by_on: Text = "",
    note: Text = "",
) -> Response:
    """Settle a dispute, in part with what of it is accepted, or end another case."""
    service.dunning.close(
        case_id,
        outcome[:20],
        person.actor,
        root_cause=words(root_cause, "the root cause"),
        team=words(team, "the team"),
        accepted_minor=minor(accepted, currency) if outcome == "partial" and accepted.strip() else None,
        pay_by_on=day(pay_by_on, "the new pay-by day", needed=False),
        note=words(note, "the note"),
    )
    return see(place or "/cases")


@router.post("/cases/{case_id}/undo")
def undo_case(case_id: str, person: MayOperate, service: Uses, place: Place) -> Response:
    """Take the last step of a case back."""
    service.dunning.undo(case_id, person.actor)
    return see(place or "/cases")


def told_of(once: Keyed, company: Text = "", note: Text = "") -> dict[str, Any]:
    """What the forms about a customer have in common."""
    return {"company": company[:40], "note": words(note, "the note"), "once": once}


Told = Annotated[dict[str, Any], Depends(told_of)]


@router.post("/customers/{customer_id}/promise")
def promise(
    customer_id: str,
    person: MayOperate,
    service: Uses,
    told: Told,
    items: Ticked,
    promised_on: Text = "",
    amount: Text = "",
    currency: Text = "",
    by: Text = "",
) -> Response:
    """Note a promise to pay."""
    service.dunning.open_promise(
        customer_id,
        person.actor,
        promised_on=day(promised_on, "the promised day"),
        amount_minor=minor(amount, currency) if amount.strip() else None,
        # Ticked items say their currency themselves, as long as no amount needs one.
        currency=currency[:3] if amount.strip() or not items else "",
        items=items,
        by=words(by, "who promised"),
        **told,
    )
    return see(f"/customers/{customer_id}")


@router.post("/customers/{customer_id}/plan")
def plan(
    customer_id: str,
    person: MayOperate,
    service: Uses,
    told: Told,
    items: Ticked,
    rows: Text = "",
    currency: Text = "",
) -> Response:
    """Agree on instalments: one line each, a day and an amount."""
    wanted = []
    for line in rows.splitlines():
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 2:
            raise Refused(422, "invalid", "each line is a day and an amount", hint="Like 2026-12-31 5000.00")
        due = day(parts[0], "the day of an instalment")
        assert due is not None
        wanted.append((due, minor(parts[1], currency)))
    service.dunning.open_plan(
        customer_id,
        person.actor,
        rows=wanted,
        currency=currency[:3],
        items=items,
        **told,
    )
    return see(f"/customers/{customer_id}")


@router.post("/customers/{customer_id}/contact")
def contact(
    customer_id: str,
    person: MayOperate,
    service: Uses,
    told: Told,
    emails: Text = "",
    language: Text = "",
    never: Text = "",
) -> Response:
    """Say whom to write to, or that nobody may be written to."""
    service.dunning.set_contact(
        customer_id,
        person.actor,
        emails=emails.replace(",", " ").replace(";", " ").split(),
        language=language[:8],
        may_write=never != "1",
        **told,
    )
    return see(f"/customers/{customer_id}")


@router.post("/customers/{customer_id}/pause")
def pause(
    customer_id: str,
    person: MayOperate,
    service: Uses,
    told: Told,
    items: Ticked,
    until_on: Text = "",
    reason: Text = "",
    legal: Text = "",
) -> Response:
    """Stop dunning a customer for a while."""
    service.dunning.open_pause(
        customer_id,
        person.actor,
        reason=words(reason, "a reason", needed=True),
        until_on=day(until_on, "until", needed=False),
        legal=legal == "1",
        items=items,
        company=told["company"],
        once=told["once"],
    )
    return see(f"/customers/{customer_id}")


@router.post("/invoices/{document_id}/dispute")
def dispute(
    document_id: str,
    person: MayOperate,
    service: Uses,
    once: Keyed,
    items: Ticked,
    reason: Text = "",
    amount: Text = "",
    currency: Text = "",
    note: Text = "",
) -> Response:
    """Put an invoice, or a part of it, in dispute."""
    if reason not in disputes.CODES:
        raise Refused(422, "invalid", "choose what the dispute is about")
    service.dunning.open_dispute(
        document_id,
        person.actor,
        reason=reason,
        amount_minor=minor(amount, currency) if amount.strip() else None,
        items=items,
        note=words(note, "the note"),
        once=once,
    )
    return see(f"/invoices/{document_id}")
