"""Credit terms that people order: asked, approved by another person, taken back; each step is an input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import insert, select, update

from sync.fold.batch import Batch
from sync.settle.scope import customers_of_accounts
from tieout.core.ids import numbered
from tieout.store.among import among
from tieout.store.tables import accounts, credit_terms


def fold_credit(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Fold these inputs in order; customers whose terms moved are decided again.

    A term that needs a second person waits until it is approved; an approval of what was taken back, and a second
    approval, change nothing.
    """
    steps = {"ask": _ask, "approve": _approve, "withdraw": _withdraw}
    for row in rows:
        body = row["body"]
        account = steps[str(body["step"])](batch, row, body)
        if account:
            touch_accounts(batch, [account])


def term_id(seq: int) -> str:
    """The id of the term that an input asked for."""
    return numbered("ctm", seq)


def _ask(batch: Batch, row: Mapping[Any, Any], body: Mapping[Any, Any]) -> str:
    is_free = not body["needs_approval"]
    batch.conn.execute(
        insert(credit_terms).values(
            id=term_id(row["seq"]),
            seq=row["seq"],
            kind=body["kind"],
            account_id=body["account_id"],
            company_id=body["company_id"],
            currency=body["currency"],
            amount_minor=body["amount_minor"],
            status=body["status"],
            valid_from=_day(body["valid_from"]),
            valid_until=_day(body["valid_until"]),
            reason=body["reason"],
            state="active" if is_free else "waiting",
            author=row["actor"] or "",
            asked_at=row["at"],
        )
    )
    batch.count("credit_terms")
    return str(body["account_id"]) if is_free else ""


def _approve(batch: Batch, row: Mapping[Any, Any], body: Mapping[Any, Any]) -> str:
    return _move(batch, body, ("waiting",), state="active", approver=row["actor"] or "", approved_at=row["at"])


def _withdraw(batch: Batch, row: Mapping[Any, Any], body: Mapping[Any, Any]) -> str:
    ended = {"ended_by": row["actor"] or "", "ended_at": row["at"], "end_reason": body["reason"]}
    return _move(batch, body, ("waiting", "active"), state="withdrawn", **ended)


def _move(batch: Batch, body: Mapping[Any, Any], states: Sequence[str], **values: Any) -> str:
    t = credit_terms.c
    account = batch.conn.execute(
        select(t.account_id).where(t.id == body["term"], t.state.in_(states), t.state != values["state"])
    ).scalar()
    if account is None:
        return ""
    batch.conn.execute(update(credit_terms).where(t.id == body["term"]).values(**values))
    return str(account)


def touch_accounts(batch: Batch, account_ids: Iterable[str]) -> None:
    """Customers of these accounts are decided again; an account without one yet is decided when it gets one."""
    ids = sorted(set(account_ids))
    owners = customers_of_accounts(batch, ids)
    a = accounts.c
    rows = batch.conn.execute(select(a.id, a.company_id).where(among(a.id, ids)))
    batch.touch("customer", {f"{owners[row.id]}|{row.company_id}" for row in rows if row.id in owners})


def _day(value: Any) -> date | None:
    return date.fromisoformat(value) if value else None
