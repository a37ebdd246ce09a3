"""Builds the seeded company from a seed: books first, then the CRM that disagrees with them, then the answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from random import Random

from tieout.sandbox.company.accounting import kingdee_documents
from tieout.sandbox.company.books import build_books
from tieout.sandbox.company.claims import add_deals, add_invoices
from tieout.sandbox.company.credit import archives, expected, make_lines, rate_documents
from tieout.sandbox.company.crm import Crm, add_accounts
from tieout.sandbox.company.fxiaoke import Fxiaoke, build_fxiaoke
from tieout.sandbox.company.model import Books, Company, Doc
from tieout.sandbox.company.names import NameMaker


def build_company(seed: int, customers: int = 300, invoices: int = 2000, *, today: date) -> Company:
    """Build the company; the same arguments give the same company, byte for byte.

    `invoices` counts receivables in the books (red ones included). With fewer than three customers or six
    invoices the demo stories are left out.
    """
    rng = Random(seed)  # noqa: S311 - a made-up company, nothing secret
    names = NameMaker(rng)
    books = build_books(rng, names, customers, invoices, today)
    lines = make_lines(seed, books, today)
    crm = Crm(rng, today)
    add_accounts(crm, books, names)
    deals = add_deals(crm, books)
    add_invoices(crm, books, deals)
    fxiaoke = build_fxiaoke(seed, books, today)
    since = f"{today - timedelta(days=600)}T10:00:00"
    return Company(
        zoho={"Accounts": crm.accounts, "Contacts": crm.contacts, "Deals": crm.deals, "Invoices": crm.invoices},
        kingdee={
            **kingdee_documents(books, since),
            "BD_Rate": rate_documents(today, since),
            "CRE_CustArchives": archives(lines, since),
        },
        truth={**_truth(seed, today, books, crm, fxiaoke), "credit": expected(lines, books, today)},
        fxiaoke=fxiaoke.records(),
    )


def _truth(seed: int, today: date, books: Books, crm: Crm, fxiaoke: Fxiaoke) -> Doc:
    open_minor: dict[str, dict[str, int]] = defaultdict(dict)
    for bill in books.bills:
        if bill.posted:
            per = open_minor[bill.customer.number]
            per[bill.currency] = per.get(bill.currency, 0) + bill.minor - bill.settled_minor
    identity = Counter(a["way"] for a in crm.truth_accounts.values() if a["expect"] == "conflict")
    unlinked = Counter(i["way"] for i in crm.truth_invoices.values() if i["expect"] == "conflict")
    return {
        "seed": seed,
        "today": today.isoformat(),
        "accounts": crm.truth_accounts,
        "invoices": crm.truth_invoices,
        "fx_accounts": fxiaoke.truth_accounts,
        "fx_invoices": fxiaoke.truth_invoices,
        "fx_payments": fxiaoke.truth_payments,
        "open": dict(open_minor),
        "expected_conflicts": {"identity": dict(identity), "unlinked document": dict(unlinked)},
        "stories": _stories(books, crm),
        "counts": {
            "customers": len(books.customers),
            "bills": len(books.bills),
            "red_bills": sum(bill.minor < 0 for bill in books.bills),
            "posted_bills": sum(bill.posted for bill in books.bills),
            "receipts": len(books.receipts),
            "log_rows": 2 * len(books.matches),
            "zoho_accounts": len(crm.accounts),
            "zoho_contacts": len(crm.contacts),
            "zoho_deals": len(crm.deals),
            "zoho_invoices": len(crm.invoices),
            "fx_accounts": len(fxiaoke.accounts),
            "fx_orders": len(fxiaoke.orders),
            "fx_invoices": len(fxiaoke.invoices),
            "fx_payments": len(fxiaoke.payments),
        },
    }


def _stories(books: Books, crm: Crm) -> list[Doc]:
    what = {
        "story-1": "one bill 30 days overdue",
        "story-2": "a bill paid in part",
        "story-3": "same legal name, another valid tax id, much money at stake",
    }
    return [
        {
            "story": what[customer.mark],
            "customer": customer.number,
            "accounts": [account["id"] for account in crm.by_customer[customer.number]],
            "bills": [bill.number for bill in books.bills if bill.customer is customer],
        }
        for customer in books.customers
        if customer.mark.startswith("story")
    ]
