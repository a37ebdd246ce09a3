"""Documents in pages: invoices and credit notes, payments and refunds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, RowMapping, exists, or_, select

from tieout.store.queries.customers import overdue
from tieout.store.queries.paging import Slice, contains, cut, decode
from tieout.store.tables import decisions, documents, memberships, open_items

Row = RowMapping
INVOICE_KINDS = ("invoice", "credit_note")
PAYMENT_KINDS = ("payment", "refund")


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


def page(conn: Connection, wanted: DocumentFilter, limit: int, cursor: str | None) -> Slice[Row]:
    """Documents in the order of their ids (the order in which they were first posted)."""
    query = select(documents).where(documents.c.kind.in_(wanted.kinds))
    for column, value in (
        (documents.c.company_id, wanted.company_id),
        (documents.c.currency, wanted.currency),
        (documents.c.state, wanted.state),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.customer_id is not None:
        query = query.where(
            exists().where(
                memberships.c.member == documents.c.account_id,
                memberships.c.customer_id == wanted.customer_id,
                memberships.c.to_seq.is_(None),
            )
        )
    if wanted.status is not None:
        query = query.where(
            exists().where(
                decisions.c.subject == documents.c.id,
                decisions.c.kind == "payment_status",
                decisions.c.is_current.is_(True),
                decisions.c.value == wanted.status,
            )
        )
    if wanted.is_open is not None:
        query = query.where(documents.c.open_minor != 0 if wanted.is_open else documents.c.open_minor == 0)
    if wanted.due_from is not None:
        query = query.where(documents.c.due_on >= wanted.due_from)
    if wanted.due_until is not None:
        query = query.where(documents.c.due_on <= wanted.due_until)
    if wanted.q:
        query = query.where(or_(contains(documents.c.number, wanted.q), contains(documents.c.external_id, wanted.q)))
    if wanted.overdue_on is not None:
        query = query.where(
            exists().where(
                open_items.c.document_id == documents.c.id,
                open_items.c.open_minor > 0,
                overdue(open_items.c.due_on, open_items.c.company_id, wanted.overdue_on),
            )
        )
    if cursor:
        query = query.where(documents.c.id > decode(cursor, "documents", (str,))[0])
    rows = conn.execute(query.order_by(documents.c.id).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "documents", lambda row: (row["id"],))


def get(conn: Connection, document_id: str, kinds: Sequence[str]) -> Row | None:
    """One document of these kinds, or None."""
    query = select(documents).where(documents.c.id == document_id, documents.c.kind.in_(kinds))
    return conn.execute(query).mappings().one_or_none()


def items(conn: Connection, document_id: str) -> Sequence[Row]:
    """The open items (instalments) of a document, settled ones included, by due date."""
    query = select(open_items).where(open_items.c.document_id == document_id)
    return conn.execute(query.order_by(open_items.c.due_on, open_items.c.id)).mappings().all()
