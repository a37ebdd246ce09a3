"""Customers, what belongs to them, and what they owe per (company, customer, currency)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
)

from tieout.ledger.chart import AR, UNAPPLIED_CASH
from tieout.store import tables
from tieout.store.queries.decisions import credit_subject
from tieout.store.queries.finding import customers_like
from tieout.store.queries.ordering import By, ordered
from tieout.store.queries.paging import Slice
from tieout.store.queries.worth import PLAIN, Worth
from tieout.store.tables import accounts, customers, decisions, documents, memberships, open_items

Row = RowMapping
SORTS = ("name", "owed", "overdue", "balance")


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """What a list of customers is narrowed to; None = not asked.

    `overdue_on` = today per company; `credit` is a status that one of `companies` decided.
    """

    q: str | None = None
    credit: str | None = None
    companies: Sequence[str] = ()
    overdue_on: Mapping[str, date] | None = None
    today: Mapping[str, date] = field(default_factory=dict)  # what overdue amounts are sorted and summed by


def overdue(column: ColumnElement[date], company: ColumnElement[str], today: Mapping[str, date]) -> ColumnElement[bool]:
    """Due before today, where today is each company's own business date (due today is not overdue)."""
    return or_(false(), *(and_(company == name, column < day) for name, day in sorted(today.items())))


def with_balance(conn: Connection, companies: Sequence[str]) -> list[str]:
    """Ids of customers that owe something or have unapplied cash with one of these companies, in order.

    Who is even in sum but not on each account of the journal is one of them.
    """
    b = tables.balances.c
    query = (
        select(memberships.c.customer_id)
        .join(accounts, accounts.c.id == memberships.c.member)
        .join(tables.balances, b.account_id == accounts.c.id)
        .where(
            memberships.c.to_seq.is_(None),
            accounts.c.company_id.in_(list(companies)),
            b.code.in_((AR, UNAPPLIED_CASH)),
            b.amount_minor != 0,
        )
        .distinct()
        .order_by(memberships.c.customer_id)
    )
    return list(conn.execute(query).scalars())


def page(
    conn: Connection, wanted: CustomerFilter, limit: int, cursor: str | None, sort: str = "", worth: Worth = PLAIN
) -> Slice[Row]:
    """Customers that have at least one member now, in one of the orders of `SORTS`; "" = in that of their ids.

    A minus before an order turns it round; amounts are compared by what they are worth.
    """
    query = select(customers).where(*_where(wanted))
    last = By(customers.c.id, str)
    if not sort:
        return ordered(conn, query, [last], limit, cursor, "customers")
    name, falls = sort.removeprefix("-"), sort.startswith("-")
    if name == "name":
        return ordered(conn, query, [By(customers.c.name, str, falls), last], limit, cursor, f"customers{sort}")
    sums = _sums(name, wanted.today, worth).subquery()
    query = query.outerjoin(sums, sums.c.customer_id == customers.c.id)
    amount = By(func.coalesce(sums.c.worth, 0), int, falls)
    return ordered(conn, query, [amount, By(customers.c.name, str), last], limit, cursor, f"customers{sort}")


def totals(conn: Connection, wanted: CustomerFilter) -> tuple[int, dict[str, dict[str, int]]]:
    """How many customers a filter has, and per currency what they owe, what of it is overdue, and their balance."""
    mine = select(customers.c.id).where(*_where(wanted))
    many = int(conn.execute(select(func.count()).select_from(mine.subquery())).scalar_one())
    m, d, o = memberships.c, documents.c, open_items.c
    invoice = case((d.kind == "invoice", d.open_minor), else_=0)
    owed = (
        select(d.currency, func.sum(invoice).label("owed"), func.sum(d.open_minor).label("balance"))
        .join(memberships, m.member == d.account_id)
        .where(m.to_seq.is_(None), d.state == "posted", d.open_minor != 0, m.customer_id.in_(mine))
        .group_by(d.currency)
    )
    late = (
        select(o.currency, func.sum(o.open_minor).label("overdue"))
        .join(memberships, m.member == o.account_id)
        .where(m.to_seq.is_(None), *_late(wanted.today), m.customer_id.in_(mine))
        .group_by(o.currency)
    )
    out = {
        row.currency: {"owed": int(row.owed), "overdue": 0, "balance": int(row.balance)} for row in conn.execute(owed)
    }
    for row in conn.execute(late):
        out.setdefault(row.currency, {"owed": 0, "overdue": 0, "balance": 0})["overdue"] = int(row.overdue)
    return many, dict(sorted(out.items()))


def _sums(name: str, today: Mapping[str, date], worth: Worth) -> Select[Any]:
    """What each customer owes, has overdue, or its balance, as one number."""
    m, d, o = memberships.c, documents.c, open_items.c
    if name == "overdue":
        amount = worth.of(func.sum(o.open_minor), o.currency)
        query = select(m.customer_id, amount.label("worth")).join(memberships, m.member == o.account_id)
        query = query.where(m.to_seq.is_(None), *_late(today)).group_by(m.customer_id, o.currency)
    else:
        amount = worth.of(func.sum(d.open_minor), d.currency)
        query = select(m.customer_id, amount.label("worth")).join(memberships, m.member == d.account_id)
        query = query.where(m.to_seq.is_(None), d.state == "posted", d.open_minor != 0)
        if name == "owed":
            query = query.where(d.kind == "invoice")
        query = query.group_by(m.customer_id, d.currency)
    found = query.subquery()
    total = cast(func.sum(found.c.worth), BigInteger)
    return select(found.c.customer_id, total.label("worth")).group_by(found.c.customer_id)


