"""Sums for the overview: what is owed, by due date and currency, and what stands against it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, case, func, literal_column, select

from tieout.store.tables import documents, open_items, pending

Row = RowMapping


def owed_by_due(conn: Connection, company_id: str | None = None) -> Sequence[Row]:
    """Open debit items per company, currency and due date: as many rows as there are due dates, not items."""
    query = (
        select(
            open_items.c.company_id,
            open_items.c.currency,
            open_items.c.due_on,
            func.sum(open_items.c.open_minor).label("minor"),
            func.count().label("items"),
        )
        .where(open_items.c.open_minor > literal_column("0"))  # in the statement itself: an index holds just these
        .group_by(open_items.c.company_id, open_items.c.currency, open_items.c.due_on)
        .order_by(open_items.c.company_id, open_items.c.currency, open_items.c.due_on)
    )
    if company_id is not None:
        query = query.where(open_items.c.company_id == company_id)
    return conn.execute(query).mappings().all()


def credits_by_currency(conn: Connection) -> Sequence[Row]:
    """Open credit notes and unapplied cash per company and currency, as positive minor units."""
    credit = case((documents.c.kind == "credit_note", -documents.c.open_minor), else_=0)
    cash = case((documents.c.kind.in_(("payment", "refund")), -documents.c.open_minor), else_=0)
    query = (
        select(
            documents.c.company_id,
            documents.c.currency,
            func.sum(credit).label("credits"),
            func.sum(cash).label("unapplied"),
        )
        .where(documents.c.state == "posted", documents.c.open_minor != 0, documents.c.kind != "invoice")
        .group_by(documents.c.company_id, documents.c.currency)
        .order_by(documents.c.company_id, documents.c.currency)
    )
    return conn.execute(query).mappings().all()


def unmapped(conn: Connection) -> int:
    """Landed versions and other inputs that still wait to be mapped and posted."""
    return int(conn.execute(select(func.count()).select_from(pending)).scalar_one())


def documents_posted(conn: Connection) -> int:
    """How many documents have reached the ledger."""
    query = select(func.count()).select_from(documents).where(documents.c.state == "posted")
    return int(conn.execute(query).scalar_one())
