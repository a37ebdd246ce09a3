"""/v1/customers: who owes, what belongs to them, merge, relink, unmerge and separate."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from sync.why import why
from tieout.reports import customers as read
from tieout.reports import documents
from tieout.store.queries import accounts, customers
from tieout.store.queries.paging import MAX_LIMIT
from tieout.store.queries.worth import PLAIN
from tieout.web.auth import Operator, Reader
from tieout.web.deps import (
    NO_QUERY,
    READ_ERRORS,
    WRITE_ERRORS,
    Ctx,
    Reads,
    Today,
    Uses,
    plain,
    reply,
    reply_page,
    worth_of,
)
from tieout.web.schemas.base import Id, Page, PageQuery
from tieout.web.schemas.identity import Why, WhyQuery
from tieout.web.schemas.receivables import (
    Account,
    AccountItem,
    Allocation,
    Customer,
    CustomerDetail,
    CustomerQuery,
    Document,
)
from tieout.web.schemas.regrouping import (
    MergeIn,
    MergeLookIn,
    Regrouping,
    RelinkIn,
    SeparateIn,
    SeparateLookIn,
    UnmergeIn,
    UnmergeLookIn,
)
from tieout.web.schemas.work import Done

router = APIRouter(prefix="/v1/customers", tags=["customers"])
CustomerId = Annotated[Id, Path(description="Customer id.", examples=["cus_01jd5m9p2k7x8n4q3r6s1t"])]


@router.get("", response_model=Page[Customer], responses=READ_ERRORS)
def list_customers(
    _: Reader, query: Annotated[CustomerQuery, Query()], conn: Reads, ctx: Ctx, today: Today
) -> Response:
    """Customers with balances per company and currency, in the order asked for, else of their ids."""
    wanted = customers.CustomerFilter(query.q, query.credit, sorted(today), today if query.overdue else None, today)
    worth = worth_of(conn, ctx, today) if query.sort else PLAIN
    found = customers.page(conn, wanted, query.limit, query.cursor, query.sort or "", worth)
    return reply(Page[Customer], {"items": read.listed(conn, found.rows, today), "next": found.next})


@router.get("/why", response_model=Why, responses=WRITE_ERRORS)
def why_same(_: Reader, query: Annotated[WhyQuery, Query()], ctx: Ctx, conn: Reads) -> Response:
    """Why two records are or are not one customer: names in parts, findings with weights, vetoes, people's answers."""
    return reply(Why, why(conn, ctx.config, ctx.clock.now(), query.left, query.right))


@router.get("/{customer_id}", response_model=CustomerDetail, responses=READ_ERRORS, dependencies=NO_QUERY)
def get_customer(_: Reader, customer_id: CustomerId, conn: Reads, today: Today) -> Response:
    """One customer with its accounts and CRM records and the rule that linked each."""
    return reply(CustomerDetail, read.one(conn, customer_id, today))


@router.get("/{customer_id}/account", response_model=Account, responses=READ_ERRORS, dependencies=NO_QUERY)
def get_account(_: Reader, customer_id: CustomerId, conn: Reads, today: Today) -> Response:
    """Balances, open items, payments, allocations, and credit with its reasons.

    Of each list the first 200 rows; `pages` says how many there are, their totals, and the cursor that goes on in
    `/items`, `/payments` and `/allocations` of the customer.
    """
    return reply(Account, read.account(conn, customer_id, today, MAX_LIMIT))


@router.get("/{customer_id}/items", response_model=Page[AccountItem], responses=READ_ERRORS)
def list_items(
    _: Reader, customer_id: CustomerId, query: Annotated[PageQuery, Query()], conn: Reads, today: Today
) -> Response:
    """Open items of a customer by due date, settled ones left out."""
    ids = read.accounts_of(conn, customer_id)
    return reply_page(Page[AccountItem], read.items_of(conn, ids, today, query.limit, query.cursor), dict)


@router.get("/{customer_id}/payments", response_model=Page[Document], responses=READ_ERRORS)
def list_payments(_: Reader, customer_id: CustomerId, query: Annotated[PageQuery, Query()], conn: Reads) -> Response:
    """Payments and refunds of a customer, newest first."""
    ids = read.accounts_of(conn, customer_id)
    return reply_page(Page[Document], read.payments_of(conn, ids, query.limit, query.cursor), dict)


@router.get("/{customer_id}/allocations", response_model=Page[Allocation], responses=READ_ERRORS)
def list_allocations(_: Reader, customer_id: CustomerId, query: Annotated[PageQuery, Query()], conn: Reads) -> Response:
    """Allocations to documents of a customer, newest first; withdrawn ones are marked, not hidden."""
    ids = read.accounts_of(conn, customer_id)
    found = accounts.allocations_of_accounts(conn, ids, query.limit, query.cursor)
    return reply_page(Page[Allocation], found, documents.allocation)


@router.post("/{customer_id}/merge/preview", response_model=Regrouping, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def preview_merge(_: Operator, customer_id: CustomerId, body: MergeLookIn, service: Uses) -> Response:
    """What merging another customer here would move: members, open items, balances, reminders. Nothing is changed."""
    return reply(Regrouping, read.regrouped(service.regroup.merge(customer_id, body.other)))


@router.post("/{customer_id}/merge", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def merge(caller: Operator, customer_id: CustomerId, body: MergeIn, service: Uses) -> Response:
    """Move every member of another customer here; no journal row moves."""
    return reply(Done, plain(service.merge(customer_id, body.other, caller.actor, body.reason, body.overrule)))


@router.post("/{customer_id}/unmerge/preview", response_model=Regrouping, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def preview_unmerge(_: Operator, customer_id: CustomerId, body: UnmergeLookIn, service: Uses) -> Response:
    """Where members that people had put here would return to, and what would then stand. Nothing is changed."""
    return reply(Regrouping, read.regrouped(service.regroup.unmerge(customer_id, body.members)))


@router.post("/{customer_id}/unmerge", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def unmerge(caller: Operator, customer_id: CustomerId, body: UnmergeIn, service: Uses) -> Response:
    """Let members leave this customer, where people had put them, for where they stood before."""
    return reply(Done, plain(service.unmerge(customer_id, body.members, caller.actor, body.reason)))


@router.post("/{customer_id}/relink", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def relink(caller: Operator, customer_id: CustomerId, body: RelinkIn, service: Uses) -> Response:
    """Put accounts or CRM records into this customer, wherever they stood; unmerge takes it back."""
    return reply(Done, plain(service.relink(customer_id, body.members, caller.actor, body.reason, body.overrule)))


@router.post(
    "/{customer_id}/separate/preview", response_model=Regrouping, responses=WRITE_ERRORS, dependencies=NO_QUERY
)
def preview_separate(_: Operator, customer_id: CustomerId, body: SeparateLookIn, service: Uses) -> Response:
    """What parting records from this customer would change. Nothing is changed."""
    return reply(Regrouping, read.regrouped(service.regroup.separate(customer_id, body.members)))


@router.post("/{customer_id}/separate", response_model=Done, responses=WRITE_ERRORS, dependencies=NO_QUERY)
def separate(caller: Operator, customer_id: CustomerId, body: SeparateIn, service: Uses) -> Response:
    """Say that records which a rule linked are not this customer: they leave it and no rule brings them back."""
    return reply(Done, plain(service.answers.separate(customer_id, body.members, caller.actor, body.reason)))
