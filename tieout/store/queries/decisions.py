"""Stored decisions: the value, its reasons and inputs, and the rule version behind it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, select

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
