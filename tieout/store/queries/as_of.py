"""The books on two time axes: what was open on a day, by what was recorded up to a commit (design decision D12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, func, or_, select

from tieout.core.errors import TieoutError
from tieout.ledger import chart
from tieout.store.tables import accounts, allocations, commits, documents, entries, inputs, memberships, postings


@dataclass(frozen=True, slots=True)
class KnownAt:
    """A point of knowledge: the highest commit recorded by an instant. The same seq gives the same report for ever."""

    seq: int
    at: datetime | None  # when that commit was made; None before the first


def known_at(conn: Connection, asked: int | datetime | None) -> KnownAt:
    """The commit that was the last one by an instant, or a commit number itself; None = the newest there is."""
    query = select(commits.c.seq, commits.c.at).order_by(commits.c.seq.desc()).limit(1)
    if isinstance(asked, datetime):
        query = query.where(commits.c.at <= asked)
    elif asked is not None:
        query = query.where(commits.c.seq <= asked)
    row = conn.execute(query).first()
    if isinstance(asked, int) and asked > 0 and (row is None or row.seq != asked):
        newest = conn.execute(select(func.max(commits.c.seq))).scalar() or 0
        raise TieoutError(f"there is no commit {asked}: the newest is {newest}", code="known_at")
    return KnownAt(0, None) if row is None else KnownAt(int(row.seq), row.at)


def _visible(as_of: date, known: KnownAt) -> tuple[ColumnElement[bool], ...]:
    return (entries.c.effective_on <= as_of, entries.c.seq <= known.seq)


def open_by_line(conn: Connection, as_of: date, known: KnownAt) -> Mapping[tuple[str, str], int]:
    """(document, line) -> signed open amount in minor units at (as_of, known); zeros are left out.

    From the journal alone, and then the links that have no entry of their own (a credit note against an invoice of the
    same account): they move an amount from one document to another and change no total. A link that was taken back
    leaves no trace and is not seen on the days on which it stood.
    """
    p, e = postings.c, entries.c
    books: dict[str, dict[str, int]] = {}
    rows = conn.execute(
        select(p.document_id, p.line_id, func.sum(p.amount_minor))
        .join(entries, e.id == p.entry_id)
        .where(*_visible(as_of, known), p.code.in_(chart.CUSTOMER_CODES), p.document_id.is_not(None))
        .group_by(p.document_id, p.line_id)
    )
    for document_id, line_id, amount in rows:
        lines = books.setdefault(document_id, {})
        lines[line_id or ""] = lines.get(line_id or "", 0) + int(amount)
    for link in _links(conn, as_of, known):
        _take(books.get(link["from_document_id"], {}), int(link["amount_minor"]), "")
        _take(books.get(link["to_document_id"], {}), int(link["amount_minor"]), link["to_line"] or "")
    return {(key, line): amount for key, lines in books.items() for line, amount in lines.items() if amount}


def _links(conn: Connection, as_of: date, known: KnownAt) -> Sequence[RowMapping]:
    if known.at is None:
        return []
    a = allocations.c
    return (
        conn.execute(
            select(a.from_document_id, a.to_document_id, a.to_line, a.amount_minor)
            .join(inputs, inputs.c.seq == a.source_seq)
            .where(a.is_applied.is_(True), a.entry_id.is_(None), a.effective_on <= as_of, inputs.c.at <= known.at)
            .order_by(a.effective_on, a.id)
        )
        .mappings()
        .all()
    )


def _take(lines: dict[str, int], amount: int, wanted: str) -> None:
    """Move the lines of a document towards zero by an amount, the named one first, never past zero."""
    for line in sorted(lines, key=lambda line: (line != wanted, line)):
        part = min(amount, abs(lines[line]))
        lines[line] -= part if lines[line] > 0 else -part
        amount -= part


def balances_at(conn: Connection, as_of: date, known: KnownAt) -> Sequence[RowMapping]:
    """The journal's own balance per company, connection, code and currency at (as_of, known)."""
    p, e = postings.c, entries.c
    return (
        conn.execute(
            select(e.company_id, accounts.c.connection, p.code, p.currency, func.sum(p.amount_minor).label("minor"))
            .join(entries, e.id == p.entry_id)
            .join(accounts, accounts.c.id == p.account_id)
            .where(*_visible(as_of, known), p.code.in_(chart.CUSTOMER_CODES))
            .group_by(e.company_id, accounts.c.connection, p.code, p.currency)
        )
        .mappings()
        .all()
    )


def customers_at(conn: Connection, known: KnownAt) -> Mapping[str, str]:
    """member -> customer id as membership was known at a commit."""
    m = memberships.c
    query = select(m.member, m.customer_id).order_by(m.from_seq)
    if known.at is None:
        return {}
    query = query.where(m.recorded_at <= known.at, or_(m.to_seq.is_(None), m.closed_at > known.at))
    return {row.member: row.customer_id for row in conn.execute(query)}


def documents_of(conn: Connection, ids: Sequence[str]) -> Mapping[str, RowMapping]:
    """Documents by id, as they stand now."""
    out: dict[str, RowMapping] = {}
    for start in range(0, len(ids), 500):
        part = list(ids[start : start + 500])
        for row in conn.execute(select(documents).where(documents.c.id.in_(part))).mappings():
            out[row["id"]] = row
    return out
