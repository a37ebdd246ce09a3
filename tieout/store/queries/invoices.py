"""Documents in pages: invoices and credit notes, payments and refunds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    RowMapping,
    and_,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from tieout.store.queries.customers import overdue
from tieout.store.queries.finding import accounts_like, words_of
from tieout.store.queries.ordering import By, ordered
from tieout.store.queries.paging import Slice, contains
from tieout.store.queries.worth import PLAIN, Worth
from tieout.store.tables import customers, decisions, documents, memberships, open_items

Row = RowMapping
INVOICE_KINDS = ("invoice", "credit_note")
PAYMENT_KINDS = ("payment", "refund")
SORTS = ("due", "number", "customer", "issued", "total", "open")
_NEVER, _ALWAYS = date(9999, 12, 31), date(1, 1, 1)


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """What a list of documents is narrowed to; None = not asked."""

    kinds: Sequence[str] = INVOICE_KINDS
    customer_id: str | None = None
    company_id: str | None = None
    currency: str | None = None
    state: str | None = None
    status: str | None = None
    is_open: bool | None = None
    due_from: date | None = None
    due_until: date | None = None
    q: str | None = None
    overdue_on: Mapping[str, date] | None = None


def page(
    conn: Connection, wanted: DocumentFilter, limit: int, cursor: str | None, sort: str = "", worth: Worth = PLAIN
) -> Slice[Row]:
    """Documents in one of the orders of `SORTS` (a minus before it turns it round); "" = as they were first posted.

    Amounts are compared by what they are worth; what has no due date comes after what has one.
    """
    query = select(documents).where(*_where(wanted))
    if not sort:
        parts = [By(documents.c.id, str)]
        return ordered(conn, query, parts, limit, cursor, "documents")
    name, falls = sort.removeprefix("-"), sort.startswith("-")
    if name == "customer":
        owner = and_(memberships.c.member == documents.c.account_id, memberships.c.to_seq.is_(None))
        query = query.outerjoin(memberships, owner).outerjoin(customers, customers.c.id == memberships.c.customer_id)
    parts = [*_order(name, falls, worth), By(documents.c.number, str), By(documents.c.id, str)]
    return ordered(conn, query, parts, limit, cursor, f"documents{sort}")


def totals(conn: Connection, wanted: DocumentFilter) -> Sequence[Row]:
    """How many documents a filter has, what they sum to and what is open of them, per currency; void ones apart."""
    d = documents.c
    counts = d.state != "void"
    query = select(
        d.currency,
        func.count().label("rows"),
        func.sum(case((counts, d.total_minor), else_=0)).label("total"),
        func.sum(case((counts, d.open_minor), else_=0)).label("open"),
    ).where(*_where(wanted))
    return conn.execute(query.group_by(d.currency).order_by(func.count().desc(), d.currency)).mappings().all()


def _order(name: str, falls: bool, worth: Worth) -> list[By]:
    d = documents.c
    amounts = {"total": d.total_minor, "open": d.open_minor}
    if name in amounts:
        return [By(worth.of(amounts[name], d.currency), int, falls)]
    if name == "due":
        return [By(func.coalesce(d.due_on, _NEVER if not falls else _ALWAYS, type_=Date), date, falls)]
    if name == "issued":
        return [By(d.issue_on, date, falls)]
    if name == "customer":
        return [By(func.coalesce(customers.c.name, ""), str, falls)]
    return [By(d.number, str, falls)]


def _where(wanted: DocumentFilter) -> list[ColumnElement[bool]]:
    d = documents.c
    out: list[ColumnElement[bool]] = [d.kind.in_(wanted.kinds)]
    for column, value in ((d.company_id, wanted.company_id), (d.currency, wanted.currency), (d.state, wanted.state)):
        if value is not None:
            out.append(column == value)
    if wanted.customer_id is not None:
        out.append(
            exists().where(
                memberships.c.member == d.account_id,
                memberships.c.customer_id == wanted.customer_id,
                memberships.c.to_seq.is_(None),
            )
        )
    if wanted.status is not None:
        out.append(
            exists().where(
                decisions.c.subject == d.id,
                decisions.c.kind == "payment_status",
                decisions.c.is_current.is_(True),
                decisions.c.value == wanted.status,
            )
        )
    if wanted.is_open is not None:
        out.append(d.open_minor != 0 if wanted.is_open else d.open_minor == 0)
    if wanted.due_from is not None:
        out.append(d.due_on >= wanted.due_from)
    if wanted.due_until is not None:
        out.append(d.due_on <= wanted.due_until)
    for word in words_of(wanted.q or ""):
        out.append(or_(contains(d.number, word), contains(d.external_id, word), d.account_id.in_(accounts_like(word))))
    if wanted.overdue_on is not None:
        late = select(open_items.c.document_id).where(
            open_items.c.open_minor > literal_column("0"),
            overdue(open_items.c.due_on, open_items.c.company_id, wanted.overdue_on),
        )
        out.append(d.id.in_(late))
    return out


def get(conn: Connection, document_id: str, kinds: Sequence[str]) -> Row | None:
    """One document of these kinds, or None."""
    query = select(documents).where(documents.c.id == document_id, documents.c.kind.in_(kinds))
    return conn.execute(query).mappings().one_or_none()


def items(conn: Connection, document_id: str) -> Sequence[Row]:
    """The open items (instalments) of a document, settled ones included, by due date."""
    query = select(open_items).where(open_items.c.document_id == document_id)
    return conn.execute(query.order_by(open_items.c.due_on, open_items.c.id)).mappings().all()
