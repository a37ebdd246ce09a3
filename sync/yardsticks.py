"""The monthly review: what customers bought in the twelve months before it, put into the input log once a month."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from sync.context import Context
from sync.fold.batch import business_dates
from tieout.core.dates import add_months
from tieout.receivables.credit_history import WINDOW_MONTHS, quantiles
from tieout.store.inputs import append_input
from tieout.store.session import reading, unit
from tieout.store.tables import documents, yardsticks


def review_companies(ctx: Context) -> bool:
    """Take the yardstick of each company whose month has none yet; True when there is something to fold.

    Called when all inputs are folded and the books are complete, so that a first sync is judged by whole books.
    """
    due = {name: day.replace(day=1) for name, day in business_dates(ctx.config, ctx.clock.now()).items()}
    with reading(ctx.engine) as conn:
        due = {name: review for name, review in due.items() if not _is_taken(conn, name, review)}
    if not due:
        return False
    now = ctx.clock.now()
    with unit(ctx.engine, "apply.commit") as conn:
        for name, review in sorted(due.items()):
            if not _is_taken(conn, name, review):
                body = {"company": name, "review_on": review.isoformat(), "billing": _billing(conn, name, review)}
                append_input(conn, "review", now, body)
    return True


def _is_taken(conn: Connection, company: str, review: date) -> bool:
    y = yardsticks.c
    return conn.execute(select(y.seq).where(y.company_id == company, y.review_on == review)).first() is not None


def _billing(conn: Connection, company: str, review: date) -> dict[str, Any]:
    d = documents.c
    amounts: dict[str, list[int]] = {}
    for code, total in conn.execute(
        select(d.currency, func.sum(d.total_minor))
        .where(
            d.company_id == company,
            d.kind.in_(("invoice", "credit_note")),
            d.state == "posted",
            d.issue_on >= add_months(review, -WINDOW_MONTHS),
            d.issue_on < review,
        )
        .group_by(d.account_id, d.currency)
    ):
        if total > 0:
            amounts.setdefault(code, []).append(int(total))
    return {code: quantiles(found) for code, found in sorted(amounts.items())}
