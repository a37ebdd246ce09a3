"""Party records by member: the candidate behind an account or CRM record, and who shares its keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, func, or_, select

from tieout.canonical import codec
from tieout.canonical.parties import PartyCandidate
from tieout.store.landing import chunks
from tieout.store.tables import accounts, answers, conflicts, customers, memberships, party_keys, source_records


def party_of(conn: Connection, member: str) -> PartyCandidate | None:
    """What the source says about a member (account id, or connection/stream/record); None where nothing is known."""
    if member.count("/") >= 2:
        connection, stream, record = member.split("/", 2)
    else:
        a = accounts.c
        row = conn.execute(select(a.connection, a.external_id).where(a.id == member)).first()
        if row is None or row.external_id is None:
            return None
        connection, stream, record = row.connection, "customers", row.external_id
    s = source_records.c
    found = conn.execute(
        select(s.candidate_kind, s.candidate).where(
            s.connection == connection,
            s.stream == stream,
            s.external_id == record,
            s.candidate.is_not(None),
            s.is_deleted.is_(False),
        )
    ).first()
    made = codec.decode(found.candidate_kind, found.candidate) if found is not None else None
    return made if isinstance(made, PartyCandidate) else None


def legal_persons(conn: Connection, keys: Mapping[str, Iterable[str]]) -> dict[tuple[str, str], int]:
    """How many different valid tax ids the members that hold each (kind, value) show; keys without any are left out."""
    shared, taxed = party_keys.alias(), party_keys.alias()
    out: dict[tuple[str, str], int] = {}
    for kind, values in sorted(keys.items()):
        for part in chunks(sorted(set(values))):
            statement = (
                select(shared.c.value, func.count(taxed.c.value.distinct()))
                .select_from(shared.join(taxed, (taxed.c.member == shared.c.member) & (taxed.c.kind == "tax")))
                .where(shared.c.kind == kind, shared.c.value.in_(part))
                .group_by(shared.c.value)
            )
            out.update({(kind, value): int(number) for value, number in conn.execute(statement)})
    return out


def membership_of(conn: Connection, member: str) -> Mapping[Any, Any] | None:
    """The standing membership of a member."""
    m = memberships.c
    return conn.execute(select(memberships).where(m.member == member, m.to_seq.is_(None))).mappings().first()


def members_now(conn: Connection, customer_id: str) -> list[str]:
    """The members of a customer now."""
    m = memberships.c
    return list(
        conn.execute(
            select(m.member).where(m.customer_id == customer_id, m.to_seq.is_(None)).order_by(m.member)
        ).scalars()
    )


def customer_name(conn: Connection, customer_id: str) -> str:
    """What a customer is called; its id where it is not known."""
    found = conn.execute(select(customers.c.name).where(customers.c.id == customer_id)).scalar()
    return str(found) if found else customer_id


def account_of(conn: Connection, connection: str, record: str) -> str | None:
    """The account of a customer of the books, by the id of its record or by its number; the first of several."""
    a = accounts.c
    found = conn.execute(
        select(a.id)
        .where(a.connection == connection, or_(a.external_id == record, a.party_ref == record))
        .order_by(a.external_id != record, a.id)
    ).scalar()
    return str(found) if found else None


def membership_events(conn: Connection, members: Iterable[str]) -> list[Mapping[Any, Any]]:
    """Every membership these members ever had, oldest first: customer, rule, who answered, from when to when."""
    m = memberships.c
    query = (
        select(
            m.member,
            m.customer_id,
            customers.c.name.label("customer_name"),
            m.rule,
            m.rule_version,
            m.recorded_at.label("from_at"),
            m.closed_at.label("to_at"),
            answers.c.actor,
        )
        .join(customers, customers.c.id == m.customer_id)
        .outerjoin(answers, answers.c.seq == m.answer_seq)
        .where(m.member.in_(sorted(set(members))))
        .order_by(m.from_seq, m.id)
    )
    return list(conn.execute(query).mappings())


def open_questions(conn: Connection, kind: str, causes: Iterable[str]) -> list[Mapping[Any, Any]]:
    """Open conflicts of a kind about these records, oldest first."""
    c = conflicts.c
    query = select(conflicts).where(c.kind == kind, c.state == "open", c.cause.in_(sorted(set(causes))))
    return list(conn.execute(query.order_by(c.id)).mappings())


def answers_about(conn: Connection, left: Iterable[str], right: Iterable[str]) -> list[Mapping[Any, Any]]:
    """What people decided about the two or about one of them alone, oldest first, with what they took back.

    Each side is a member and the customers it ever belonged to.
    """
    n = answers.c
    one, other = sorted(set(left)), sorted(set(right))
    both = or_(n.subject.in_(one) & n.target.in_(other), n.subject.in_(other) & n.target.in_(one))
    alone = n.subject.in_([*one, *other]) & (n.target == "")
    return list(conn.execute(select(answers).where(or_(both, alone)).order_by(n.seq)).mappings())
