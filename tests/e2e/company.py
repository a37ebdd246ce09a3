"""A company made of real invoices and real customer names, as the three vendors hold it, with the answers.

In Zoho 80 % of the names are exact or come with the tax id; the rest are spellings that a CRM really holds
(`customer_matching`), brackets, English, traditional characters. A fifth of the customers are in Fxiaoke as well.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from tests.e2e.receivables import Row
from tieout.sandbox.company.accounting import kingdee_documents
from tieout.sandbox.company.claims import add_deals, add_invoices
from tieout.sandbox.company.crm import SHORT, Crm, add_accounts
from tieout.sandbox.company.fxiaoke import build_fxiaoke
from tieout.sandbox.company.model import Bill, Books, Customer, Doc, Match, PlanRow
from tieout.sandbox.company.names import CompanyName, NameMaker
from tieout.sandbox.company.payments import make_receipt, number_receipts
from tieout.sandbox.world import SandboxWorld

CURRENCY = "USD"
NOT_IN_CRM = 0.03
SURE = 0.8  # of the CRM's names are exact or come with the tax id


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded: the books, and which CRM record means which customer or bill."""

    books: Books
    accounts: Mapping[str, Doc]  # Zoho account id -> {customer, way, expect}
    invoices: Mapping[str, Doc]  # Zoho invoice id -> {bill, way, expect}
    branch_accounts: Mapping[str, Doc]  # the same of Fxiaoke
    branch_invoices: Mapping[str, Doc]
    named_share: float  # of the Zoho accounts of customers: exact legal name or tax id


def load(world: SandboxWorld, rows: Sequence[Row], names: Path | None, today: date, seed: int = 20) -> Loaded:
    """Put it all into an empty world. Without a folder of real names invented ones are taken."""
    rng = Random(seed)
    maker = NameMaker(rng)
    books = _books(rng, rows, _real_names(names) if names else _invented(maker), today)
    crm = Crm(rng, today)
    add_accounts(crm, books, maker)
    _rename(crm, books)
    add_invoices(crm, books, add_deals(crm, books))
    since = f"{min(row.issued_on for row in rows) - timedelta(days=1)}T10:00:00"
    with world.store.batch():
        for module, records in (
            ("Accounts", crm.accounts), ("Contacts", crm.contacts), ("Deals", crm.deals), ("Invoices", crm.invoices),
        ):  # fmt: skip
            world.zoho.seed(module, records)
        for form, docs in kingdee_documents(books, since).items():
            world.kingdee.seed(form, docs)
        branch = build_fxiaoke(seed, books, today)
        for name, some in branch.records().items():
            world.fxiaoke.seed(name, some)
    return Loaded(
        books,
        crm.truth_accounts,
        crm.truth_invoices,
        branch.truth_accounts,
        branch.truth_invoices,
        _sure(crm, books) / len(_known(crm)),
    )


def _known(crm: Crm) -> dict[str, Doc]:
    """Accounts of customers of the books, by id."""
    return {account["id"]: account for account in crm.accounts if crm.truth_accounts[account["id"]]["customer"]}


def _is_sure(crm: Crm, legal: Mapping[str, str], account: Doc) -> bool:
    customer = crm.truth_accounts[account["id"]]["customer"]
    return bool(account["Tax_ID"]) or account["Account_Name"] == legal[customer]


def _sure(crm: Crm, books: Books) -> int:
    legal = {customer.number: customer.name.legal for customer in books.customers}
    return sum(_is_sure(crm, legal, account) for account in _known(crm).values())


def _rename(crm: Crm, books: Books) -> None:
    """Where more than four fifths are exact or bear the tax id, the last ones take the spelling of a real CRM.

    Foreign names have no English or traditional variant, and some firms have no other spelling than their own.
    """
    customers = {customer.number: customer for customer in books.customers}
    legal = {number: customer.name.legal for number, customer in customers.items()}
    known = _known(crm)
    surplus = _sure(crm, books) - round(SURE * len(known))
    for account in reversed(known.values()):
        truth = crm.truth_accounts[account["id"]]
        name = customers[truth["customer"]].name
        if surplus <= 0:
            return
        if _is_sure(crm, legal, account) and name.short != name.legal:
            account["Account_Name"], account["Tax_ID"] = name.short, None
            way = "legal_name" if account["Legal_Name"] else "name_only"
            truth |= {"way": way, "expect": "link" if account["Legal_Name"] else "conflict", "name_style": SHORT}
            surplus -= 1


def _books(rng: Random, rows: Sequence[Row], names: Iterator[tuple[CompanyName, str]], today: date) -> Books:
    books = Books()
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
    return books


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
