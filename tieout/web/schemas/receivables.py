"""Customers, invoices, payments and what lies between them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from tieout.web.schemas.base import CurrencyCode, Day, Flag, Id, Money, Name, Out, PageQuery, Party, Words

Status = Annotated[str, Field(pattern="^[a-z_]{1,32}$", examples=["overdue"])]
DocumentSort = Literal[
    "due", "-due", "number", "-number", "customer", "-customer", "issued", "-issued", "total", "-total", "open", "-open"
]
FOUND: Any = Field(
    None, description="Words of the number, of the id in the source, or of the customer's name, code, tax id."
)
SORT: Any = Field(
    None,
    description="A minus turns the order round; amounts are compared at the stored rates. Without it, by id.",
)


class CustomerQuery(PageQuery):
    """Filters of the list of customers."""

    q: Words | None = Field(None, description="Words of the name, of a customer code or of a tax id.")
    sort: Literal["name", "-name", "owed", "-owed", "overdue", "-overdue", "balance", "-balance"] | None = SORT
    credit: Literal["ok", "watch", "hold"] | None = None
    overdue: Flag | None = Field(None, description="true = only customers with an overdue item.")


class InvoiceQuery(PageQuery):
    """Filters of the list of invoices and credit notes."""

    kind: Literal["invoice", "credit_note"] | None = None
    customer: Id | None = None
    company: Name | None = None
    currency: CurrencyCode | None = None
    state: Literal["posted", "draft", "void"] | None = None
    status: Status | None = Field(None, description="The standing payment status.")
    open: Flag | None = None
    overdue: Flag | None = Field(None, description="true = only with an overdue item.")
    due_from: Day | None = None
    due_until: Day | None = None
    q: Words | None = FOUND
    sort: DocumentSort | None = SORT


class PaymentQuery(PageQuery):
    """Filters of the list of payments and refunds."""

    kind: Literal["payment", "refund"] | None = None
    customer: Id | None = None
    company: Name | None = None
    currency: CurrencyCode | None = None
    state: Literal["posted", "draft", "void"] | None = None
    open: Flag | None = Field(None, description="true = only with unapplied cash.")
    q: Words | None = FOUND
    sort: DocumentSort | None = SORT


class Balance(Out):
    """One company and currency: owed - credits - unapplied = balance."""

    company_id: str = Field(examples=["cn"])
    currency: str = Field(examples=["CNY"])
    owed: Money
    overdue: Money
    credits: Money
    unapplied: Money
    balance: Money


class Customer(Out):
    """A customer with what it owes."""

    id: str = Field(examples=["cus_01jd5m9p2k7x8n4q3r6s1t"])
    name: str = Field(examples=["示例科技有限公司"])
    created_at: datetime
    credit_status: str | None = Field(description="ok, watch, hold; null = not decided yet.", examples=["watch"])
    balances: list[Balance]


class Member(Out):
    """An account or a CRM record that belongs to a customer, and why."""

    member: str = Field(examples=["zoho/customers/4876876000000333001"])
    kind: Literal["account", "crm_record"]
    name: str | None
    company_id: str | None
    connection: str
    is_provisional: bool
    rule: str = Field(examples=["tax_id"])
    rule_version: str
    effective_on: date
    recorded_at: datetime
    evidence: Any
    by_answer: bool = Field(description="A person decided it.")


class Relation(Out):
    """What two records or customers are to each other without being the same, or a further name; moves no balance."""

    kind: Literal["branch_of", "member_of_group", "alias", "former_name"]
    direction: Literal["to", "from"] = Field(description="to: this customer is the branch, the member, the bearer.")
    member: str
    target: str
    name: str = Field(description="Of an alias or former name.")
    is_ambiguous: bool = Field(description="The name belongs to several customers: it never links anybody.")
    other_name: str
    other_customer_id: str | None
    rule: Literal["found", "stated"]
    rule_version: str
    evidence: Any
    recorded_at: datetime
    actor: str | None = Field(description="Who stated it, or linked the record that bears the name.")
    conflict_id: str | None = Field(description="The conflict whose answer it is; undoing the answer ends it.")


class CustomerDetail(Customer):
    """A customer with its members and its relations."""

    created_by: str
    members: list[Member]
    relations: list[Relation]


class Document(Out):
    """An invoice, credit note, payment or refund; signed as the ledger sees it."""

    id: str = Field(examples=["inv_01jd5m9p2k7x8n4q3r6s1t"])
    kind: Literal["invoice", "credit_note", "payment", "refund"]
    number: str = Field(examples=["AR00001234"])
    company_id: str
    account_id: str
    connection: str
    external_id: str
    state: Literal["posted", "draft", "void"]
    issue_on: date
    due_on: date | None
    last_payment_on: date | None
    is_opening: bool
    created_at: datetime
    customer: Party | None
    total: Money
    open: Money
    status: str | None = Field(description="The standing payment status.", examples=["partially_paid"])


class Item(Out):
    """One open item: an instalment with its own due date."""

    id: str
    document_id: str
    line_id: str
    company_id: str
    due_on: date
    original: Money
    open: Money
    days_overdue: int
    bucket: str | None = Field(description="null when nothing is owed on it.", examples=["31-60"])


class AccountItem(Item):
    """An open item with the number of its document."""

    number: str
    kind: str


class Allocation(Out):
    """An amount of a credit document that pays a debit document."""

    id: str
    from_document_id: str | None
    to_document_id: str | None
    to_line: str
    effective_on: date
    is_active: bool
    is_applied: bool
    refusal: str | None = Field(description="Why it could not be applied.")
    from_number: str | None
    to_number: str | None
    amount: Money


class DocumentDetail(Document):
    """A document with its open items and allocations."""

    items: list[Item]
    allocations: list[Allocation]


class Decision(Out):
    """A stored decision: value, reasons, figures, inputs, rule version."""

    id: str
    kind: str
    subject: str
    company_id: str
    value: str = Field(examples=["watch"])
    reasons: Any
    body: Any
    inputs: Any
    rule_version: str
    effective_on: date
    recorded_at: datetime
    is_current: bool


class AccountPage(Out):
    """How much there is of a list of which a page is shown."""

    rows: int = Field(description="In all.")
    before: int = Field(description="On the pages before.")
    totals: list[Money] = Field(description="Of all rows: what is open of the items, what payments do not pay yet.")
    next: str | None = Field(description="Cursor of the next page; null where nothing is left out.", examples=[None])


class AccountPages(Out):
    """The lists of an account. Open items less payments that pay nothing yet is the balance."""

    items: AccountPage
    payments: AccountPage
    allocations: AccountPage


class Account(Out):
    """What a customer owes and paid; of long lists the first page."""

    customer: Party
    as_of: dict[str, date] = Field(description="Business date per company.", examples=[{"cn": "2026-11-24"}])
    balances: list[Balance]
    credit: list[Decision]
    items: list[AccountItem]
    payments: list[Document]
    allocations: list[Allocation]
    pages: AccountPages


class Explanation(Out):
    """Why an invoice's numbers are what they are, back to raw records, profile, rules, runs and people."""

    document: dict[str, Any]
    customer: Party | None
    source: dict[str, Any] | None = Field(description="The raw record, its profile version and the run that landed it.")
    versions: list[dict[str, Any]]
    opening: dict[str, Any] | None = Field(
        None, description="Of a document from before the books began: the day, and what was still open of it then."
    )
    entries: list[dict[str, Any]] = Field(description="Journal entries with postings and the input behind each.")
    items: list[dict[str, Any]]
    allocations: list[dict[str, Any]]
    claims: list[dict[str, Any]] = Field(description="CRM records bound to it, with rule, evidence and person.")
    decisions: list[dict[str, Any]]
    pushes: list[dict[str, Any]]
    conflicts: list[dict[str, Any]]
    fields: Any = Field(None, description="How each field was mapped from the raw record, where it can be derived.")
