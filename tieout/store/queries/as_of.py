"""The books on two time axes: what was open on a day, by what was recorded up to a commit (design decision D12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, RowMapping, bindparam, func, or_, select

from tieout.core.errors import TieoutError
from tieout.ledger import chart
from tieout.store.tables import accounts, commits, documents, entries, inputs, links, memberships, postings

_p, _e, _k, _m = postings.c, entries.c, links.c, memberships.c
_DAY: BindParameter[Any] = bindparam("day")
_MARK: BindParameter[Any] = bindparam("mark")
_VISIBLE = (_e.effective_on <= _DAY, _e.seq <= bindparam("commit"))
_COMMIT = select(commits.c.seq, commits.c.at).order_by(commits.c.seq.desc()).limit(1)
# The newest by number: an index answers that, and the log is written in the order of time.
_INPUT = select(inputs.c.seq).order_by(inputs.c.seq.desc()).limit(1)
_OPEN = (
    select(_p.document_id, _p.line_id, func.sum(_p.amount_minor))
    .join(entries, _e.id == _p.entry_id)
    .where(*_VISIBLE, _p.code.in_(chart.CUSTOMER_CODES), _p.document_id.is_not(None))
    .group_by(_p.document_id, _p.line_id)
)
_LINKS = (
    select(_k.from_document_id, _k.to_document_id, _k.to_line, _k.amount_minor)
    .where(_k.from_seq <= _MARK, or_(_k.to_seq.is_(None), _k.to_seq > _MARK), _k.effective_on <= _DAY)
    .order_by(_k.effective_on, _k.allocation_id)
)
_BALANCES = (
    select(_e.company_id, accounts.c.connection, _p.code, _p.currency, func.sum(_p.amount_minor).label("minor"))
    .join(entries, _e.id == _p.entry_id)
    .join(accounts, accounts.c.id == _p.account_id)
    .where(*_VISIBLE, _p.code.in_(chart.CUSTOMER_CODES))
    .group_by(_e.company_id, accounts.c.connection, _p.code, _p.currency)
)
_MEMBERS = (
    select(_m.member, _m.customer_id)
    .where(_m.from_seq <= _MARK, or_(_m.to_seq.is_(None), _m.to_seq > _MARK))
    .order_by(_m.from_seq)
)


@dataclass(frozen=True, slots=True)
class KnownAt:
    """A point of knowledge: the last commit of the journal and the last input behind decisions and memberships.

    `12.345` = commit 12, input 345; `12` = commit 12 and the inputs up to its instant. The same point gives the same
    report for ever.
    """

    seq: int
    at: datetime | None  # when that commit was made; None before the first
    input_seq: int

    @property
    def text(self) -> str:
        return f"{self.seq}.{self.input_seq}"


def known_at(conn: Connection, asked: str | int | datetime | None) -> KnownAt:
    """The point of an instant, a commit number or a point's text; None = the newest there is.

    An unknown commit or input raises TieoutError with the newest one.
    """
    if isinstance(asked, datetime):
        return _point(conn, commits.c.at <= asked, inputs.c.at <= asked)
    if asked is None:
        return _point(conn, None, None)
    commit, _, mark = str(asked).partition(".")
    if not commit.isascii() or not commit.isdigit() or (mark and not (mark.isascii() and mark.isdigit())):
        raise TieoutError(f"{asked!r} is no point of knowledge", hint="Write 12 or 12.345.", code="known_at")
    found = _point(conn, commits.c.seq <= int(commit), None)
    if found.seq != int(commit):
        newest = conn.execute(select(func.max(commits.c.seq))).scalar() or 0
        raise TieoutError(f"there is no commit {commit}: the newest is {newest}", code="known_at")
    if not mark:
        if found.at is None:
            return KnownAt(0, None, 0)
        return _point(conn, commits.c.seq <= found.seq, inputs.c.at <= found.at)
    newest = int(conn.execute(select(func.max(inputs.c.seq))).scalar() or 0)
    if int(mark) > newest:
        raise TieoutError(f"there is no input {mark}: the newest is {newest}", code="known_at")
    return KnownAt(found.seq, found.at, int(mark))


def _point(conn: Connection, commit: ColumnElement[bool] | None, mark: ColumnElement[bool] | None) -> KnownAt:
    row = conn.execute(_COMMIT if commit is None else _COMMIT.where(commit)).first()
    input_seq = int(conn.execute(_INPUT if mark is None else _INPUT.where(mark)).scalar() or 0)
    return KnownAt(0, None, input_seq) if row is None else KnownAt(int(row.seq), row.at, input_seq)


def open_by_line(conn: Connection, as_of: date, known: KnownAt) -> Mapping[tuple[str, str], int]:
    """(document, line) -> signed open amount in minor units at (as_of, known); zeros are left out.

    From the journal alone, and then the links that have no entry of their own (a credit note against an invoice of the
    same account): they move an amount from one document to another and change no total.
    """
    books: dict[str, dict[str, int]] = {}
    rows = conn.execute(_OPEN, {"day": as_of, "commit": known.seq})
    for document_id, line_id, amount in rows:
        lines = books.setdefault(document_id, {})
        lines[line_id or ""] = lines.get(line_id or "", 0) + int(amount)
    for link in _links(conn, as_of, known):
        _take(books.get(link["from_document_id"], {}), int(link["amount_minor"]), "")
        _take(books.get(link["to_document_id"], {}), int(link["amount_minor"]), link["to_line"] or "")
    return {(key, line): amount for key, lines in books.items() for line, amount in lines.items() if amount}


def _links(conn: Connection, as_of: date, known: KnownAt) -> Sequence[RowMapping]:
    """Links that were in force at that point of knowledge."""
    return conn.execute(_LINKS, {"day": as_of, "mark": known.input_seq}).mappings().all()


def _take(lines: dict[str, int], amount: int, wanted: str) -> None:
    """Move the lines of a document towards zero by an amount, the named one first, never past zero."""
    for line in sorted(lines, key=lambda line: (line != wanted, line)):
        part = min(amount, abs(lines[line]))
        lines[line] -= part if lines[line] > 0 else -part
        amount -= part


def balances_at(conn: Connection, as_of: date, known: KnownAt) -> Sequence[RowMapping]:
    """The journal's own balance per company, connection, code and currency at (as_of, known)."""
    return conn.execute(_BALANCES, {"day": as_of, "commit": known.seq}).mappings().all()


def customers_at(conn: Connection, known: KnownAt) -> Mapping[str, str]:
    """member -> customer id as membership was known at a point."""
    return {row.member: row.customer_id for row in conn.execute(_MEMBERS, {"mark": known.input_seq})}


def documents_of(conn: Connection, ids: Sequence[str]) -> Mapping[str, RowMapping]:
    """Documents by id, as they stand now."""
    out: dict[str, RowMapping] = {}
    for start in range(0, len(ids), 500):
        part = list(ids[start : start + 500])
        for row in conn.execute(select(documents).where(documents.c.id.in_(part))).mappings():
            out[row["id"]] = row
    return out
