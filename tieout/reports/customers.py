"""Customers and their accounts as the API and the console show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection

from tieout.core.errors import Gone
from tieout.reports import documents, relations
from tieout.reports.values import money, pick
from tieout.store.queries import accounts, customers, decisions
from tieout.store.queries.paging import Slice

Row = Mapping[Any, Any]
Today = Mapping[str, date]
_SEVERITY = {"ok": 1, "watch": 2, "hold": 3}


def balance(line: Row) -> dict[str, Any]:
    """One (company, currency) line: owed - credits - unapplied = balance."""
    currency = line["currency"]
    figures = {name: money(line[name], currency) for name in ("owed", "overdue", "credits", "unapplied", "balance")}
    return {"company_id": line["company_id"], "currency": currency, **figures}


def credit(conn: Connection, ids: Sequence[str], today: Today) -> dict[str, list[Row]]:
    """The standing credit decisions of each customer, one per company that decided."""
    whose = {decisions.credit_subject(one, company): one for one in ids for company in today}
    out: dict[str, list[Row]] = {}
    for row in decisions.standing(conn, sorted(whose)):
        if row["kind"] == "credit":
            out.setdefault(whose[row["subject"]], []).append(row)
    return out


def _worst(values: Sequence[str]) -> str | None:
    # dict.get may answer None; every status has its severity, so it never does here
    return max(values, key=_SEVERITY.get) if values else None  # type: ignore[arg-type]


def listed(conn: Connection, rows: Sequence[Row], today: Today) -> list[dict[str, Any]]:
    """Customers with balances per company and currency and the standing credit status."""
    ids = [row["id"] for row in rows]
    sums = customers.balances(conn, ids, today)
    standing = credit(conn, ids, today)
    return [
        {
            **pick(row, "id", "name", "created_at"),
            "credit_status": _worst([line["value"] for line in standing.get(row["id"], [])]),
            "balances": [balance(line) for line in sums.get(row["id"], [])],
        }
        for row in rows
    ]


def totals(sums: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """What the customers of a list owe in all, per currency."""
    return [{name: money(minor, code) for name, minor in line.items()} for code, line in sums.items()]


def decision(row: Row) -> dict[str, Any]:
    """A stored decision: value, reasons, figures, inputs, rule version."""
    return pick(
        row,
        "id",
        "kind",
        "subject",
        "company_id",
        "value",
        "reasons",
        "body",
        "inputs",
        "rule_version",
        "effective_on",
        "recorded_at",
        "is_current",
    )


def _known(conn: Connection, customer_id: str) -> Row:
    row = customers.get(conn, customer_id)
    if row is None:
        raise Gone(f"there is no customer {customer_id}", code="no_customer")
    return row


def one(conn: Connection, customer_id: str, today: Today) -> dict[str, Any]:
    """A customer with its members (accounts and CRM records), the rule that linked each, and its relations."""
    row = _known(conn, customer_id)
    members = [
        {
            **pick(member, "member", "rule", "rule_version", "effective_on", "recorded_at", "evidence"),
            "kind": "account" if member["account_id"] else "crm_record",
            "name": member["account_name"],
            "company_id": member["company_id"],
            "connection": member["connection"] or str(member["member"]).split("/", 1)[0],
            "is_provisional": bool(member["is_provisional"]),
            "by_answer": member["answer_seq"] is not None,
        }
        for member in customers.members(conn, customer_id)
    ]
    related = relations.of_customer(conn, customer_id, [member["member"] for member in members])
    return {**listed(conn, [row], today)[0], "created_by": row["created_by"], "members": members, "relations": related}


def account(
    conn: Connection, customer_id: str, today: Today, limit: int, items: str | None = None, payments: str | None = None
) -> dict[str, Any]:
    """What a customer owes and paid: balances, open items, payments, allocations, credit with its reasons.

    Lists are pages of `limit` rows, those of items and payments from a cursor on; `pages` says for each how many rows
    there are in all, what they sum to per currency, how many stand before the page, and the cursor of the next one.
    Open items less what payments do not pay yet is the balance.
    """
    row = _known(conn, customer_id)
    ids = customers.account_ids(conn, customer_id)
    owed, came = items_of(conn, ids, today, limit, items), payments_of(conn, ids, limit, payments)
    paid_by = accounts.allocations_of_accounts(conn, ids, limit, None)
    rows = accounts.count_allocations(conn, ids)
    return {
        "customer": {"id": row["id"], "name": row["name"]},
        "as_of": dict(today),
        "balances": [balance(line) for line in customers.balances(conn, [customer_id], today).get(customer_id, [])],
        "credit": [decision(line) for line in credit(conn, [customer_id], today).get(customer_id, [])],
        "items": owed.rows,
        "payments": came.rows,
        "allocations": [documents.allocation(line) for line in paid_by.rows],
        "pages": {
            "items": _page_of(accounts.item_totals(conn, ids), items, "items", owed.next),
            "payments": _page_of(accounts.payment_totals(conn, ids), payments, "payments", came.next),
            "allocations": {"rows": rows, "before": 0, "totals": [], "next": paid_by.next},
        },
    }


def items_of(
    conn: Connection, ids: Sequence[str], today: Today, limit: int, cursor: str | None
) -> Slice[dict[str, Any]]:
    """A page of open items of accounts, by due date."""
    found = accounts.items(conn, ids, limit, cursor)
    rows = [{**documents.item(row, today), "number": row["number"], "kind": row["kind"]} for row in found.rows]
    return Slice(rows, found.next)


def payments_of(conn: Connection, ids: Sequence[str], limit: int, cursor: str | None) -> Slice[dict[str, Any]]:
    """A page of payments and refunds of accounts, newest first."""
    found = accounts.payments(conn, ids, limit, cursor)
    return Slice(documents.listed(conn, found.rows), found.next)


def accounts_of(conn: Connection, customer_id: str) -> Sequence[str]:
    """The accounts of a customer; an unknown id raises Gone."""
    _known(conn, customer_id)
    return customers.account_ids(conn, customer_id)


def _page_of(sums: Sequence[Row], cursor: str | None, kind: str, following: str | None) -> dict[str, Any]:
    return {
        "rows": sum(int(line["rows"]) for line in sums),
        "before": accounts.shown_before(cursor, kind),
        "totals": [money(int(line["minor"]), line["currency"]) for line in sums],
        "next": following,
    }


def claimable(conn: Connection, customer_id: str, limit: int) -> list[dict[str, Any]]:
    """The customer's open items of invoices that promises, plans and pauses can be about, the earliest due first."""
    rows = accounts.claimable(conn, customers.account_ids(conn, customer_id), limit)
    return [
        {**pick(row, "id", "number", "due_on", "nth", "of"), "open": money(row["open_minor"], row["currency"])}
        for row in rows
    ]


