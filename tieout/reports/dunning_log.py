"""The dunning log: decisions about reminders with what became of each message, as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from tieout.store.queries.names import called
from tieout.store.tables import outbox

_o = outbox.c


def lines(conn: Connection, rows: Sequence[Mapping[Any, Any]]) -> list[dict[str, Any]]:
    """One line a decision, in the given order; `sent` names each channel's state for those that sent a message."""
    parts = [str(row["subject"]).split("|") for row in rows]
    names = called(conn, sorted({one[0] for one in parts}))
    messages = sent(conn, {"|".join(one[:2]) for one, row in zip(parts, rows, strict=True) if row["value"] == "send"})
    out = []
    for (customer, company, currency), row in zip(parts, rows, strict=True):
        body = row["body"]
        out.append(
            {
                "id": row["id"],
                "on": row["effective_on"],
                "at": row["recorded_at"],
                "customer": customer,
                "name": names.get(customer, customer),
                "company": company,
                "currency": currency,
                "value": row["value"],
                "also": [reason["code"] for reason in row["reasons"][1:]],
                "step": body.get("step", ""),
                "level": body.get("level", 0),
                "amount_minor": body.get("amount_minor"),
                "items": len(body.get("items", ())),
                "policy": body.get("policy", ""),
                "sent": messages.get(str(body.get("key", "")), []) if row["value"] == "send" else [],
            }
        )
    return out


def sent(conn: Connection, subjects: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Rows of the outbox by the key of their message, for these `customer|company`."""
    query = (
        select(_o.id, _o.event_key, _o.reason, _o.module, _o.connection, _o.state, _o.updated_at, _o.error)
        .where(_o.subject.in_(sorted(subjects)), _o.event_key.is_not(None))
        .order_by(_o.id)
    )
    out: dict[str, list[dict[str, Any]]] = {}
    for row in conn.execute(query).mappings():
        reason = row["reason"]
        out.setdefault(str(reason.get("key") or row["event_key"]), []).append(
            {
                "push": row["id"],
                "channel": reason.get("channel") or "crm_task",
                "connection": row["connection"],
                "state": row["state"],
                "at": row["updated_at"],
                "error": row["error"] or "",
            }
        )
    return out
