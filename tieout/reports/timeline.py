"""What happened with a customer: decisions, messages, cases and orders of people, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from tieout.store.tables import accounts, balances, decisions, memberships, outbox

MOST = 60
Row = Mapping[Any, Any]


def of_customer(
    conn: Connection, customer: str, cases: Sequence[Row], orders: Sequence[Row], limit: int = MOST
) -> list[dict[str, Any]]:
    """The newest entries: `at`, `kind` (credit reminder message case order), `value`, money, words, who (empty: rules).

    Decisions and messages are those made under this customer's id; `cases` and `orders` as the desks list them.
    """
    m, a = memberships.c, accounts.c
    companies = select(a.company_id).join(memberships, m.member == a.id).where(m.customer_id == customer).distinct()
    keys = [f"{customer}|{company}" for company in conn.execute(companies).scalars()]
    codes = list(conn.execute(select(balances.c.currency).distinct()).scalars())
    found = [
        *_decided(conn, keys, [f"{key}|{code}" for key in keys for code in codes], limit),
        *_messages(conn, keys, limit),
        *(one for row in cases for one in _case(row)),
        *(one for row in orders for one in _order(row)),
    ]
    found.sort(key=lambda one: one["at"], reverse=True)
    return found[:limit]


def _entry(at: datetime, kind: str, value: str, **more: Any) -> dict[str, Any]:
    blank = {"minor": None, "currency": "", "words": "", "reasons": (), "who": "", "step": ""}
    return {**blank, "at": at, "kind": kind, "value": value, **more}


def _decided(conn: Connection, keys: Sequence[str], groups: Sequence[str], limit: int) -> Iterable[dict[str, Any]]:
    d = decisions.c
    query = select(d.id, d.kind, d.subject, d.value, d.body, d.reasons, d.recorded_at).where(
        d.subject.in_([*keys, *groups]), d.kind.in_(("credit", "reminder"))
    )
    rows = conn.execute(query.order_by(d.id.desc()).limit(4 * limit)).mappings().all()
    standing: dict[str, str] = {}
    out = []
    for row in reversed(rows):  # a credit status that was confirmed with other figures is no event
        if row["kind"] == "credit" and standing.get(row["subject"]) == row["value"]:
            continue
        standing[row["subject"]] = row["value"]
        body = row["body"]
        currency = row["subject"].split("|")[2] if row["kind"] == "reminder" else ""
        out.append(
            _entry(
                row["recorded_at"],
                row["kind"],
                row["value"],
                step=body.get("step", "") if row["kind"] == "reminder" else "",
                minor=(body.get("amount_minor") or None) if currency else None,
                currency=currency,
                reasons=[reason["code"] for reason in row["reasons"]] if row["kind"] == "credit" else (),
            )
        )
    return out


def _messages(conn: Connection, keys: Sequence[str], limit: int) -> Iterable[dict[str, Any]]:
    o = outbox.c
    query = (
        select(o.id, o.reason, o.state, o.updated_at, o.money_minor, o.currency, o.error, o.approved_by)
        .where(o.subject.in_(keys), o.event_key.is_not(None))
        .order_by(o.id.desc())
        .limit(limit)
    )
    for row in conn.execute(query).mappings():
        reason = row["reason"]
        yield _entry(
            row["updated_at"],
            "message",
            row["state"],
            id=row["id"],
            channel=reason.get("channel") or "crm_task",
            step=reason.get("step", ""),
            minor=row["money_minor"],
            currency=row["currency"] or reason.get("currency", ""),
            words=row["error"] or "",
            who=row["approved_by"] or "",
        )


def _case(row: Row) -> Iterable[dict[str, Any]]:
    money = {"minor": row["amount_minor"] if row["currency"] else None, "currency": row["currency"]}
    numbers = ", ".join(str(item["number"]) for item in row["items"])
    words = " · ".join(part for part in (numbers, row["note"] or "") if part)
    yield _entry(
        row["opened_at"], "case", "open", case=row["kind"], words=words, who=row["opened_by"], id=row["id"], **money
    )
    if row["closed_at"] is not None:
        yield _entry(
            row["closed_at"], "case", row["state"], case=row["kind"], words=numbers, who=row["closed_by"], id=row["id"]
        )


def _order(row: Row) -> Iterable[dict[str, Any]]:
    money = {"minor": row["amount_minor"], "currency": row["currency"] or ""}
    for at, value, who, words in (
        (row["asked_at"], "waiting", row["author"], row["reason"]),
        (row["approved_at"], "active", row["approver"], ""),
        (row["ended_at"], "withdrawn", row["ended_by"], row["end_reason"]),
    ):
        if at is not None:
            yield _entry(at, "order", value, term=row["kind"], words=words or "", who=who or "", **money)
