"""Disputes, promises, plans, pauses and contacts for people to read, with what became of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Text, and_, func, or_, select, type_coerce

from tieout.store.landing import chunks
from tieout.store.queries.paging import Slice, cut, decode
from tieout.store.tables import (
    accounts,
    case_links,
    cases,
    decisions,
    documents,
    inputs,
    memberships,
    open_items,
    pending,
)

Row = Mapping[Any, Any]


def get(conn: Connection, case_id: str) -> dict[str, Any] | None:
    """One case, or None."""
    rows = conn.execute(select(cases).where(cases.c.id == case_id)).mappings().all()
    return _shown(conn, rows)[0] if rows else None


def page(
    conn: Connection,
    limit: int,
    cursor: str | None,
    *,
    kind: str | None = None,
    customer: str | None = None,
    document: str | None = None,
    is_open: bool | None = None,
) -> Slice[dict[str, Any]]:
    """Cases newest first; those of a customer follow its accounts through merges."""
    c, k, m, a, o = cases.c, case_links.c, memberships.c, accounts.c, open_items.c
    query = select(cases)
    if kind is not None:
        query = query.where(c.kind == kind)
    if is_open is not None:
        query = query.where(c.outcome == "" if is_open else c.outcome != "")
    if customer is not None:
        mine = select(m.member).where(m.customer_id == customer, m.to_seq.is_(None), m.member == a.id)
        owned = list(conn.execute(select(a.id).where(a.id.in_(mine))).scalars())
        refs = [*owned, *(f"@{one}" for one in owned)]
        query = query.where(c.id.in_(select(k.case_id).where(k.ref.in_(refs))))
    if document is not None:
        items = select(o.id).where(o.document_id == document)
        query = query.where(c.id.in_(select(k.case_id).where(k.ref.in_(items))))
    if cursor:
        query = query.where(c.opened_seq < decode(cursor, "cases", (int,))[0])
    rows = conn.execute(query.order_by(c.opened_seq.desc()).limit(limit + 1)).mappings().all()
    found = cut(rows, limit, "cases", lambda row: (int(row["opened_seq"]),))
    return Slice(_shown(conn, found.rows), found.next)


def steps(conn: Connection, case_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """What was done to cases after they were opened, in order: `do` (close undo), outcome, at, actor; by case id.

    The row of a case tells its present end only: one that was settled and opened again has nothing of that left.
    """
    i, found = inputs.c, dict[str, list[dict[str, Any]]]()
    text = type_coerce(i.body, Text)
    for part in chunks(sorted(case_ids), 50):
        named = or_(*(text.contains(f'"{one}"', autoescape=True) for one in part))
        query = select(i.at, i.actor, i.body).where(i.kind == "case", named, i.seq.not_in(select(pending.c.seq)))
        for row in conn.execute(query.order_by(i.seq)):
            if row.body["do"] != "open" and row.body["id"] in part:
                step = {"do": row.body["do"], "outcome": row.body.get("outcome", ""), "at": row.at, "actor": row.actor}
                found.setdefault(row.body["id"], []).append(step)
    return found


def open_of_accounts(conn: Connection, accounts_of: Sequence[str]) -> int:
    """How many open cases hang on these accounts or on items of theirs."""
    c, k = cases.c, case_links.c
    refs = [*accounts_of, *(f"@{one}" for one in accounts_of)]
    query = select(func.count(c.id.distinct())).join(case_links, k.case_id == c.id)
    return int(conn.execute(query.where(c.outcome == "", k.ref.in_(refs))).scalar_one())


def _shown(conn: Connection, rows: Sequence[Row]) -> list[dict[str, Any]]:
    ids = [row["id"] for row in rows]
    k, m, o, d, n = case_links.c, memberships.c, open_items.c, decisions.c, documents.c
    items: dict[str, list[dict[str, Any]]] = {}
    owner: dict[str, str] = {}
    for link in conn.execute(select(k.case_id, k.ref).where(k.case_id.in_(ids)).order_by(k.case_id, k.ref)):
        account = link.ref.removeprefix("@")
        if account.startswith("acc_"):
            owner.setdefault(link.case_id, account)
    named = conn.execute(
        select(k.case_id, o.id, o.document_id, o.due_on, o.open_minor, n.number)
        .join(open_items, o.id == k.ref)
        .join(documents, n.id == o.document_id)
        .where(k.case_id.in_(ids))
        .order_by(o.due_on, o.id)
    )
    for one in named:
        items.setdefault(one.case_id, []).append(
            {
                "item": one.id,
                "document": one.document_id,
                "number": one.number,
                "due_on": one.due_on,
                "open_minor": one.open_minor,
            }
        )
    held = dict(
        conn.execute(
            select(m.member, m.customer_id).where(and_(m.member.in_(sorted(set(owner.values()))), m.to_seq.is_(None)))
        ).all()
    )
    customers = {row["id"]: held.get(owner.get(row["id"], ""), row["customer_id"]) for row in rows}
    subjects = {f"{customers[row['id']]}|{row['company_id']}|{row['id']}": row["id"] for row in rows}
    judged = {
        subjects[one["subject"]]: one
        for one in conn.execute(
            select(d.subject, d.value, d.body).where(d.subject.in_(sorted(subjects)), d.is_current.is_(True))
        ).mappings()
    }
    return [_line(row, str(customers[row["id"]]), items.get(row["id"], []), judged.get(row["id"])) for row in rows]


def _line(row: Row, customer: str, items: list[dict[str, Any]], judged: Row | None) -> dict[str, Any]:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "company": row["company_id"],
        "customer": customer,
        # What a person said comes first, then what the books say of a promise or plan.
        "state": row["outcome"] or (judged["value"] if judged is not None else "open"),
        "currency": row["currency"],
        "amount_minor": row["amount_minor"],
        "paid_minor": judged["body"]["paid_minor"] if judged is not None else None,
        "from_on": row["from_on"],
        "until_on": row["until_on"],
        "items": items,
        "details": row["body"],
        "note": row["note"],
        "opened_at": row["opened_at"],
        "opened_by": row["opened_by"],
        "closed_at": row["closed_at"],
        "closed_by": row["closed_by"],
        "closing": row["closed_body"],
    }
