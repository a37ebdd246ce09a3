"""The accounting side of the seeded company before it is written in a vendor's fields."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from tieout.sandbox.company.bills import STORY_BILLS, BillMaker
from tieout.sandbox.company.model import Books, Customer, Match
from tieout.sandbox.company.names import NameMaker
from tieout.sandbox.company.parties import STORIES, build_customers
from tieout.sandbox.company.payments import PREPAID, make_receipt, net_red_bills, number_receipts, pay_bills, prepay


def build_books(rng: Random, names: NameMaker, customers: int, invoices: int, today: date) -> Books:
    """Customers, bills, receipts and allocations; the first three customers and six bills are the demo stories."""
    books = Books(customers=build_customers(rng, names, customers))
    maker = BillMaker(rng, books.customers, today)
    stories = books.customers[:STORIES]
    if len(stories) == STORIES:
        _stories(books, maker, stories, today)
    books.bills += maker.bills(invoices - len(books.bills))
    matches = net_red_bills(rng, books.bills, today)
    receipts, paid = pay_bills(rng, books.bills, today)
    receipts += prepay(rng, books.customers, round(len(receipts) * PREPAID), today)
    number_receipts(rng, receipts, paid, first=len(books.receipts))
    books.receipts += receipts
    books.matches = sorted(
        books.matches + matches + paid, key=lambda m: (m.verified_on, m.target.fid, m.target_entry_id)
    )
    return books


def _stories(books: Books, maker: BillMaker, stories: list[Customer], today: date) -> None:
    """The three stories of the package docstring, at fixed numbers and amounts."""
    overdue, partial, contested = stories

    def ago(days: int) -> date:
        return today - timedelta(days=days)

    table = [
        # customer, issued days ago, due days from today, net minor units
        (overdue, 60, -30, 10_000_000),  # AR00000001 113,000.00 open, 30 days overdue
        (overdue, 20, 10, 2_000_000),  # AR00000002 22,600.00 open, not due
        (partial, 40, 5, 5_000_000),  # AR00000003 56,500.00, of which 20,000.00 paid
        (contested, 50, -20, 200_000_000),  # AR00000004 2,260,000.00 open, 20 days overdue
        (contested, 25, 5, 100_000_000),  # AR00000005 1,130,000.00 open
        (contested, 10, 20, 50_000_000),  # AR00000006 565,000.00 open
    ]
    for index, (customer, issued, due, net) in enumerate(table[:STORY_BILLS]):
        bill = maker.blue(index, customer, "CNY", ago(issued), [net], due=today + timedelta(days=due))
        bill.story = True
        books.bills.append(bill)
    target = books.bills[2]
    receipt = make_receipt(partial, "CNY", ago(12), 2_000_000, f"货款 {target.number}")
    receipt.settled_minor = target.plan[0].settled_minor = 2_000_000
    match = Match(receipt, 0, target, target.plan[0].entry_id, 2_000_000, ago(12))
    number_receipts(Random(0), [receipt], [match])  # noqa: S311 - a fixed time of day, not a secret
    books.receipts.append(receipt)
    books.matches.append(match)
