"""What customers paid, bought and kept before the last review, read in sets for the credit score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, select

from sync.fold.batch import Batch
from sync.settle.positions import Position
from tieout.core.dates import add_months
from tieout.receivables.credit_history import LONG_WINDOW_MONTHS, WINDOW_MONTHS, Due, History
from tieout.store.landing import chunks
from tieout.store.tables import (
    allocation_lines,
    allocations,
    case_links,
    cases,
    decisions,
    documents,
    open_items,
    yardsticks,
)

Yardstick = tuple[date, Mapping[str, Sequence[int]]]


def yardstick_of(batch: Batch, company: str) -> Yardstick | None:
    """The last review of a company and what its customers had bought before it."""
    y = yardsticks.c
    row = batch.conn.execute(
        select(y.review_on, y.body)
        .where(y.company_id == company, y.review_on <= batch.on[company])
        .order_by(y.review_on.desc())
        .limit(1)
    ).first()
    return None if row is None else (row.review_on, row.body["billing"])


def histories(batch: Batch, positions: Sequence[Position], reviews: Mapping[str, date]) -> dict[str, History]:
    """By `customer|company`: the facts before the review of its company; companies without a review are left out."""
    owner = {account: one for one in positions if one.company in reviews for account in one.accounts}
    out: dict[str, History] = {}
    if not owner:
        return out
    first, billing, bills = _bought(batch, owner, reviews)
    dues = _dues(batch, owner, reviews)
    promises, disputes = _words(batch, list({id(one): one for one in owner.values()}.values()), reviews)
    for position in {one.key: one for one in owner.values()}.values():
        key = position.key
        out[key] = History(
            tuple(dues.get(key, ())),
            billing.get(key, {}),
            bills.get(key, {}),
            first.get(key),
            promises.get(key, (0, 0)),
            disputes.get(key, (0, 0)),
        )
    return out


def _bought(
    batch: Batch, owner: Mapping[str, Position], reviews: Mapping[str, date]
) -> tuple[dict[str, date], dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    d = documents.c
    first: dict[str, date] = {}
    billing: dict[str, dict[str, int]] = {}
    bills: dict[str, dict[str, int]] = {}
    for company, review in sorted(reviews.items()):
        mine = sorted(account for account, one in owner.items() if one.company == company)
        for part in chunks(mine):
            posted = d.account_id.in_(part) & d.kind.in_(("invoice", "credit_note")) & (d.state == "posted")
            for account, day in batch.conn.execute(
                select(d.account_id, func.min(d.issue_on)).where(posted).group_by(d.account_id)
            ):
                key = owner[account].key
                first[key] = min(day, first.get(key, day))
            for account, code, total, count in batch.conn.execute(
                select(d.account_id, d.currency, func.sum(d.total_minor), func.count())
                .where(posted, d.issue_on >= add_months(review, -WINDOW_MONTHS), d.issue_on < review)
                .group_by(d.account_id, d.currency)
            ):
                key = owner[account].key
                _add(billing.setdefault(key, {}), code, int(total))
                _add(bills.setdefault(key, {}), code, int(count))
    return first, billing, bills


def _dues(batch: Batch, owner: Mapping[str, Position], reviews: Mapping[str, date]) -> dict[str, list[Due]]:
    """Instalments of invoices that were due, or paid, in the longest window."""
    o, d, n, a = open_items.c, documents.c, allocation_lines.c, allocations.c
    out: dict[str, list[Due]] = {}
    oldest = min(add_months(review, -LONG_WINDOW_MONTHS) for review in reviews.values())
    for part in chunks(sorted(owner)):
        paid: dict[str, list[tuple[date, int]]] = {}
        source = documents.alias("source")
        for item, day, amount in batch.conn.execute(
            select(n.item_id, a.effective_on, func.sum(n.amount_minor))
            .join(allocations, a.id == n.allocation_id)
            .join(open_items, o.id == n.item_id)
            .join(source, source.c.id == a.from_document_id)
            .where(o.account_id.in_(part), a.is_applied.is_(True), source.c.kind == "payment")
            .group_by(n.item_id, a.effective_on)
            .order_by(n.item_id, a.effective_on)
        ):
            paid.setdefault(item, []).append((day, int(amount)))
        rows = batch.conn.execute(
            select(o.id, o.document_id, o.account_id, o.currency, o.due_on, o.original_minor, o.open_minor)
            .join(documents, d.id == o.document_id)
            .where(o.account_id.in_(part), d.kind == "invoice", d.state == "posted")
            .order_by(o.due_on, o.id)
        ).all()
        lines: dict[str, int] = {}
        for row in rows:
            lines[row.document_id] = lines.get(row.document_id, 0) + 1
        for row in rows:
            receipts = paid.get(row.id, [])
            credited = row.original_minor - row.open_minor - sum(amount for _, amount in receipts)
            if row.due_on < oldest and not row.open_minor and not any(day >= oldest for day, _ in receipts):
                continue
            out.setdefault(owner[row.account_id].key, []).append(
                Due(
                    row.id,
                    row.currency,
                    row.due_on,
                    row.original_minor - max(0, credited),  # what credit notes took off was never to be paid
                    tuple(receipts),
                    lines[row.document_id] > 1,
                )
            )
    return out


def _words(
    batch: Batch, positions: Sequence[Position], reviews: Mapping[str, date]
) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
    """Promises as (paid, promised) minor units and disputes as (not lost, closed), in the twelve months."""
    refs = {ref: one for one in positions for ref in one.refs}
    k, c, d = case_links.c, cases.c, decisions.c
    owner: dict[str, Position] = {}
    for part in chunks(sorted(refs)):
        for case, ref in batch.conn.execute(select(k.case_id, k.ref).where(k.ref.in_(part)).order_by(k.case_id, k.ref)):
            owner.setdefault(case, refs[ref])
    promises: dict[str, tuple[int, int]] = {}
    disputes: dict[str, tuple[int, int]] = {}
    subjects = {f"{one.key}|{case}": one for case, one in owner.items()}
    for part in chunks(sorted(subjects)):
        for row in batch.conn.execute(
            select(d.subject, d.value, d.body).where(
                d.kind == "promise",
                d.subject.in_(part),
                d.is_current.is_(True),
                d.value.in_(("kept", "broken", "partly_kept")),
            )
        ).mappings():
            one = subjects[row["subject"]]
            until = date.fromisoformat(row["body"]["until_on"])
            if _is_before(until, reviews[one.company]):
                due = int(row["body"]["due_minor"])
                good, every = promises.get(one.key, (0, 0))
                promises[one.key] = (good + min(due, int(row["body"]["paid_minor"])), every + due)
    for part in chunks(sorted(owner)):
        for case in batch.conn.execute(
            select(c.id, c.outcome, c.closed_on).where(
                c.id.in_(part), c.kind == "dispute", c.outcome.in_(("accepted", "partial", "rejected"))
            )
        ):
            one = owner[case.id]
            if case.closed_on is not None and _is_before(case.closed_on, reviews[one.company]):
                good, every = disputes.get(one.key, (0, 0))
                disputes[one.key] = (good + (case.outcome != "rejected"), every + 1)
    return promises, disputes


def _is_before(day: date, review: date) -> bool:
    return add_months(review, -WINDOW_MONTHS) <= day < review


def _add(sums: dict[str, Any], key: str, amount: int) -> None:
    sums[key] = sums.get(key, 0) + amount
