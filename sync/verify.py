"""Invariants of the stored books and of the hash chains, recomputed from the rows themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from sync.context import Context
from sync.decided import wrong_decisions
from sync.fold.journal import body_hash, commit_record
from sync.opening_checks import held_back, wrong_openings
from tieout.ledger import chart
from tieout.ledger.chain import ChainLink, verify_chain
from tieout.store import audit
from tieout.store.session import reading
from tieout.store.tables import (
    allocation_lines,
    allocations,
    balances,
    commits,
    documents,
    entries,
    open_items,
    postings,
)


@dataclass(frozen=True, slots=True)
class Breach:
    """An invariant that does not hold: which, where, and both figures."""

    invariant: str
    subject: str
    expected: str
    found: str

    def as_dict(self) -> dict[str, str]:
        return {
            "invariant": self.invariant,
            "subject": self.subject,
            "expected": self.expected,
            "found": self.found,
        }


def run_verify(ctx: Context) -> list[Breach]:
    """All breaches; empty when the books balance and no stored row was changed behind the chain."""
    with reading(ctx.engine) as conn:
        out = [
            *_entries_balance(conn),
            *_running_balances(conn),
            *_control_accounts(conn),
            *_allocation_caps(conn),
            *_chain(conn),
            *(Breach(*found) for found in wrong_openings(conn)),
            *(Breach(*found) for found in wrong_decisions(conn)),
        ]
        found = audit.verify(conn)
    if found:
        out.append(Breach("audit chain", str(found), "unbroken", "broken"))
    return out


def _entries_balance(conn: Connection) -> Iterator[Breach]:
    p = postings.c
    rows = conn.execute(
        select(p.entry_id, p.currency, func.sum(p.amount_minor))
        .group_by(p.entry_id, p.currency)
        .having(func.sum(p.amount_minor) != 0)
    )
    for entry_id, currency, total in rows:
        yield Breach("entry sums to zero", f"{entry_id} {currency}", "0", str(total))
    empty = conn.execute(
        select(entries.c.id).where(~select(p.entry_id).where(p.entry_id == entries.c.id).exists())
    ).scalars()
    for entry_id in empty:
        yield Breach("entry has postings", entry_id, ">0", "0")


def _running_balances(conn: Connection) -> Iterator[Breach]:
    p, b = postings.c, balances.c
    made = {
        (row[0], row[1], row[2]): int(row[3])
        for row in conn.execute(
            select(p.account_id, p.code, p.currency, func.sum(p.amount_minor)).group_by(
                p.account_id, p.code, p.currency
            )
        )
    }
    held = {
        (row[0], row[1], row[2]): int(row[3])
        for row in conn.execute(select(b.account_id, b.code, b.currency, b.amount_minor))
    }
    for key in sorted(made.keys() | held.keys()):
        if made.get(key, 0) != held.get(key, 0):
            yield Breach("running balance", "/".join(key), str(made.get(key, 0)), str(held.get(key, 0)))


def _control_accounts(conn: Connection) -> Iterator[Breach]:
    """Receivable = open items; unapplied cash = open payments; per account and currency.

    Documents that wait for the beginning of their books are open already and come into the journal with their opening.
    """
    b, o, d = balances.c, open_items.c, documents.c
    waiting = held_back(conn)
    for code, statement in (
        (
            chart.AR,
            select(o.account_id, o.currency, func.sum(o.open_minor)).group_by(o.account_id, o.currency),
        ),
        (
            chart.UNAPPLIED_CASH,
            select(d.account_id, d.currency, func.sum(d.open_minor))
            .where(d.kind.in_(("payment", "refund")), d.state == "posted")
            .group_by(d.account_id, d.currency),
        ),
    ):
        sub = {(row[0], row[1]): int(row[2]) for row in conn.execute(statement)}
        control = {
            (row[0], row[1]): int(row[2])
            for row in conn.execute(select(b.account_id, b.currency, b.amount_minor).where(b.code == code))
        }
        for key in sorted(sub.keys() | control.keys()):
            expected = sub.get(key, 0) - waiting.get((*key, code), 0)
            if expected != control.get(key, 0):
                yield Breach(f"{code} control account", "/".join(key), str(expected), str(control.get(key, 0)))


def _allocation_caps(conn: Connection) -> Iterator[Breach]:
    a, d, o, line = allocations.c, documents.c, open_items.c, allocation_lines.c
    rows = conn.execute(
        select(d.id, d.total_minor, func.sum(a.amount_minor))
        .join(allocations, a.from_document_id == d.id)
        .where(a.is_applied.is_(True))
        .group_by(d.id, d.total_minor)
        .having(func.sum(a.amount_minor) > -d.total_minor)
    )
    for key, total, used in rows:
        yield Breach("allocations within payment", key, f"<= {-total}", str(used))
    items = conn.execute(
        select(o.id, o.original_minor, o.open_minor, func.coalesce(func.sum(line.amount_minor), 0))
        .join(documents, d.id == o.document_id)
        .outerjoin(allocation_lines, line.item_id == o.id)
        .where(d.kind == "invoice")
        .group_by(o.id, o.original_minor, o.open_minor)
    )
    for key, original, left, used in items:
        if left != original - used or left < 0:
            yield Breach("open item", key, str(original - used), str(left))


def _chain(conn: Connection) -> Iterator[Breach]:
    breach = verify_chain(_links(conn))
    if breach is not None:
        yield Breach(f"hash chain ({breach.kind})", f"commit {breach.seq}", breach.expected, breach.found)


def _links(conn: Connection) -> Iterator[ChainLink]:
    """Every commit with what is stored under it now, hashed again."""
    for commit in conn.execute(select(commits).order_by(commits.c.seq)).mappings().all():
        heads = (
            conn.execute(select(entries).where(entries.c.seq == commit["seq"]).order_by(entries.c.position))
            .mappings()
            .all()
        )
        rows = conn.execute(
            select(postings, entries.c.position)
            .join(entries, entries.c.id == postings.c.entry_id)
            .where(entries.c.seq == commit["seq"])
            .order_by(entries.c.position, postings.c.line)
        ).mappings()
        record: dict[str, Any] = commit_record(commit["at"], len(heads), body_hash(heads, rows))
        yield ChainLink(commit["seq"], commit["prev_hash"], record, commit["hash"])
