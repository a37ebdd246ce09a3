"""Stored decisions: the value, its reasons and inputs, and the rule version behind it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, select

from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.tables import decisions


def current(conn: Connection, kind: str, subjects: Sequence[str]) -> dict[str, RowMapping]:
    """The standing decision of a kind per subject; a subject with several (companies) keeps the last."""
    if not subjects:
        return {}
    query = (
        select(decisions)
        .where(decisions.c.subject.in_(subjects), decisions.c.kind == kind, decisions.c.is_current.is_(True))
        .order_by(decisions.c.subject, decisions.c.seq, decisions.c.id)
    )
    return {row["subject"]: row for row in conn.execute(query).mappings()}


def of_subject(conn: Connection, subject: str, limit: int = 100) -> Sequence[RowMapping]:
    """Every decision about a subject, newest first, the ones no longer standing included."""
    query = select(decisions).where(decisions.c.subject == subject)
    return conn.execute(query.order_by(decisions.c.seq.desc(), decisions.c.id.desc()).limit(limit)).mappings().all()


def credit_subject(customer_id: str, company_id: str) -> str:
    """What a credit decision is about: one customer as seen by one company."""
    return f"{customer_id}|{company_id}"


def standing(conn: Connection, subjects: Sequence[str]) -> Sequence[RowMapping]:
    """The standing decisions about these subjects, of every kind and company."""
    query = select(decisions).where(decisions.c.subject.in_(subjects), decisions.c.is_current.is_(True))
    return conn.execute(query.order_by(decisions.c.kind, decisions.c.company_id, decisions.c.id)).mappings().all()


def log(conn: Connection, kind: str, values: Sequence[str], limit: int, cursor: str | None) -> Slice[RowMapping]:
    """Every decision of a kind, past ones included, newest first; only of these values if any is named.

    Ids follow the input log, so that the primary key gives the order.
    """
    d = decisions.c
    query = select(
        d.id, d.subject, d.value, d.body, d.reasons, d.rule_version, d.effective_on, d.recorded_at, d.is_current
    ).where(d.kind == kind)
    if values:
        query = query.where(d.value.in_(values))
    if cursor:
        query = query.where(d.id < decode(cursor, f"{kind} log", (str,))[0])
    rows = conn.execute(query.order_by(d.id.desc()).limit(limit + 1)).mappings().all()
    return cut(rows, limit, f"{kind} log", lambda row: (row["id"],))
