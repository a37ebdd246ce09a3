"""What people order about credit: a limit, or a status for a while. Asked by one, approved by another, undoable."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, select

from sync.context import Context
from sync.fold.credit import term_id
from tieout.core.dates import business_on
from tieout.core.errors import Denied, Gone, StaleWrite, TieoutError
from tieout.core.money import exponent
from tieout.store import audit
from tieout.store.inputs import append_input
from tieout.store.once import Once, making, repeatable
from tieout.store.queries import credit as queries
from tieout.store.session import unit
from tieout.store.tables import accounts, customers, memberships

REQUEST_DAYS = 30  # a request nobody approved in so many days has lapsed
LONGEST_OVERRIDE = 92  # days: an override is an exception, a lasting change is a limit
MOST = 10**15  # minor units


class TermError(TieoutError):
    """The order cannot be given like this."""

    code = "credit_term"


@repeatable
def ask_limit(
    ctx: Context, customer_id: str, wanted: Mapping[str, Any], actor: str, once: Once | None = None
) -> dict[str, Any]:
    """Ask for a credit limit of a customer at a company; it counts once another person has approved it.

    `wanted`: amount_minor, currency, reason, and company, valid_from, valid_until (dates or None). Raises Gone for an
    unknown customer and TermError for what cannot be ordered.
    """
    exponent(str(wanted["currency"]))
    return _ask(ctx, customer_id, "limit", wanted, actor, once, needs_approval=True)


@repeatable
def ask_override(
    ctx: Context, customer_id: str, wanted: Mapping[str, Any], actor: str, once: Once | None = None
) -> dict[str, Any]:
    """Ask to set the credit status by hand until a day: ok or watch needs a second person, hold counts at once.

    `wanted`: status, valid_until, reason, and company, amount_minor with currency (the exposure up to which it counts;
    for ok and watch it must be given).
    """
    status = str(wanted["status"])
    if wanted.get("valid_until") is None:
        raise TermError("an override must say until when it counts", hint="Give valid_until, at most 92 days ahead.")
    if status != "hold" and wanted.get("amount_minor") is None:
        raise TermError(
            "an override to ok or watch must say up to which exposure it counts", hint="Give an amount and a currency."
        )
    return _ask(ctx, customer_id, "override", wanted, actor, once, needs_approval=status != "hold")


def _ask(
    ctx: Context,
    customer_id: str,
    kind: str,
    wanted: Mapping[str, Any],
    actor: str,
    once: Once | None,
    *,
    needs_approval: bool,
) -> dict[str, Any]:
    now = ctx.clock.now()
    company = company_named(ctx, str(wanted.get("company") or ""))
    today = business_on(now, ctx.config.companies[company].timezone)
    start, end = wanted.get("valid_from"), wanted.get("valid_until")
    amount, reason = wanted.get("amount_minor"), str(wanted.get("reason") or "").strip()
    _check(kind, amount, reason, start, end, today)
    with making(ctx.engine, "answer.commit", once, now) as made:
        body = {
            "kind": kind,
            "account_id": _anchor(made.conn, customer_id, company),
            "customer_id": customer_id,
            "company_id": company,
            "currency": str(wanted.get("currency") or ""),
            "amount_minor": amount,
            "status": str(wanted.get("status") or ""),
            "valid_from": start.isoformat() if start else None,
            "valid_until": end.isoformat() if end else None,
            "reason": reason,
            "needs_approval": needs_approval,
        }
        return made.kept({**_put(made.conn, now, body, customer_id, actor), "customer": customer_id})


@repeatable
def put_order(
    ctx: Context, body: Mapping[str, Any], subject: str, actor: str, once: Once | None = None
) -> dict[str, Any]:
    """Put an order that is about no single customer into the log; it needs its reason like every other."""
    _check(str(body["kind"]), None, str(body["reason"]), None, None, date.max)
    with making(ctx.engine, "answer.commit", once, ctx.clock.now()) as made:
        return made.kept(_put(made.conn, ctx.clock.now(), body, subject, actor))


def _put(conn: Connection, now: Any, body: Mapping[str, Any], subject: str, actor: str) -> dict[str, Any]:
    body = {"step": "ask", **body}
    seq = append_input(conn, "credit", now, body, actor=actor)
    audit.append(conn, now, actor, f"credit.{body['kind']}", subject, {**body, "term": term_id(seq)})
    return {"id": term_id(seq), "state": "waiting" if body["needs_approval"] else "active"}


def _check(kind: str, amount: Any, reason: str, start: date | None, end: date | None, today: date) -> None:
    if not reason:
        raise TermError("an order needs its reason", hint="Say why in one sentence; it is kept with the decision.")
    if amount is not None and not 0 <= int(amount) <= MOST:
        raise TermError("the amount must not be negative", hint="0 means: nothing on credit.")
    if end is not None and end < (start or today):
        raise TermError(f"it would end on {end}, before it begins", hint="Give a later valid_until.")
    if end is not None and end < today:
        raise TermError(f"it would have ended on {end}", hint="Give a valid_until that is still to come.")
    if kind == "override" and end is not None and (end - today).days > LONGEST_OVERRIDE:
        raise TermError(
            f"an override counts for at most {LONGEST_OVERRIDE} days", hint="For longer, ask for another limit."
        )


def company_named(ctx: Context, wanted: str) -> str:
    """The company of that name, or the only one; TermError otherwise."""
    names = list(ctx.config.companies)
    if not wanted and len(names) == 1:
        return names[0]
    if wanted not in names:
        raise TermError(
            f"there is no company {wanted!r}" if wanted else "say which company it is for",
            hint=f"Companies: {', '.join(names)}.",
        )
    return wanted


def _anchor(conn: Connection, customer_id: str, company: str) -> str:
    """The account the order hangs on: it follows this account if customers are merged or parted later."""
    if conn.execute(select(customers.c.id).where(customers.c.id == customer_id)).first() is None:
        raise Gone(f"there is no customer {customer_id}", code="no_customer")
    m, a = memberships.c, accounts.c
    found = conn.execute(
        select(a.id)
        .join(memberships, m.member == a.id)
        .where(m.customer_id == customer_id, m.to_seq.is_(None), a.company_id == company)
        .order_by(a.id)
        .limit(1)
    ).scalar()
    if found is None:
        raise TermError(
            f"customer {customer_id} has no account at {company}",
            hint="Only a customer of the book of record can have credit; link or merge it first.",
        )
    return str(found)


def approve(ctx: Context, term: str, actor: str) -> dict[str, Any]:
    """Approve what another person asked for; nobody approves an order of their own."""
    now = ctx.clock.now()
    with unit(ctx.engine, "answer.commit") as conn:
        found = _known(conn, term)
        if found["state"] != "waiting":
            raise StaleWrite(f"{term} is {found['state']} already", code="term_not_waiting")
        if person(found["author"]) == person(actor):
            raise Denied("an order is approved by another person than the one who gave it", code="same_person")
        if now - found["asked_at"] > timedelta(days=REQUEST_DAYS):
            raise StaleWrite(f"{term} was asked for more than {REQUEST_DAYS} days ago: ask again", code="term_lapsed")
        body = {"step": "approve", "term": term}
        append_input(conn, "credit", now, body, actor=actor)
        audit.append(conn, now, actor, "credit.approve", term, {**body, "author": found["author"]})
    return {"id": term, "state": "active"}


def withdraw(ctx: Context, term: str, reason: str, actor: str) -> dict[str, Any]:
    """Take an order back, approved or not: what stood before it counts again."""
    now = ctx.clock.now()
    with unit(ctx.engine, "answer.commit") as conn:
        found = _known(conn, term)
        if found["state"] == "withdrawn":
            raise StaleWrite(f"{term} is withdrawn already", code="term_withdrawn")
        body = {"step": "withdraw", "term": term, "reason": reason.strip()}
        append_input(conn, "credit", now, body, actor=actor)
        audit.append(conn, now, actor, "credit.withdraw", term, body)
    return {"id": term, "state": "withdrawn"}


def person(actor: str) -> str:
    """Who is behind an actor: the same name over console and command line is one person; keys are their own."""
    kind, _, name = actor.partition(":")
    return actor if kind == "key" else name.casefold()


def _known(conn: Connection, term: str) -> Mapping[Any, Any]:
    found = queries.term(conn, term)
    if found is None:
        raise Gone(f"there is no credit order {term}", code="no_term")
    return found