def paid(conn: Connection, payments: Sequence[Row]) -> dict[str, list[dict[str, Any]]]:
    """What each payment paid and what each refund gave back, by payment id: one allocation each, and its other side.

    `other` has id, kind and number of the document on the other side; one that is not in the books (yet) has no id
    and goes by the reference the source gave. Withdrawn and refused allocations are marked, not hidden.
    """
    wanted = {row["id"] for row in payments}
    out: dict[str, list[dict[str, Any]]] = {}
    for row in accounts.allocations_of_payments(conn, sorted(wanted)):
        for here, there in (("from", "to"), ("to", "from")):
            if row[f"{here}_document_id"] in wanted:
                number = row[f"{there}_number"]
                other = {
                    "id": None if number is None else row[f"{there}_document_id"],
                    "kind": row[f"{there}_kind"],
                    "number": number or row[f"{there}_ref"],
                }
                out.setdefault(row[f"{here}_document_id"], []).append({**documents.allocation(row), "other": other})
    return out


def regrouped(found: Row) -> dict[str, Any]:
    """What a merge or its undoing would change, with its figures as money."""

    def group(one: Row) -> dict[str, Any]:
        reminders = [
            {**pick(row, "company", "currency", "value", "step"), "amount": money(row["amount_minor"], row["currency"])}
            for row in one["reminders"]
        ]
        return {
            **pick(one, "id", "name", "items"),
            "balances": [balance(line) for line in one["balances"]],
            "reminders": reminders,
        }

    items = [
        {
            **pick(row, "document_id", "number", "due_on", "company"),
            "open": money(row["open_minor"], row["currency"]),
        }
        for row in found["items"]
    ]
    sides = {side: [group(one) for one in found[side]] for side in ("before", "after")}
    return {**found, **sides, "items": items}
