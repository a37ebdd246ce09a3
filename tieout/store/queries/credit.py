"""Credit terms, limits of the books, and exchange rates, for people to read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, RowMapping, and_, or_, select

from tieout.core.dates import parse_on
from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.tables import accounts, credit_limits, credit_terms, memberships, rates


def term(conn: Connection, term_id: str) -> RowMapping | None:
    """One order, or None."""
    return conn.execute(select(credit_terms).where(credit_terms.c.id == term_id)).mappings().one_or_none()


def terms(
    conn: Connection, limit: int, cursor: str | None, *, state: str | None = None, customer: str | None = None
) -> Slice[RowMapping]:
    """Orders with the customer they are about, newest first."""
    t, m = credit_terms.c, memberships.c
    query = select(credit_terms, m.customer_id).outerjoin(
        memberships, and_(m.member == t.account_id, m.to_seq.is_(None))
    )
    if state is not None:
        query = query.where(t.state == state)
    if customer is not None:
        query = query.where(m.customer_id == customer)
    if cursor:
        query = query.where(t.seq < decode(cursor, "credit_terms", (int,))[0])
    rows = conn.execute(query.order_by(t.seq.desc()).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "credit_terms", lambda row: (int(row["seq"]),))


def book_limits(conn: Connection, customer_id: str) -> Sequence[RowMapping]:
    """What the books state for the accounts of a customer."""
    a, c, m = accounts.c, credit_limits.c, memberships.c
    query = (
        select(credit_limits, a.id.label("account_id"), a.company_id.label("of_company"))
        .join(accounts, and_(a.connection == c.connection, a.party_ref == c.party_ref))
        .join(memberships, and_(m.member == a.id, m.to_seq.is_(None)))
        .where(m.customer_id == customer_id, or_(c.company_id == "", c.company_id == a.company_id))
        .order_by(c.connection, c.stream, c.external_id, a.id)
    )
    return conn.execute(query).mappings().all()


def rates_page(
    conn: Connection,
    limit: int,
    cursor: str | None,
    *,
    base: str | None = None,
    quote: str | None = None,
    counts_on: date | None = None,
) -> Slice[RowMapping]:
    """Rates that stand, the latest date first; `counts_on` = begun by that day and not ended before it."""
    r = rates.c
    query = select(rates).where(r.is_active.is_(True))
    for column, value in ((r.base, base), (r.quote, quote)):
        if value is not None:
            query = query.where(column == value)
    if counts_on is not None:
        query = query.where(r.rate_on <= counts_on, or_(r.until_on.is_(None), r.until_on >= counts_on))
    if cursor:
        last, last_id = decode(cursor, "rates", (str, str))
        day = parse_on(str(last))
        query = query.where(or_(r.rate_on < day, and_(r.rate_on == day, r.id > last_id)))
    rows = conn.execute(query.order_by(r.rate_on.desc(), r.id).limit(limit + 1)).mappings().all()
    return cut(rows, limit, "rates", lambda row: (row["rate_on"].isoformat(), row["id"]))
