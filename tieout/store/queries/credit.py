"""Credit terms, limits of the books, and exchange rates, for people to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, or_, select

from tieout.core.dates import parse_on
from tieout.store.landing import chunks
from tieout.store.queries.ordering import By, ordered
from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.tables import accounts, credit_limits, credit_terms, customers, decisions, inputs, memberships, rates


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


def counted_at_once(conn: Connection, orders: Sequence[Mapping[Any, Any]]) -> set[str]:
    """Ids of those orders that needed nobody's approval."""
    seqs = {int(row["seq"]): str(row["id"]) for row in orders}
    found: set[str] = set()
    for part in chunks(sorted(seqs)):
        rows = conn.execute(select(inputs.c.seq, inputs.c.body).where(inputs.c.seq.in_(part)))
        found |= {seqs[row.seq] for row in rows if not row.body["needs_approval"]}
    return found


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


def standing(conn: Connection, show: str, limit: int, cursor: str | None) -> Slice[RowMapping]:
    """Standing credit decisions that ask for a look, hold before watch: all of them, or those of `show`."""
    d = decisions.c
    query = select(decisions, customers.c.name, customers.c.id.label("customer_id"))
    query = query.join(customers, d.subject == customers.c.id + "|" + d.company_id).where(*_looked_at(show))
    parts = [By(case((d.value == "hold", 0), else_=1), int), By(customers.c.name, str), By(d.id, str)]
    return ordered(conn, query, parts, limit, cursor, f"credit{show}")


def count_standing(conn: Connection, show: str) -> int:
    """How many there are."""
    d = decisions.c
    query = select(func.count()).select_from(
        decisions.join(customers, d.subject == customers.c.id + "|" + d.company_id)
    )
    return int(conn.execute(query.where(*_looked_at(show))).scalar_one())


def _looked_at(show: str) -> list[ColumnElement[bool]]:
    """On hold; over the limit, as the standing alerts say; on watch, which is near the limit or otherwise in sight."""
    d, alert = decisions.c, decisions.alias("alert")
    over = select(alert.c.subject).where(
        alert.c.kind == "credit_alert", alert.c.value == "breach", alert.c.is_current.is_(True)
    )
    out = [d.kind == "credit", d.is_current.is_(True)]
    if show in ("hold", "watch"):
        return [*out, d.value == show]
    if show == "over":
        return [*out, d.subject.in_(over)]
    return [*out, or_(d.value.in_(("hold", "watch")), d.subject.in_(over))]


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
