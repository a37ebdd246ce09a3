"""Membership events: who belongs to which customer, from when, by which rule. Rows are closed, never changed (D10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import insert, select, update

from sync.fold.batch import Batch
from sync.settle.scope import claims_of_members, companies_of
from tieout.store.among import among, among_given
from tieout.store.bulk import insert_rows
from tieout.store.landing import chunks
from tieout.store.tables import customers, memberships

_STANDING = select(memberships).where(among_given(memberships.c.member, "members"), memberships.c.to_seq.is_(None))
_RULES = select(memberships.c.member, memberships.c.rule).where(
    among_given(memberships.c.member, "members"), memberships.c.to_seq.is_(None)
)
_ACCOUNTS = select(memberships.c.customer_id, memberships.c.member).where(
    among_given(memberships.c.customer_id, "customers"), memberships.c.member.like("acc\\_%", escape="\\")
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The membership a member should have; customer None = none."""

    member: str
    customer: str | None
    rule: str
    rule_version: str
    evidence: Any = None
    answer_seq: int | None = None


def standing(batch: Batch, members: Iterable[str]) -> dict[str, Mapping[Any, Any]]:
    """The open membership of each member."""
    out: dict[str, Mapping[Any, Any]] = {}
    for part in chunks(sorted(set(members))):
        for row in batch.conn.execute(_STANDING, {"members": part}).mappings().all():
            out[row["member"]] = row
    return out


def rules(batch: Batch, members: Iterable[str]) -> dict[str, str]:
    """The rule by which each member stands in a customer; those of nobody are left out."""
    out: dict[str, str] = {}
    for part in chunks(sorted(set(members))):
        out.update(batch.conn.execute(_RULES, {"members": part}).all())
    return out


def first_customers(batch: Batch, members: Iterable[str]) -> dict[str, str]:
    """The customer each account was first made a member of: an undone merge goes back there."""
    m = memberships.c
    out: dict[str, str] = {}
    for part in chunks(sorted(set(members))):
        for member, customer in batch.conn.execute(
            select(m.member, m.customer_id).where(among(m.member, part)).order_by(m.from_seq.desc(), m.id.desc())
        ):
            out[member] = customer
    return out


def heirs(batch: Batch, customers_named: Iterable[str]) -> dict[str, str]:
    """Of these customers those that have no account any more: by id the customer that has their first account now."""
    named = sorted(set(customers_named))
    if not named:
        return {}
    m = memberships.c
    query = select(m.customer_id, m.member, m.to_seq).where(
        among_given(m.customer_id, "customers"), m.member.like("acc\\_%", escape="\\")
    )
    rows = batch.conn.execute(query.order_by(m.member), {"customers": named}).all()
    alive = {row.customer_id for row in rows if row.to_seq is None}
    first = {row.customer_id: row.member for row in reversed(rows) if row.customer_id not in alive}
    homes = standing(batch, first.values())
    return {key: str(homes[member]["customer_id"]) for key, member in first.items() if member in homes}


def records_of(batch: Batch, customers_named: Iterable[str]) -> set[str]:
    """The CRM records that stand in these customers."""
    m = memberships.c
    out: set[str] = set()
    for part in chunks(sorted(set(customers_named))):
        query = select(m.member).where(among(m.customer_id, part), m.to_seq.is_(None), m.member.like("%/%"))
        out.update(batch.conn.execute(query).scalars())
    return out


def make_customers(batch: Batch, names: Mapping[str, str], by: str) -> None:
    """New customers by id and name."""
    rows = [{"id": key, "name": name, "created_at": batch.now, "created_by": by} for key, name in sorted(names.items())]
    for part in chunks(rows):
        batch.conn.execute(insert(customers), list(part))


def change(batch: Batch, wanted: Sequence[Wanted], known: Mapping[str, Mapping[Any, Any]] | None = None) -> set[str]:
    """Close and open memberships where the customer or rule differs; answers the members that moved.

    `known`: the open memberships of these members, where the caller has read them already.
    No journal row moves: balances aggregate through membership as known at the time asked.
    """
    held = standing(batch, [row.member for row in wanted]) if known is None else known
    close: list[str] = []
    fresh: list[dict[str, Any]] = []
    moved: set[str] = set()
    touched: set[str] = set()
    on = _today(batch)
    for row in sorted(wanted, key=lambda one: one.member):
        old = held.get(row.member)
        if old is not None and old["customer_id"] == row.customer and old["rule"] == row.rule:
            continue
        if old is None and row.customer is None:
            continue
        if old is not None:
            close.append(old["id"])
            touched.add(old["customer_id"])
        if row.customer is not None:
            touched.add(row.customer)
            fresh.append(
                {
                    "id": batch.ids.new("mem"),
                    "member": row.member,
                    "customer_id": row.customer,
                    "from_seq": batch.mark_seq,
                    "to_seq": None,
                    "effective_on": on,
                    "recorded_at": batch.now,
                    "rule": row.rule,
                    "rule_version": row.rule_version,
                    "evidence": row.evidence,
                    "answer_seq": row.answer_seq,
                }
            )
        if old is None or old["customer_id"] != row.customer:
            moved.add(row.member)
    for part in chunks(close):
        batch.conn.execute(
            update(memberships).where(among(memberships.c.id, part)).values(to_seq=batch.mark_seq, closed_at=batch.now)
        )
    for rows in chunks(fresh):
        insert_rows(batch.conn, memberships, rows)
    batch.count("linked", len(fresh))
    _touch_customers(batch, touched, moved)
    return moved


def _touch_customers(batch: Batch, customers_touched: set[str], moved: set[str]) -> None:
    """Customers that gained or lost a member are decided again, in every company they deal with."""
    accounts: dict[str, list[str]] = {}
    for part in chunks(sorted(customers_touched)):
        for customer, member in batch.conn.execute(_ACCOUNTS, {"customers": part}).all():
            accounts.setdefault(customer, []).append(member)
    companies = companies_of(batch, [acc for group in accounts.values() for acc in group]) if accounts else {}
    batch.touch(
        "customer",
        {f"{key}|{companies[acc]}" for key, group in accounts.items() for acc in group if acc in companies},
    )
    batch.touch("push", [member for member in moved if "/" in member])
    batch.touch("claim", claims_of_members(batch, moved))  # binding asks whether claim and document share a customer


def _today(batch: Batch) -> date:
    return max(batch.on.values())
