"""Party records by member: the candidate behind an account or CRM record, and who shares its keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, func, or_, select

from tieout.canonical import codec
from tieout.canonical.parties import PartyCandidate
from tieout.store.landing import chunks
from tieout.store.tables import accounts, answers, memberships, party_keys, source_records


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


def answers_between(conn: Connection, left: Iterable[str], right: Iterable[str]) -> list[Mapping[Any, Any]]:
    """Standing answers of people about the two, oldest first; each side is a member and its customer."""
    n = answers.c
    one, other = sorted(set(left)), sorted(set(right))
    both = or_(n.subject.in_(one) & n.target.in_(other), n.subject.in_(other) & n.target.in_(one))
    return list(conn.execute(select(answers).where(both, n.is_active.is_(True)).order_by(n.seq)).mappings())
