"""The account view of a customer: open items, cash and the allocations between them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, or_, select

from tieout.store.among import among
from tieout.store.tables import allocations, documents, open_items

Row = RowMapping


def items(conn: Connection, account_ids: Sequence[str], limit: int = 2000) -> Sequence[Row]:
    """Open items of these accounts that are not settled, by due date, with the document's number and kind."""
    query = (
        select(open_items, documents.c.number, documents.c.kind)
        .join(documents, documents.c.id == open_items.c.document_id)
        .where(open_items.c.account_id.in_(account_ids), open_items.c.open_minor != 0)
        .order_by(open_items.c.due_on, open_items.c.id)
        .limit(limit)
    )
    return conn.execute(query).mappings().all()


def payments(conn: Connection, account_ids: Sequence[str], limit: int = 2000) -> Sequence[Row]:
    """Payments and refunds of these accounts, newest first; drafts are left out."""
    query = (
        select(documents)
        .where(
            documents.c.account_id.in_(account_ids),
            documents.c.kind.in_(("payment", "refund")),
            documents.c.state != "draft",
        )
        .order_by(documents.c.issue_on.desc(), documents.c.id.desc())
        .limit(limit)
    )
    return conn.execute(query).mappings().all()


def allocations_of_accounts(conn: Connection, account_ids: Sequence[str], limit: int = 2000) -> Sequence[Row]:
    """Allocations whose debit document belongs to these accounts, newest first."""
    query = (
        select(allocations, documents.c.number.label("to_number"))
        .join(documents, documents.c.id == allocations.c.to_document_id)
        .where(documents.c.account_id.in_(account_ids))
        .order_by(allocations.c.effective_on.desc(), allocations.c.id.desc())
        .limit(limit)
    )
    return conn.execute(query).mappings().all()


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
