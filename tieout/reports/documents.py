"""Invoices, credit notes and payments as the API and the console show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection

from tieout.core.errors import Gone
from tieout.receivables.aging import DEFAULT_SCHEME
from tieout.reports.values import money, pick
from tieout.store.queries import accounts, customers, decisions, invoices

Row = Mapping[Any, Any]


def listed(conn: Connection, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows of documents with the customer and the standing payment status of each."""
    owners = customers.names_of_accounts(conn, sorted({row["account_id"] for row in rows}))
    standing = decisions.current(conn, "payment_status", [row["id"] for row in rows])
    return [shown(row, owners.get(row["account_id"]), standing.get(row["id"])) for row in rows]


def totals(sums: Sequence[Row]) -> list[dict[str, Any]]:
    """How many documents a list has, with totals, per currency."""
    return [
        {
            "rows": int(line["rows"]),
            "total": money(int(line["total"]), line["currency"]),
            "open": money(int(line["open"]), line["currency"]),
        }
        for line in sums
    ]


def shown(row: Row, owner: tuple[str, str] | None, status: Row | None) -> dict[str, Any]:
    """One document. Amounts of credit notes and payments are negative, as the ledger sees them."""
    currency = row["currency"]
    return {
        **pick(row, "id", "kind", "number", "company_id", "account_id", "connection", "external_id", "state"),
        **pick(row, "issue_on", "due_on", "last_payment_on", "is_opening", "created_at"),
        "customer": None if owner is None else {"id": owner[0], "name": owner[1]},
        "total": money(row["total_minor"], currency),
        "open": money(row["open_minor"], currency),
        "status": None if status is None else status["value"],
    }


def instalments(items: Sequence[Row], cases: Sequence[Row], number: str) -> list[dict[str, Any]]:
    """The instalments of a document in the order of their due dates, each with what of it is in dispute."""
    held: dict[str, int] = {}
    for case in cases:
        for one in case["items"] if case["kind"] == "dispute" and case["closed_at"] is None else ():
            part = one["open_minor"] if case["amount_minor"] is None else case["amount_minor"]
            held[one["item"]] = held.get(one["item"], 0) + part
    return [
        {
            **pick(row, "id", "due_on"),
            "number": number,
            "nth": nth,
            "of": len(items),
            "original": money(row["original_minor"], row["currency"]),
            "open": money(row["open_minor"], row["currency"]),
            "disputed": money(held[row["id"]], row["currency"]) if row["id"] in held else None,
        }
        for nth, row in enumerate(items, 1)
    ]


def item(row: Row, today: Mapping[str, date]) -> dict[str, Any]:
    """One open item (instalment) with its bucket as of its company's business date."""
    as_of = today.get(row["company_id"])
    days = 0 if as_of is None else max(0, (as_of - row["due_on"]).days)
    bucket = None
    if as_of is not None and row["open_minor"] > 0:
        bucket = DEFAULT_SCHEME.bucket(row["due_on"], as_of)
    return {
        **pick(row, "id", "document_id", "line_id", "company_id", "due_on"),
        "original": money(row["original_minor"], row["currency"]),
        "open": money(row["open_minor"], row["currency"]),
        "days_overdue": days if row["open_minor"] > 0 else 0,
        "bucket": bucket,
    }


def allocation(row: Row) -> dict[str, Any]:
    """One allocation of a credit document to a debit document."""
    return {
        **pick(row, "id", "from_document_id", "to_document_id", "to_line", "effective_on"),
        **pick(row, "is_active", "is_applied", "refusal"),
        "from_number": row.get("from_number"),
        "to_number": row.get("to_number"),
        "amount": money(row["amount_minor"], row["currency"]),
    }


def one(conn: Connection, document_id: str, kinds: Sequence[str], today: Mapping[str, date]) -> dict[str, Any]:
    """One document with its open items and allocations; an unknown id raises Gone."""
    row = invoices.get(conn, document_id, kinds)
    if row is None:
        raise Gone(f"there is no document {document_id}", code="no_document")
    return {
        **listed(conn, [row])[0],
        "items": [item(line, today) for line in invoices.items(conn, document_id)],
        "allocations": [allocation(line) for line in accounts.allocations_of_document(conn, document_id)],
    }
