"""What customers paid, bought and kept before the last review, read in sets for the credit score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import bindparam, func, select

from sync.fold.batch import Batch
from sync.settle.cases import CaseView
from sync.settle.positions import Position
from tieout.core.dates import add_months
from tieout.receivables.credit_history import LONG_WINDOW_MONTHS, WINDOW_MONTHS, Due, History
from tieout.store.among import among_given
from tieout.store.landing import chunks
from tieout.store.tables import (
    allocation_lines,
    allocations,
    cases,
    decisions,
    documents,
    open_items,
    yardsticks,
)

Yardstick = tuple[date, Mapping[str, Sequence[int]]]

_source = documents.alias("source")
_YARDSTICK = (
    select(yardsticks.c.review_on, yardsticks.c.body)
    .where(yardsticks.c.company_id == bindparam("company"), yardsticks.c.review_on <= bindparam("on"))
    .order_by(yardsticks.c.review_on.desc())
    .limit(1)
)
_posted = (
    among_given(documents.c.account_id, "accounts"),
    documents.c.kind.in_(("invoice", "credit_note")),
    documents.c.state == "posted",
)
_FIRST = select(documents.c.account_id, func.min(documents.c.issue_on)).where(*_posted).group_by(documents.c.account_id)
_BILLED = (
    select(documents.c.account_id, documents.c.currency, func.sum(documents.c.total_minor), func.count())
    .where(*_posted, documents.c.issue_on >= bindparam("since"), documents.c.issue_on < bindparam("review"))
    .group_by(documents.c.account_id, documents.c.currency)
)
_PAID = (
    select(allocation_lines.c.item_id, allocations.c.effective_on, func.sum(allocation_lines.c.amount_minor))
    .join(allocations, allocations.c.id == allocation_lines.c.allocation_id)
    .join(open_items, open_items.c.id == allocation_lines.c.item_id)
    .join(_source, _source.c.id == allocations.c.from_document_id)
    .where(
        among_given(open_items.c.account_id, "accounts"),
        allocations.c.is_applied.is_(True),
        _source.c.kind == "payment",
    )
    .group_by(allocation_lines.c.item_id, allocations.c.effective_on)
    .order_by(allocation_lines.c.item_id, allocations.c.effective_on)
)
# What the documents are is looked at here, not there: asked for posted invoices of a table that it has no statistics of
# yet, PostgreSQL began with all of them.
_DUE = (
    select(
        open_items.c.id,
        open_items.c.document_id,
        open_items.c.account_id,
        open_items.c.currency,
        open_items.c.due_on,
        open_items.c.original_minor,
        open_items.c.open_minor,
        documents.c.kind,
        documents.c.state,
    )
    .join(documents, documents.c.id == open_items.c.document_id)
    .where(among_given(open_items.c.account_id, "accounts"))
    .order_by(open_items.c.due_on, open_items.c.id)
)


def yardstick_of(batch: Batch, company: str) -> Yardstick | None:
    """The last review of a company and what its customers had bought before it."""
    row = batch.conn.execute(_YARDSTICK, {"company": company, "on": batch.on[company]}).first()
    return None if row is None else (row.review_on, row.body["billing"])


def histories(
    batch: Batch, positions: Sequence[Position], reviews: Mapping[str, date], view: CaseView
) -> dict[str, History]:
    """By `customer|company`: the facts before the review of its company; companies without a review are left out."""
    owner = {account: one for one in positions if one.company in reviews for account in one.accounts}
    out: dict[str, History] = {}
    if not owner:
        return out
    first, billing, bills = _bought(batch, owner, reviews)
    dues = _dues(batch, owner, reviews)
    promises, disputes = _words(batch, list({id(one): one for one in owner.values()}.values()), reviews, view)
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
    first: dict[str, date] = {}
    billing: dict[str, dict[str, int]] = {}
    bills: dict[str, dict[str, int]] = {}
    for company, review in sorted(reviews.items()):
        mine = sorted(account for account, one in owner.items() if one.company == company)
        for account, day in batch.conn.execute(_FIRST, {"accounts": mine}):
            key = owner[account].key
            first[key] = min(day, first.get(key, day))
        window = {"accounts": mine, "since": add_months(review, -WINDOW_MONTHS), "review": review}
        for account, code, total, count in batch.conn.execute(_BILLED, window):
            key = owner[account].key
            _add(billing.setdefault(key, {}), code, int(total))
            _add(bills.setdefault(key, {}), code, int(count))
    return first, billing, bills


def _dues(batch: Batch, owner: Mapping[str, Position], reviews: Mapping[str, date]) -> dict[str, list[Due]]:
    """Instalments of invoices that were due, or paid, in the longest window."""
    out: dict[str, list[Due]] = {}
    oldest = min(add_months(review, -LONG_WINDOW_MONTHS) for review in reviews.values())
    of = {"accounts": sorted(owner)}
    paid: dict[str, list[tuple[date, int]]] = {}
    for item, day, amount in batch.conn.execute(_PAID, of).all():
        paid.setdefault(item, []).append((day, int(amount)))
    rows = [row[:7] for row in batch.conn.execute(_DUE, of).all() if row[7] == "invoice" and row[8] == "posted"]
    lines = Counter([row[1] for row in rows])
    keys = {account: one.key for account, one in owner.items()}
    ends = {account: reviews[one.company] for account, one in owner.items()}
    for item, document, account, currency, due_on, original, still_open in rows:
        receipts = paid.get(item, ())
        if not receipts and due_on >= ends[account]:
            continue  # neither due nor paid before the review: it says nothing yet
        if due_on < oldest and not still_open and not any(day >= oldest for day, _ in receipts):
            continue
        credited = original - still_open - sum(amount for _, amount in receipts)
        due = Due(
            item,
            currency,
            due_on,
            original - max(0, credited),  # what credit notes took off was never to be paid
            tuple(receipts),
            lines[document] > 1,
        )
        out.setdefault(keys[account], []).append(due)
    return out


def _words(
    batch: Batch, positions: Sequence[Position], reviews: Mapping[str, date], view: CaseView
) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
    """Promises as (paid, promised) minor units and disputes as (not lost, closed), in the twelve months."""
    promises: dict[str, tuple[int, int]] = {}
    disputes: dict[str, tuple[int, int]] = {}
    if not view.links:
        return promises, disputes
    refs = {ref: one for one in positions for ref in one.refs}
    c, d = cases.c, decisions.c
    owner: dict[str, Position] = {}
    for case, ref in view.links:
        if ref in refs:
            owner.setdefault(case, refs[ref])
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
        for ended in batch.conn.execute(
            select(c.id, c.outcome, c.closed_on).where(
                c.id.in_(part), c.kind == "dispute", c.outcome.in_(("accepted", "partial", "rejected"))
            )
        ):
            one = owner[ended.id]
            if ended.closed_on is not None and _is_before(ended.closed_on, reviews[one.company]):
                good, every = disputes.get(one.key, (0, 0))
                disputes[one.key] = (good + (ended.outcome != "rejected"), every + 1)
    return promises, disputes


def _is_before(day: date, review: date) -> bool:
    return add_months(review, -WINDOW_MONTHS) <= day < review


def _add(sums: dict[str, Any], key: str, amount: int) -> None:
    sums[key] = sums.get(key, 0) + amount
