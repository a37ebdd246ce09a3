"""A company made of real invoices and real customer names, as the three vendors hold it, with the answers.

In both CRMs 80 % of the names are exact or come with the tax id; the rest are spellings that a CRM really holds
(`customer_matching`), brackets, English, traditional characters. A fifth of the customers are in Fxiaoke as well. Each
third customer has a credit limit in Kingdee, some of them less than they owe.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from tests.e2e import naming
from tests.e2e.expected import Loading
from tests.e2e.receivables import Row
from tieout.sandbox.company.accounting import kingdee_documents
from tieout.sandbox.company.claims import add_deals, add_invoices
from tieout.sandbox.company.credit import Line, archives
from tieout.sandbox.company.crm import Crm, add_accounts
from tieout.sandbox.company.fxiaoke import build_fxiaoke
from tieout.sandbox.company.model import Bill, Books, Customer, Doc, Match, PlanRow
from tieout.sandbox.company.names import CompanyName, NameMaker
from tieout.sandbox.company.payments import make_receipt, number_receipts
from tieout.sandbox.world import SandboxWorld

CURRENCY = "USD"
NOT_IN_CRM = 0.03
LIMIT_EVERY, OVER_EVERY = 3, 9  # each third customer has a credit limit, each ninth owes more than it allows


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded: the books, what the source says of each bill, which CRM record means which customer or bill."""

    books: Books
    loading: Loading
    accounts: Mapping[str, Doc]  # Zoho account id -> {customer, way, expect}
    invoices: Mapping[str, Doc]  # Zoho invoice id -> {bill, way, expect}
    branch_accounts: Mapping[str, Doc]  # the same of Fxiaoke
    branch_invoices: Mapping[str, Doc]


def load(world: SandboxWorld, rows: Sequence[Row], names: Path | None, today: date, seed: int = 20) -> Loaded:
    """Put it all into an empty world. Without a folder of real names invented ones are taken."""
    rng = Random(seed)
    maker = NameMaker(rng)
    books, said = _books(rng, rows, _real_names(names) if names else _invented(maker), today)
    limits = _limits(books)
    crm = Crm(rng, today)
    add_accounts(crm, books, maker)
    naming.settle(naming.in_zoho(crm, books), books)
    add_invoices(crm, books, add_deals(crm, books))
    branch = build_fxiaoke(seed, books, today)
    naming.settle(naming.in_fxiaoke(branch, books), books)
    since = f"{min(row.issued_on for row in rows) - timedelta(days=1)}T10:00:00"
    with world.store.batch():
        for module, records in (
            ("Accounts", crm.accounts), ("Contacts", crm.contacts), ("Deals", crm.deals), ("Invoices", crm.invoices),
        ):  # fmt: skip
            world.zoho.seed(module, records)
        for form, docs in kingdee_documents(books, since).items():
            world.kingdee.seed(form, docs)
        world.kingdee.seed("CRE_CustArchives", archives(limits, since))
        for name, some in branch.records().items():
            world.fxiaoke.seed(name, some)
    return Loaded(
        books,
        Loading(said, {line.customer.number: line.minor for line in limits}),
        crm.truth_accounts,
        crm.truth_invoices,
        branch.truth_accounts,
        branch.truth_invoices,
    )


def _limits(books: Books) -> list[Line]:
    """Lines of the credit archive: some room above what is owed, or four fifths of it."""
    owed: Counter[str] = Counter()
    for bill in books.bills:
        owed[bill.customer.number] += bill.minor - bill.settled_minor
    lines = []
    for index, customer in enumerate(books.customers[::LIMIT_EVERY]):
        share = 8 if index % (OVER_EVERY // LIMIT_EVERY) == 0 else 13
        customer.credit_checked = True
        minor = max(10_000, owed[customer.number] * share // 10 // 10_000 * 10_000)
        lines.append(Line(900_001 + index, customer, CURRENCY, minor))
    return lines


def _books(
    rng: Random, rows: Sequence[Row], names: Iterator[tuple[CompanyName, str]], today: date
) -> tuple[Books, dict[str, tuple[str, Row]]]:
    """The books, and by the number of each bill the customer and row that it was made of."""
    books = Books()
    said: dict[str, tuple[str, Row]] = {}
    customers: dict[str, Customer] = {}
    counts: Counter[str] = Counter()
    paid: dict[tuple[str, date], list[Bill]] = defaultdict(list)
    for number, row in enumerate(sorted(rows, key=lambda one: (one.issued_on, one.customer, one.due_on, one.minor)), 1):
        customer = customers.get(row.customer)
        if customer is None:
            name, tax_id = next(names)
            code = f"CUST{len(customers) + 1:04d}"
            customer = Customer(code, name, tax_id, CURRENCY, 15, False, "prompt", 1.0)
            customer.in_crm = rng.random() >= NOT_IN_CRM
            customers[row.customer] = customer
        counts[customer.number] += 1
        order = f"SO{customer.number[4:]}{counts[customer.number] // 3:05d}"
        stamp = f"{min(row.issued_on, today - timedelta(days=1))}T{9 + number % 9:02d}:{number % 60:02d}:00"
        bill = Bill(
            fid=100_000 + number,
            number=f"AR{number:08d}",
            customer=customer,
            currency=CURRENCY,
            issued_on=row.issued_on,
            order_no=order,
            lines=[(900_000 + number, row.minor, 0)],
            plan=[PlanRow(800_000 + number, row.due_on, row.minor)],
            created_at=stamp,
            modified_at=stamp,
        )
        books.bills.append(bill)
        said[bill.number] = (customer.number, row)
        if row.paid_on is not None:
            paid[row.customer, row.paid_on].append(bill)
    books.customers = list(customers.values())
    for (_, paid_on), bills in sorted(paid.items()):
        total = sum(bill.minor for bill in bills)
        receipt = make_receipt(bills[0].customer, CURRENCY, paid_on, total, f"{len(bills)} invoices")
        books.receipts.append(receipt)
        for bill in bills:
            bill.plan[0].settled_minor += bill.minor
            receipt.settled_minor += bill.minor
            books.matches.append(Match(receipt, 0, bill, bill.plan[0].entry_id, bill.minor, paid_on))
    number_receipts(rng, books.receipts, books.matches)
    return books, said


def _real_names(folder: Path) -> Iterator[tuple[CompanyName, str]]:
    """Legal name, English name and tax id from the accounting table; the short name from a CRM where one has it."""
    entity: dict[tuple[str, str], str] = {}
    for line in _lines(folder / "truth.csv"):
        entity[line["source"], line["source_id"]] = line["entity_id"]
    said: dict[str, str] = {}
    for line in _lines(folder / "crm_zoho.csv"):
        said.setdefault(entity["crm_zoho", line["source_id"]], line["name"])
    seen: set[str] = set()
    taken: set[str] = set()
    for line in _lines(folder / "accounting.csv"):
        key = entity["accounting", line["source_id"]]
        if not line["name"] or line["name"] in seen or key in taken or not line["tax_id"]:
            continue
        seen.add(line["name"])
        taken.add(key)
        short = said.get(key, line["name"])
        name = CompanyName(
            line["name"], short, line["name_en"] or line["name"], "", line["city"], line["country"] or "CN"
        )
        yield name, line["tax_id"].strip()


def _invented(maker: NameMaker) -> Iterator[tuple[CompanyName, str]]:
    number = 0
    while True:
        number += 1
        yield maker.chinese(), f"9131000{number:05d}MA1K"


def _lines(path: Path) -> Iterator[Mapping[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
