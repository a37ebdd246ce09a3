"""Credit terms that people order: asked, approved by another person, taken back; each step is an input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import insert, select, update

from sync.fold.batch import Batch
from sync.settle.scope import customers_of_accounts
from tieout.core.ids import numbered
from tieout.store.among import among
from tieout.store.tables import accounts, credit_terms, decisions


def fold_credit(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Fold these inputs in order; customers whose terms moved are decided again.

    A term that needs a second person waits until it is approved; an approval of what was taken back, and a second
    approval, change nothing.
    """
    steps = {"ask": _ask, "approve": _approve, "withdraw": _withdraw}
    for row in rows:
        body = row["body"]
        moved = steps[str(body["step"])](batch, row, body)
        if moved is not None and moved.account:
            touch_accounts(batch, [moved.account])
        elif moved is not None:
            touch_company(batch, moved.company)


def term_id(seq: int) -> str:
    """The id of the term that an input asked for."""
    return numbered("ctm", seq)


@dataclass(frozen=True, slots=True)
class _Moved:
    """Whose terms moved: an account's, or with account "" those of everybody at the company."""

    account: str
    company: str


def _ask(batch: Batch, row: Mapping[Any, Any], body: Mapping[Any, Any]) -> _Moved | None:
    is_free = not body["needs_approval"]
    batch.conn.execute(
        insert(credit_terms).values(
            id=term_id(row["seq"]),
            seq=row["seq"],
            kind=body["kind"],
            account_id=body["account_id"],
            company_id=body["company_id"],
            currency=body.get("currency", ""),
            amount_minor=body.get("amount_minor"),
            status=body.get("status", ""),
            valid_from=_day(body.get("valid_from")),
            valid_until=_day(body.get("valid_until")),
            body=body.get("policy"),
            reason=body["reason"],
            state="active" if is_free else "waiting",
            author=row["actor"] or "",
            asked_at=row["at"],
        )
    )
    batch.count("credit_terms")
    return _Moved(body["account_id"], body["company_id"]) if is_free else None


def _approve(batch: Batch, row: Mapping[Any, Any], body: Mapping[Any, Any]) -> _Moved | None:
    return _move(batch, body, ("waiting",), state="active", approver=row["actor"] or "", approved_at=row["at"])


def _withdraw(batch: Batch, row: Mapping[Any, Any], body: Mapping[Any, Any]) -> _Moved | None:
    ended = {"ended_by": row["actor"] or "", "ended_at": row["at"], "end_reason": body["reason"]}
    return _move(batch, body, ("waiting", "active"), state="withdrawn", **ended)


def _move(batch: Batch, body: Mapping[Any, Any], states: Sequence[str], **values: Any) -> _Moved | None:
    t = credit_terms.c
    found = batch.conn.execute(
        select(t.account_id, t.company_id).where(t.id == body["term"], t.state.in_(states), t.state != values["state"])
    ).first()
    if found is None:
        return None
    batch.conn.execute(update(credit_terms).where(t.id == body["term"]).values(**values))
    return _Moved(found.account_id, found.company_id)


def touch_accounts(batch: Batch, account_ids: Iterable[str]) -> None:
    """Customers of these accounts are decided again; an account without one yet is decided when it gets one."""
    ids = sorted(set(account_ids))
    owners = customers_of_accounts(batch, ids)
    a = accounts.c
    rows = batch.conn.execute(select(a.id, a.company_id).where(among(a.id, ids)))
    batch.touch("customer", {f"{owners[row.id]}|{row.company_id}" for row in rows if row.id in owners})


def touch_company(batch: Batch, company: str) -> None:
    """Everybody with a credit decision at the company is decided again."""
    d = decisions.c
    standing = select(d.subject).where(d.kind == "credit", d.is_current.is_(True), d.company_id == company)
    batch.touch("customer", batch.conn.execute(standing).scalars())


def _day(value: Any) -> date | None:
    return date.fromisoformat(value) if value else None
