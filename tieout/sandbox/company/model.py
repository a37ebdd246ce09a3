"""The shapes of the seeded company while it is being built, before a vendor writes them down in its own way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from tieout.sandbox.company.names import CompanyName

Doc = dict[str, Any]

ORG = {"FNumber": "100", "FName": "示例科技有限公司"}
CURRENCIES: dict[str, Doc] = {
    "CNY": {"FNumber": "PRE001", "FCode": "CNY", "FName": "人民币"},
    "USD": {"FNumber": "PRE007", "FCode": "USD", "FName": "美元"},
    "EUR": {"FNumber": "PRE003", "FCode": "EUR", "FName": "欧元"},
}
# Units of CNY for one unit of the currency, as the finance team fixed it for the year.
RATES = {"CNY": Decimal("1"), "USD": Decimal("7.12"), "EUR": Decimal("7.795")}
ACCOUNTANT = {"FNumber": "100001", "FName": "会计一"}


def amount(minor: int) -> Decimal:
    """The exact decimal of minor units (all currencies here have two places)."""
    return Decimal(minor).scaleb(-2)


@dataclass(slots=True)
class Customer:
    """A legal person that buys: its number in the books, its names, its tax id, its habits."""

    number: str
    name: CompanyName
    tax_id: str
    currency: str
    term_days: int
    end_of_month: bool
    manner: str  # prompt, late, bad
    weight: float
    in_crm: bool = True
    mark: str = ""  # "", duplicate, contradiction, ambiguous, story-1..3
    old_tax_id: str = ""
    credit_checked: bool = False


@dataclass(slots=True)
class PlanRow:
    """One due date of a bill."""

    entry_id: int
    due_on: date
    minor: int
    settled_minor: int = 0


@dataclass(slots=True)
class Bill:
    """A receivable in the books (red ones have a negative amount)."""

    fid: int
    number: str
    customer: Customer
    currency: str
    issued_on: date
    order_no: str
    lines: list[tuple[int, int, int]]  # entry id, net minor, tax minor
    plan: list[PlanRow]
    status: str = "C"
    cancelled: bool = False
    modified_at: str = ""
    created_at: str = ""
    story: bool = False

    @property
    def minor(self) -> int:
        return sum(net + tax for _, net, tax in self.lines)

    @property
    def settled_minor(self) -> int:
        return sum(row.settled_minor for row in self.plan)

    @property
    def posted(self) -> bool:
        return self.status == "C" and not self.cancelled


@dataclass(slots=True)
class Receipt:
    """Money that came in, and how much of it has been allocated."""

    fid: int
    number: str
    customer: Customer
    currency: str
    received_on: date
    minor: int
    entry_id: int
    prepayment: bool = False
    settled_minor: int = 0
    remark: str = ""
    status: str = "C"
    created_at: str = ""
    modified_at: str = ""


@dataclass(slots=True)
class Match:
    """One allocation: source document pays (or a red bill nets) one plan row of a target bill."""

    source: Receipt | Bill
    source_entry_id: int
    target: Bill
    target_entry_id: int
    minor: int
    verified_on: date


@dataclass(slots=True)
class Books:
    """Everything the accounting system knows."""

    customers: list[Customer] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)


@dataclass(slots=True)
class Company:
    """The seeded company as each vendor holds it, and the answers.

    `zoho`: records by module (`Accounts`, `Contacts`, `Deals`, `Invoices`), each record as Zoho would return it.
    `kingdee`: documents by form id, nested by field key.
    `fxiaoke`: records by object, each as Fxiaoke stores it (amounts as text, times in ms).
    `truth`: `accounts` (Zoho account id -> customer, way, expect), `invoices` (Zoho invoice id -> bill, way, expect),
    `fx_accounts`, `fx_invoices` and `fx_payments` (the same of Fxiaoke's records),
    `open` (customer number -> currency -> open minor units), `credit` (customer number -> limit in force, exposure in
    its currency, over), `expected_conflicts`, `stories`, `counts`.
    """

    zoho: dict[str, list[Doc]]
    kingdee: dict[str, list[Doc]]
    truth: Doc
    fxiaoke: dict[str, list[Doc]] = field(default_factory=dict)