def _late(today: Mapping[str, date]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    o = open_items.c
    return o.open_minor > literal_column("0"), overdue(o.due_on, o.company_id, today)


def _where(wanted: CustomerFilter) -> list[ColumnElement[bool]]:
    m = memberships.c
    out: list[ColumnElement[bool]] = [exists().where(m.customer_id == customers.c.id, m.to_seq.is_(None))]
    if wanted.q:
        out.append(customers_like(wanted.q))
    if wanted.credit:
        out.append(
            exists().where(
                decisions.c.subject.in_([customers.c.id + credit_subject("", name) for name in wanted.companies]),
                decisions.c.kind == "credit",
                decisions.c.is_current.is_(True),
                decisions.c.value == wanted.credit,
            )
        )
    if wanted.overdue_on is not None:
        late = select(m.customer_id).join(open_items, open_items.c.account_id == m.member)
        out.append(customers.c.id.in_(late.where(m.to_seq.is_(None), *_late(wanted.overdue_on))))
    return out


def get(conn: Connection, customer_id: str) -> Row | None:
    """One customer, or None."""
    return conn.execute(select(customers).where(customers.c.id == customer_id)).mappings().one_or_none()


def members(conn: Connection, customer_id: str) -> Sequence[Row]:
    """Present members (accounts and CRM records) with the rule that linked them."""
    query = (
        select(
            memberships,
            accounts.c.id.label("account_id"),
            accounts.c.name.label("account_name"),
            accounts.c.company_id,
            accounts.c.connection,
            accounts.c.party_ref,
            accounts.c.is_provisional,
        )
        .outerjoin(accounts, accounts.c.id == memberships.c.member)
        .where(memberships.c.customer_id == customer_id, memberships.c.to_seq.is_(None))
        .order_by(memberships.c.from_seq, memberships.c.id)
    )
    return conn.execute(query).mappings().all()


def account_ids(conn: Connection, customer_id: str) -> Sequence[str]:
    """The accounts that belong to a customer now."""
    query = select(accounts.c.id).join(memberships, memberships.c.member == accounts.c.id)
    query = query.where(memberships.c.customer_id == customer_id, memberships.c.to_seq.is_(None))
    return conn.execute(query.order_by(accounts.c.id)).scalars().all()


def balances(conn: Connection, ids: Sequence[str], today: Mapping[str, date]) -> dict[str, list[dict[str, Any]]]:
    """Per customer: owed, overdue, credits, unapplied cash and balance of each company and currency, minor units.

    balance = owed - credits - unapplied = the sum of what is open (promise 3 of the design).
    """
    if not ids:
        return {}
    invoice = case((documents.c.kind == "invoice", documents.c.open_minor), else_=0)
    credit = case((documents.c.kind == "credit_note", -documents.c.open_minor), else_=0)
    cash = case((documents.c.kind.in_(("payment", "refund")), -documents.c.open_minor), else_=0)
    query = (
        select(
            memberships.c.customer_id,
            documents.c.company_id,
            documents.c.currency,
            func.sum(invoice).label("owed"),
            func.sum(credit).label("credits"),
            func.sum(cash).label("unapplied"),
            func.sum(documents.c.open_minor).label("balance"),
        )
        .join(memberships, memberships.c.member == documents.c.account_id)
        .where(memberships.c.customer_id.in_(ids), memberships.c.to_seq.is_(None), documents.c.state == "posted")
        .group_by(memberships.c.customer_id, documents.c.company_id, documents.c.currency)
        .order_by(memberships.c.customer_id, documents.c.company_id, documents.c.currency)
    )
    late = (
        select(
            memberships.c.customer_id,
            open_items.c.company_id,
            open_items.c.currency,
            func.sum(open_items.c.open_minor).label("overdue"),
        )
        .join(memberships, memberships.c.member == open_items.c.account_id)
        .where(
            memberships.c.customer_id.in_(ids),
            memberships.c.to_seq.is_(None),
            open_items.c.open_minor > 0,
            overdue(open_items.c.due_on, open_items.c.company_id, today),
        )
        .group_by(memberships.c.customer_id, open_items.c.company_id, open_items.c.currency)
    )
    overdue_of = {
        (row["customer_id"], row["company_id"], row["currency"]): int(row["overdue"])
        for row in conn.execute(late).mappings()
    }
    out: dict[str, list[dict[str, Any]]] = {}
    for row in conn.execute(query).mappings():
        key = (row["customer_id"], row["company_id"], row["currency"])
        figures = {name: int(row[name]) for name in ("owed", "credits", "unapplied", "balance")}
        line = {"company_id": key[1], "currency": key[2], **figures, "overdue": overdue_of.get(key, 0)}
        out.setdefault(key[0], []).append(line)
    return out


def names_of_accounts(conn: Connection, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """account id -> (customer id, customer name), for lists of documents."""
    if not ids:
        return {}
    query = (
        select(memberships.c.member, customers.c.id, customers.c.name)
        .join(customers, customers.c.id == memberships.c.customer_id)
        .where(memberships.c.member.in_(ids), memberships.c.to_seq.is_(None))
    )
    return {member: (found, name) for member, found, name in conn.execute(query)}
