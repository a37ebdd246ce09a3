"""Disputes, promises, plans, pauses and contacts: opened, closed and undone by people, folded in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import insert, select, update

from sync.fold.batch import Batch
from tieout.store.landing import chunks
from tieout.store.tables import accounts, case_links, cases, documents, memberships

OPEN, CLOSE, UNDO = "open", "close", "undo"


def fold_cases(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Fold case inputs in order; the customers whose items they are about are decided again."""
    for row in rows:
        body = row["body"]
        if body["do"] == OPEN:
            _open(batch, row, body)
        else:
            _close_or_undo(batch, row, body)
        batch.count("cases")


def _open(batch: Batch, row: Mapping[Any, Any], body: Mapping[Any, Any]) -> None:
    until = body.get("until_on")
    batch.conn.execute(
        insert(cases).values(
            id=body["id"],
            kind=body["kind"],
            company_id=body["company"],
            customer_id=body["customer"],
            currency=body.get("currency"),
            amount_minor=body.get("amount_minor"),
            from_on=date.fromisoformat(body["from_on"]),
            until_on=date.fromisoformat(until) if until else None,
            body=body.get("body") or {},
            note=body.get("note", ""),
            opened_seq=row["seq"],
            opened_at=row["at"],
            opened_by=row["actor"] or "",
            outcome="",
        )
    )
    links = sorted(set(body["links"]))
    # Found by its account when the item is settled, or its document undone, and shows up nowhere else.
    owners = _owners(batch, [ref for ref in links if not ref.startswith("acc_")])
    links = sorted({*links, *(f"@{account}" for account in owners)})
    for part in chunks(links):
        batch.conn.execute(insert(case_links), [{"ref": ref, "case_id": body["id"]} for ref in part])
    touch_links(batch, links, body["company"])


def _close_or_undo(batch: Batch, row: Mapping[Any, Any], body: Mapping[Any, Any]) -> None:
    c = cases.c
    found = batch.conn.execute(select(cases).where(c.id == body["id"])).mappings().first()
    if found is None or found["outcome"] == "undone":
        return
    closed = {"closed_seq": row["seq"], "closed_at": row["at"], "closed_by": row["actor"] or ""}
    opened = {"outcome": "", "closed_on": None, "closed_body": None, "closed_seq": None, "closed_at": None}
    values: dict[str, Any]
    if body["do"] == CLOSE:
        if found["outcome"]:
            return
        on = date.fromisoformat(body["on"])
        values = {"outcome": body["outcome"], "closed_on": on, "closed_body": body.get("body") or {}, **closed}
    elif found["outcome"]:
        values = {**opened, "closed_by": None}
    else:
        values = {"outcome": "undone", "closed_on": None, "closed_body": {}, **closed}
    batch.conn.execute(update(cases).where(c.id == body["id"]).values(**values))
    links = batch.conn.execute(select(case_links.c.ref).where(case_links.c.case_id == body["id"])).scalars()
    touch_links(batch, list(links), found["company_id"])


def _owners(batch: Batch, items: Sequence[str]) -> set[str]:
    """Accounts of the documents of these items: an item goes when its document is undone, the document stays."""
    d = documents.c
    out: set[str] = set()
    for part in chunks(sorted({item.partition(":")[0] for item in items})):
        out.update(batch.conn.execute(select(d.account_id).where(d.id.in_(part))).scalars())
    return out


def touch_links(batch: Batch, links: Iterable[str], company: str) -> None:
    """Touch the customers that own these items and accounts now."""
    refs = sorted({ref.removeprefix("@") for ref in links})
    owners = {ref for ref in refs if ref.startswith("acc_")}
    owners |= _owners(batch, [ref for ref in refs if not ref.startswith("acc_")])
    a, m = accounts.c, memberships.c
    for part in chunks(sorted(owners)):
        found = batch.conn.execute(
            select(m.customer_id, a.company_id)
            .join(accounts, a.id == m.member)
            .where(m.member.in_(part), m.to_seq.is_(None), a.company_id == company)
        )
        batch.touch("customer", [f"{row.customer_id}|{row.company_id}" for row in found])
