"""Disputes, promises, payment plans, pauses and contacts: entered by people, undoable, in the input log and the audit.

Each function checks against what stands now, appends one input and answers what was stored; apply does the rest.
What opens a case takes a key (`once`): the same key again answers what was stored the first time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from sync.case_checks import (
    CaseError,
    accounts_of,
    case_row,
    count_cases,
    customer_of,
    dispute_fits,
    instalments,
    items_of_customer,
    no_open_word,
    one_currency,
    open_of,
    where,
)
from sync.context import Context
from sync.fold.cases import CLOSE, OPEN, UNDO
from sync.settle.cases import received_minor
from tieout.core.dates import business_on
from tieout.core.errors import Gone, StaleWrite
from tieout.core.money import format_minor
from tieout.receivables.disputes import CODES
from tieout.store import audit
from tieout.store.inputs import append_input
from tieout.store.once import Making, Once, making, repeatable
from tieout.store.session import unit
from tieout.store.tables import documents

OUTCOMES = {
    "dispute": ("accepted", "rejected", "partial", "withdrawn"),
    "promise": ("cancelled",),
    "plan": ("cancelled",),
    "pause": ("cancelled",),
    "contact": ("cancelled",),
}
_PREFIX = {"dispute": "dsp", "promise": "prm", "plan": "pln", "pause": "pse", "contact": "ctc"}
_EMAIL = re.compile(r"^[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,253}$")
MAX_ROWS, MAX_EMAILS, LONGEST_PAUSE = 60, 5, timedelta(days=366)


@repeatable
def open_dispute(
    ctx: Context,
    document_id: str,
    *,
    reason: str,
    actor: str,
    amount_minor: int | None = None,
    item: str = "",
    items: Sequence[str] = (),
    note: str = "",
    once: Once | None = None,
) -> dict[str, Any]:
    """Put an invoice, some instalments of it, or a part of one in dispute; without an amount all of it.

    `item` and `items` name instalments by their ids; without any all that are open.
    """
    if reason not in CODES:
        raise CaseError(f"there is no dispute reason {reason!r}", hint="Reasons: " + ", ".join(CODES) + ".")
    with making(ctx.engine, "answer.commit", once, ctx.clock.now()) as made:
        conn = made.conn
        found = conn.execute(select(documents).where(documents.c.id == document_id)).mappings().first()
        if found is None:
            raise Gone(f"there is no invoice {document_id}", code="no_invoice")
        rows = instalments(conn, document_id, {*items, *([item] if item else [])})
        if not rows:
            raise CaseError("there is nothing open to dispute here", hint="Settled invoices are corrected by a refund.")
        if amount_minor is not None:
            if len(rows) > 1:
                raise CaseError(
                    "this invoice has several open instalments: say which one a part of is disputed",
                    hint="item = " + ", ".join(row["id"] for row in rows),
                )
            dispute_fits(conn, rows[0], amount_minor)
        else:
            for row in rows:
                dispute_fits(conn, row, row["open_minor"])
        return _open(
            ctx,
            made,
            "dispute",
            company=found["company_id"],
            customer=customer_of(conn, found["account_id"]),
            links=[row["id"] for row in rows],
            currency=found["currency"],
            amount_minor=amount_minor,
            body={"reason": reason, "document": document_id, "number": found["number"]},
            note=note,
            actor=actor,
        )


@repeatable
def open_promise(
    ctx: Context,
    customer_id: str,
    *,
    promised_on: date,
    actor: str,
    company: str = "",
    currency: str = "",
    amount_minor: int | None = None,
    items: Sequence[str] = (),
    tolerance_days: int | None = None,
    by: str = "",
    channel: str = "",
    note: str = "",
    once: Once | None = None,
) -> dict[str, Any]:
    """Note that a customer promised to pay these items (all open ones if none is named) by a day.

    One open promise per item; a further one after a broken one raises the promise level.
    """
    with making(ctx.engine, "answer.commit", once, ctx.clock.now()) as made:
        conn = made.conn
        company, today, policy = where(ctx, conn, company)
        rows = items_of_customer(conn, customer_id, company, currency, items)
        currency = one_currency(rows)
        owed = sum(row["open_minor"] for row in rows)
        amount = owed if amount_minor is None else amount_minor
        if not 0 < amount <= owed:
            raise CaseError(
                f"a promise is for more than nothing and at most what is open: {format_minor(owed, currency)}"
            )
        if promised_on < today:
            raise CaseError(f"a promise cannot be for the past ({promised_on})")
        refs = [row["id"] for row in rows]
        no_open_word(conn, customer_id, company, refs)
        earlier = count_cases(conn, refs, "promise")
        return _open(
            ctx,
            made,
            "promise",
            company=company,
            customer=customer_id,
            links=refs,
            currency=currency,
            amount_minor=amount,
            until_on=promised_on,
            body={
                "tolerance_days": policy.promise_tolerance_days if tolerance_days is None else tolerance_days,
                "before_minor": received_minor(conn, refs),
                "level": earlier + 1,
                "by": by,
                "channel": channel,
            },
            note=note,
            actor=actor,
        )


@repeatable
def open_plan(
    ctx: Context,
    customer_id: str,
    *,
    rows: Sequence[tuple[date, int]],
    actor: str,
    company: str = "",
    currency: str = "",
    items: Sequence[str] = (),
    grace_days: int | None = None,
    note: str = "",
    once: Once | None = None,
) -> dict[str, Any]:
    """Agree on instalments (due day, minor units) for items; they must sum to what is open on those items."""
    with making(ctx.engine, "answer.commit", once, ctx.clock.now()) as made:
        conn = made.conn
        company, today, policy = where(ctx, conn, company)
        owed_rows = items_of_customer(conn, customer_id, company, currency, items)
        currency = one_currency(owed_rows)
        owed, planned = sum(row["open_minor"] for row in owed_rows), sum(amount for _, amount in rows)
        if not rows or len(rows) > MAX_ROWS or any(amount <= 0 for _, amount in rows):
            raise CaseError(f"a plan has 1 to {MAX_ROWS} rows, each of more than nothing")
        if planned != owed:
            raise CaseError(
                f"the rows sum to {format_minor(planned, currency)}, but {format_minor(owed, currency)} is open",
                hint="Change a row, or name the items the plan is for.",
            )
        if min(due for due, _ in rows) < today:
            raise CaseError("a plan cannot begin in the past")
        refs = [row["id"] for row in owed_rows]
        no_open_word(conn, customer_id, company, refs)
        ordered = sorted(rows)
        return _open(
            ctx,
            made,
            "plan",
            company=company,
            customer=customer_id,
            links=refs,
            currency=currency,
            amount_minor=planned,
            until_on=ordered[-1][0],
            body={
                "rows": [[due.isoformat(), amount] for due, amount in ordered],
                "grace_days": policy.plan_grace_days if grace_days is None else grace_days,
                "before_minor": received_minor(conn, refs),
            },
            note=note,
            actor=actor,
        )


@repeatable
def open_pause(
    ctx: Context,
    customer_id: str,
    *,
    reason: str,
    actor: str,
    until_on: date | None = None,
    legal: bool = False,
    company: str = "",
    items: Sequence[str] = (),
    once: Once | None = None,
) -> dict[str, Any]:
    """Stop dunning a customer, or some items, until a day (included); only a legal pause may have no end."""
    if not reason.strip():
        raise CaseError("say why dunning is paused")
    if until_on is None and not legal:
        raise CaseError("a pause needs an end", hint="Give until_on; only a legal pause may go on until it is lifted.")
    with making(ctx.engine, "answer.commit", once, ctx.clock.now()) as made:
        conn = made.conn
        company, today, _ = where(ctx, conn, company)
        if until_on is not None and not today <= until_on <= today + LONGEST_PAUSE:
            raise CaseError("a pause ends between today and a year from now")
        if items:
            links = [row["id"] for row in items_of_customer(conn, customer_id, company, "", items)]
        else:
            links = accounts_of(conn, customer_id, company)
        return _open(
            ctx,
            made,
            "pause",
            company=company,
            customer=customer_id,
            links=links,
            until_on=until_on,
            body={"legal": legal, "items": bool(items)},
            note=reason,
            actor=actor,
        )


@repeatable
def set_contact(
    ctx: Context,
    customer_id: str,
    *,
    actor: str,
    emails: Sequence[str] = (),
    language: str = "",
    may_write: bool = True,
    company: str = "",
    note: str = "",
    once: Once | None = None,
) -> dict[str, Any]:
    """Say whom to write to at a customer, in which language, or that nobody may be written to; the newest counts."""
    wrong = [one for one in emails if not _EMAIL.fullmatch(one)]
    if wrong or len(emails) > MAX_EMAILS:
        raise CaseError(f"not an e-mail address: {wrong[0]!r}" if wrong else f"at most {MAX_EMAILS} addresses")
    if language not in ("", "zh-CN", "en"):
        raise CaseError(f"there are no words in language {language!r}", hint="Known: zh-CN, en.")
    with making(ctx.engine, "answer.commit", once, ctx.clock.now()) as made:
        conn = made.conn
        company, _, _ = where(ctx, conn, company)
        return _open(
            ctx,
            made,
            "contact",
            company=company,
            customer=customer_id,
            links=accounts_of(conn, customer_id, company),
            body={"emails": list(emails), "language": language, "may_write": may_write},
            note=note,
            actor=actor,
        )


def close_case(
    ctx: Context,
    case_id: str,
    outcome: str,
    *,
    actor: str,
    root_cause: str = "",
    team: str = "",
    accepted_minor: int | None = None,
    pay_by_on: date | None = None,
    note: str = "",
) -> dict[str, Any]:
    """Settle a dispute (accepted, rejected, partial, withdrawn) or end a promise, plan, pause or contact (cancelled).

    A settled dispute names its root cause and the team responsible; what is rejected is due again by a new day.
    """
    with unit(ctx.engine, "answer.commit") as conn:
        row = case_row(conn, case_id)
        allowed = OUTCOMES[row["kind"]]
        if outcome not in allowed:
            raise CaseError(f"a {row['kind']} cannot end as {outcome!r}", hint="Outcomes: " + ", ".join(allowed) + ".")
        if row["outcome"]:
            raise StaleWrite(f"{row['kind']} {case_id} is {row['outcome']} already", code="case_closed")
        company, today, policy = where(ctx, conn, row["company_id"])
        body: dict[str, Any] = {"note": note}
        if row["kind"] == "dispute" and outcome != "withdrawn":
            if not root_cause.strip() or not team.strip():
                raise CaseError("a settled dispute names its root_cause and the team responsible")
            body |= {"root_cause": root_cause, "team": team}
        if outcome in ("rejected", "partial"):
            due = pay_by_on or today + timedelta(days=policy.pay_by_days)
            if due < today:
                raise CaseError("the new pay-by date lies in the past")
            body["pay_by_on"] = due.isoformat()
        if outcome == "partial":
            most = row["amount_minor"] if row["amount_minor"] is not None else open_of(conn, case_id)
            if accepted_minor is None or not 0 < accepted_minor < most:
                raise CaseError("say how much is accepted: more than nothing and less than what is in dispute")
            body["accepted_minor"] = accepted_minor
        closing = {"do": CLOSE, "id": case_id, "outcome": outcome, "on": today.isoformat(), "body": body}
        append_input(conn, "case", ctx.clock.now(), closing, actor=actor)
        told = {"outcome": outcome, "currency": row["currency"], **body}
        audit.append(conn, ctx.clock.now(), actor, f"{row['kind']}.close", case_id, told)
    return {"id": case_id, "kind": row["kind"], "outcome": outcome, "company": company, **body}


def undo_case(ctx: Context, case_id: str, actor: str) -> dict[str, Any]:
    """Take the last step of a case back: a closed one is open again, an open one never was."""
    with unit(ctx.engine, "answer.commit") as conn:
        row = case_row(conn, case_id)
        if row["outcome"] == "undone":
            raise StaleWrite(f"{row['kind']} {case_id} was taken back already", code="case_undone")
        append_input(conn, "case", ctx.clock.now(), {"do": UNDO, "id": case_id}, actor=actor)
        audit.append(conn, ctx.clock.now(), actor, f"{row['kind']}.undo", case_id, {"was": row["outcome"] or "open"})
    return {"id": case_id, "kind": row["kind"], "state": "open" if row["outcome"] else "undone"}


# ------------------------------------------------------------- helpers
def _open(
    ctx: Context,
    made: Making,
    kind: str,
    *,
    company: str,
    customer: str,
    links: Sequence[str],
    body: Mapping[str, Any],
    note: str,
    actor: str,
    currency: str | None = None,
    amount_minor: int | None = None,
    until_on: date | None = None,
) -> dict[str, Any]:
    case_id = ctx.ids.new(_PREFIX[kind])
    today = business_on(ctx.clock.now(), ctx.config.companies[company].timezone)
    stored = {
        "do": OPEN,
        "id": case_id,
        "kind": kind,
        "company": company,
        "customer": customer,
        "currency": currency,
        "amount_minor": amount_minor,
        "from_on": today.isoformat(),
        "until_on": until_on.isoformat() if until_on is not None else None,
        "links": sorted(links),
        "body": dict(body),
        "note": note,
    }
    append_input(made.conn, "case", ctx.clock.now(), stored, actor=actor)
    audit.append(
        made.conn, ctx.clock.now(), actor, f"{kind}.open", case_id, {k: v for k, v in stored.items() if k != "do"}
    )
    return made.kept({name: value for name, value in stored.items() if name != "do"})
