"""The account view of a customer: open items, cash and the allocations between them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, or_, select

from tieout.core.dates import DateError, parse_on
from tieout.core.errors import Gone
from tieout.store.among import among
from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.tables import allocations, documents, open_items

Row = RowMapping


def items(conn: Connection, account_ids: Sequence[str], limit: int, cursor: str | None) -> Slice[Row]:
    """Open items of these accounts that are not settled, by due date, with the document's number and kind."""
    o = open_items.c
    query = (
        select(open_items, documents.c.number, documents.c.kind)
        .join(documents, documents.c.id == o.document_id)
        .where(o.account_id.in_(account_ids), o.open_minor != 0)
    )
    before = shown_before(cursor, "items")
    if cursor:
        due, last, _ = decode(cursor, "items", (str, str, int))
        day = _day(str(due))
        query = query.where(or_(o.due_on > day, and_(o.due_on == day, o.id > last)))
    rows = conn.execute(query.order_by(o.due_on, o.id).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "items", lambda row: (row["due_on"].isoformat(), row["id"], before + limit))


def claimable(conn: Connection, account_ids: Sequence[str], limit: int) -> Sequence[Row]:
    """Open items of invoices, by due date, each with its place among the instalments of its invoice (`nth` of `of`)."""
    o, d = open_items.c, documents.c
    counted = (
        select(
            open_items,
            func.row_number().over(partition_by=o.document_id, order_by=(o.due_on, o.id)).label("nth"),
            func.count().over(partition_by=o.document_id).label("of"),
        )
        .where(o.account_id.in_(account_ids))
        .subquery()
    )
    query = (
        select(counted, d.number)
        .join(documents, d.id == counted.c.document_id)
        .where(counted.c.open_minor > 0, d.kind == "invoice")
        .order_by(counted.c.due_on, counted.c.id)
        .limit(limit)
    )
    return conn.execute(query).mappings().all()


def payments(conn: Connection, account_ids: Sequence[str], limit: int, cursor: str | None) -> Slice[Row]:
    """Payments and refunds of these accounts, newest first; drafts are left out."""
    d = documents.c
    query = select(documents).where(*_paid(account_ids))
    before = shown_before(cursor, "payments")
    if cursor:
        issued, last, _ = decode(cursor, "payments", (str, str, int))
        day = _day(str(issued))
        query = query.where(or_(d.issue_on < day, and_(d.issue_on == day, d.id < last)))
    rows = conn.execute(query.order_by(d.issue_on.desc(), d.id.desc()).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "payments", lambda row: (row["issue_on"].isoformat(), row["id"], before + limit))


def allocations_of_accounts(conn: Connection, account_ids: Sequence[str], limit: int, cursor: str | None) -> Slice[Row]:
    """Allocations whose debit document belongs to these accounts, newest first."""
    a = allocations.c
    query = (
        select(allocations, documents.c.number.label("to_number"))
        .join(documents, documents.c.id == a.to_document_id)
        .where(documents.c.account_id.in_(account_ids))
    )
    before = shown_before(cursor, "allocations")
    if cursor:
        effective, last, _ = decode(cursor, "allocations", (str, str, int))
        day = _day(str(effective))
        query = query.where(or_(a.effective_on < day, and_(a.effective_on == day, a.id < last)))
    rows = conn.execute(query.order_by(a.effective_on.desc(), a.id.desc()).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "allocations", lambda row: (row["effective_on"].isoformat(), row["id"], before + limit))


def shown_before(cursor: str | None, kind: str) -> int:
    """How many rows the pages before a cursor of these lists held."""
    return int(decode(cursor, kind, (str, str, int))[2]) if cursor else 0


def item_totals(conn: Connection, account_ids: Sequence[str]) -> Sequence[Row]:
    """How many items are open in each currency, and their sum: invoices less credit notes, whatever a page holds."""
    o = open_items.c
    query = select(o.currency, func.count().label("rows"), func.sum(o.open_minor).label("minor"))
    query = query.where(o.account_id.in_(account_ids), o.open_minor != 0).group_by(o.currency).order_by(o.currency)
    return conn.execute(query).mappings().all()


def payment_totals(conn: Connection, account_ids: Sequence[str]) -> Sequence[Row]:
    """How many payments and refunds there are in each currency, and what of the posted ones pays nothing yet."""
    d = documents.c
    idle = case((d.state == "posted", -d.open_minor), else_=0)
    query = select(d.currency, func.count().label("rows"), func.sum(idle).label("minor")).where(*_paid(account_ids))
    return conn.execute(query.group_by(d.currency).order_by(d.currency)).mappings().all()


def count_allocations(conn: Connection, account_ids: Sequence[str]) -> int:
    """How many allocations have a debit document of these accounts."""
    query = (
        select(func.count()).select_from(allocations).join(documents, documents.c.id == allocations.c.to_document_id)
    )
    return int(conn.execute(query.where(documents.c.account_id.in_(account_ids))).scalar_one())


def _paid(account_ids: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    d = documents.c
    return d.account_id.in_(account_ids), d.kind.in_(("payment", "refund")), d.state != "draft"


def _day(text: str) -> date:
    try:
        return parse_on(text)
    except DateError:
        raise Gone("there is no such page", hint="Start again without a cursor.", code="unknown_cursor") from None


def allocations_of_document(conn: Connection, document_id: str) -> Sequence[Row]:
    """Allocations from or to one document, with the numbers of both sides."""
    source, target = documents.alias("source"), documents.alias("target")
    query = (
        select(
            allocations,
            source.c.number.label("from_number"),
            source.c.kind.label("from_kind"),
            target.c.number.label("to_number"),
        )
        .outerjoin(source, source.c.id == allocations.c.from_document_id)
        .outerjoin(target, target.c.id == allocations.c.to_document_id)
        .where(or_(allocations.c.from_document_id == document_id, allocations.c.to_document_id == document_id))
        .order_by(allocations.c.effective_on, allocations.c.id)
    )
    return conn.execute(query).mappings().all()


def allocations_of_payments(conn: Connection, payment_ids: Sequence[str]) -> Sequence[Row]:
    """Allocations from or to any of these payments and refunds, by date, with number and kind of both sides."""
    source, target, a = documents.alias("source"), documents.alias("target"), allocations.c
    query = (
        select(
            allocations,
            source.c.number.label("from_number"),
            source.c.kind.label("from_kind"),
            target.c.number.label("to_number"),
            target.c.kind.label("to_kind"),
        )
        .outerjoin(source, source.c.id == a.from_document_id)
        .outerjoin(target, target.c.id == a.to_document_id)
        .where(or_(among(a.from_document_id, payment_ids), among(a.to_document_id, payment_ids)))
        .order_by(a.effective_on, a.id)
    )
    return conn.execute(query).mappings().all()
