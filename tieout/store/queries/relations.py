"""Relations of a customer: standing rows that name it, one of its members, or one of its names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, func, or_, select

from tieout.store.tables import answers, customers, memberships, relations


def of_customer(conn: Connection, customer_id: str, members: Iterable[str]) -> list[Mapping[Any, Any]]:
    """Standing relations of the customer or its members, oldest first, with the answer behind a stated one."""
    r = relations.c
    mine = [customer_id, *sorted(set(members))]
    query = (
        select(relations, answers.c.actor, answers.c.conflict_id)
        .outerjoin(answers, answers.c.seq == r.answer_seq)
        .where(r.to_seq.is_(None), or_(r.member.in_(mine), r.target.in_(mine)))
        .order_by(r.from_seq, r.id)
    )
    return list(conn.execute(query).mappings())


def between(conn: Connection, left: Iterable[str], right: Iterable[str]) -> list[Mapping[Any, Any]]:
    """Standing relations of the two, oldest first; each side is a member and its customer."""
    r = relations.c
    one, other = sorted(set(left)), sorted(set(right))
    both = or_(r.member.in_(one) & r.target.in_(other), r.member.in_(other) & r.target.in_(one))
    query = (
        select(r.member, r.kind, r.target, r.rule, r.recorded_at, answers.c.actor)
        .outerjoin(answers, answers.c.seq == r.answer_seq)
        .where(r.to_seq.is_(None), r.kind.in_(("branch_of", "member_of_group")), both)
        .order_by(r.from_seq, r.id)
    )
    return list(conn.execute(query).mappings())


def homes(conn: Connection, refs: Iterable[str]) -> dict[str, tuple[str, str]]:
    """The customer (id and name) of each member or customer id; those of nobody are left out."""
    wanted = sorted(set(refs))
    c, m = customers.c, memberships.c
    joined = select(m.member, c.id, c.name).join(customers, c.id == m.customer_id)
    out = {
        member: (key, name)
        for member, key, name in conn.execute(joined.where(m.member.in_(wanted), m.to_seq.is_(None)))
    }
    out.update({key: (key, name) for key, name in conn.execute(select(c.id, c.name).where(c.id.in_(wanted)))})
    return out


def bearers(conn: Connection, names: Iterable[str]) -> dict[str, int]:
    """How many customers each further name belongs to."""
    r = relations.c
    query = (
        select(r.name, func.count(r.target.distinct()))
        .where(r.to_seq.is_(None), r.name.in_(sorted(set(names))))
        .group_by(r.name)
    )
    return {name: int(number) for name, number in conn.execute(query)}
