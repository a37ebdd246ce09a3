"""What a case must fit: the items that are open, the disputes and promises that stand, the company and its policy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from sync.context import Context
from sync.settle.policies import active_policy
from tieout.core.dates import business_on
from tieout.core.errors import Gone, StaleWrite, TieoutError
from tieout.core.money import format_minor
from tieout.receivables.dunning.policy import Policy
from tieout.store.landing import chunks
from tieout.store.tables import (
    accounts,
    case_links,
    cases,
    decisions,
    inputs,
    memberships,
    open_items,
    pending,
)


class CaseError(TieoutError):
    """What was entered does not fit what stands in the books; the message says what to change."""

    code = "case"


def where(ctx: Context, conn: Connection, company: str) -> tuple[str, date, Policy]:
    """The company meant, its business day and its dunning policy."""
    if not company and len(ctx.config.companies) == 1:
        company = next(iter(ctx.config.companies))
    if company not in ctx.config.companies:
        known = ", ".join(sorted(ctx.config.companies))
        raise CaseError(f"there is no company {company!r}" if company else "say which company", hint=f"Known: {known}.")
    today = business_on(ctx.clock.now(), ctx.config.companies[company].timezone)
    return company, today, active_policy(conn, company)


def case_row(conn: Connection, case_id: str) -> Mapping[Any, Any]:
    """A case as it stands; raises Gone."""
    found = conn.execute(select(cases).where(cases.c.id == case_id)).mappings().first()
    if found is None:
        raise Gone(f"there is no case {case_id}", hint="A new one is there once it was applied.", code="no_case")
    return found


def accounts_of(conn: Connection, customer_id: str, company: str) -> list[str]:
    """Account ids of a customer with a company; raises Gone."""
    m, a = memberships.c, accounts.c
    found = list(
        conn.execute(
            select(a.id)
            .join(memberships, m.member == a.id)
            .where(m.customer_id == customer_id, m.to_seq.is_(None), a.company_id == company)
            .order_by(a.id)
        ).scalars()
    )
    if not found:
        raise Gone(f"customer {customer_id} has no account with company {company}", code="no_customer")
    return found


def customer_of(conn: Connection, account: str) -> str:
    """The customer an account belongs to now; "" if none."""
    m = memberships.c
    return str(
        conn.execute(select(m.customer_id).where(m.member == account, m.to_seq.is_(None))).scalars().first() or ""
    )


def instalments(conn: Connection, document_id: str, wanted: Collection[str]) -> list[Mapping[Any, Any]]:
    """Open instalments of an invoice, by due date; all of them, or those `wanted` names, all of which must be there."""
    o = open_items.c
    rows = conn.execute(
        select(open_items).where(o.document_id == document_id, o.open_minor > 0).order_by(o.due_on, o.id)
    )
    found: list[Mapping[Any, Any]] = [row for row in rows.mappings() if not wanted or row["id"] in wanted]
    missing = sorted(set(wanted) - {row["id"] for row in found})
    if found and missing:
        raise CaseError(f"{missing[0]} is not an open instalment of this invoice")
    return found


def items_of_customer(
    conn: Connection, customer_id: str, company: str, currency: str, wanted: Sequence[str]
) -> list[Mapping[Any, Any]]:
    """Open items of a customer; `wanted` names items or whole invoices."""
    o = open_items.c
    rows: list[Mapping[Any, Any]] = []
    for part in chunks(accounts_of(conn, customer_id, company)):
        rows += conn.execute(
            select(open_items).where(o.account_id.in_(part), o.open_minor > 0).order_by(o.due_on, o.id)
        ).mappings()
    if wanted:
        known = {row["id"] for row in rows} | {row["document_id"] for row in rows}
        missing = sorted(set(wanted) - known)
        if missing:
            raise CaseError(f"{missing[0]} is not an open item or invoice of this customer in company {company}")
        rows = [row for row in rows if row["id"] in wanted or row["document_id"] in wanted]
        other = next((row for row in rows if currency and row["currency"] != currency), None)
        if other is not None:
            raise CaseError(f"{other['id']} is in {other['currency']}, not in {currency}", hint="Choose its currency.")
    if currency:
        rows = [row for row in rows if row["currency"] == currency]
    if not rows:
        raise CaseError("the customer owes nothing open here")
    return rows


def one_currency(rows: Sequence[Mapping[Any, Any]]) -> str:
    """The currency of these items; CaseError when they have several."""
    codes = sorted({row["currency"] for row in rows})
    if len(codes) > 1:
        raise CaseError("the items are in several currencies", hint=f"Say which: {', '.join(codes)}.")
    return str(codes[0])


def dispute_fits(conn: Connection, item: Mapping[Any, Any], amount: int) -> None:
    """No more is disputed than is open and not in dispute yet."""
    k, c = case_links.c, cases.c
    held = list(
        conn.execute(
            select(c.amount_minor)
            .join(case_links, k.case_id == c.id)
            .where(k.ref == item["id"], c.kind == "dispute", c.outcome == "")
        ).scalars()
    )
    held += [body.get("amount_minor") for body in _waiting(conn, ("dispute",), [item["id"]])]
    left = max(0, item["open_minor"] - sum(item["open_minor"] if one is None else one for one in held))
    if not 0 < amount <= left:
        shown = format_minor(left, item["currency"])
        raise CaseError(f"{item['id']}: at most {shown} of it can still be disputed")


def no_open_word(conn: Connection, customer: str, company: str, items: Sequence[str]) -> None:
    """One open promise or active plan per item; raises StaleWrite naming the one that stands."""
    k, c, d = case_links.c, cases.c, decisions.c
    found = [(str(body["id"]), str(body["kind"])) for body in _waiting(conn, ("promise", "plan"), items)]
    for part in chunks(list(items)):
        rows = conn.execute(
            select(c.id, c.kind)
            .join(case_links, k.case_id == c.id)
            .where(k.ref.in_(part), c.kind.in_(("promise", "plan")), c.outcome == "")
            .order_by(c.id)
            .distinct()
        ).all()
        for row in rows:
            value = conn.execute(
                select(d.value).where(d.subject == f"{customer}|{company}|{row.id}", d.is_current.is_(True))
            ).scalar()
            if value in (None, "open", "active"):
                found.append((row.id, row.kind))
    if found:
        raise StaleWrite(
            f"some of these items have an open {found[0][1]} already: {found[0][0]}",
            hint="Cancel it first, or leave the items out.",
            code="open_word",
        )


def _waiting(conn: Connection, kinds: Sequence[str], items: Sequence[str]) -> list[Mapping[Any, Any]]:
    """Cases about these items that were entered a moment ago and are not folded yet."""
    rows = conn.execute(
        select(inputs.c.body).join(pending, pending.c.seq == inputs.c.seq).where(inputs.c.kind == "case")
    ).scalars()
    return [
        body for body in rows if body.get("do") == "open" and body["kind"] in kinds and set(body["links"]) & set(items)
    ]


def count_cases(conn: Connection, items: Sequence[str], kind: str) -> int:
    """How many cases of a kind there were for these items."""
    k, c = case_links.c, cases.c
    found: set[str] = set()
    for part in chunks(list(items)):
        found.update(
            conn.execute(
                select(c.id)
                .join(case_links, k.case_id == c.id)
                .where(k.ref.in_(part), c.kind == kind, c.outcome != "undone")
            ).scalars()
        )
    return len(found)


def open_of(conn: Connection, case_id: str) -> int:
    """What is open on the items of a case, minor units."""
    o, k = open_items.c, case_links.c
    return sum(conn.execute(select(o.open_minor).join(case_links, k.ref == o.id).where(k.case_id == case_id)).scalars())
