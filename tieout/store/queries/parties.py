"""Party records by member: the candidate behind an account or CRM record, and who shares its keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, TextClause, or_, select, text

from tieout.canonical import codec
from tieout.canonical.parties import PartyCandidate
from tieout.store.among import among_given
from tieout.store.bulk import update_rows
from tieout.store.landing import chunks
from tieout.store.session import is_sqlite
from tieout.store.tables import accounts, answers, conflicts, customers, memberships, source_records
from tieout.store.together import Together

_ACCOUNTS = select(accounts.c.id, accounts.c.connection, accounts.c.external_id).where(
    among_given(accounts.c.id, "ids")
)
# One statement for records of all streams, by their whole key.
_SQLITE = text("""
SELECT s.connection, s.stream, s.external_id, s.candidate_kind, s.candidate
FROM json_each(:refs) g CROSS JOIN source_records s
  ON s.connection = json_extract(g.value, '$[0]') AND s.stream = json_extract(g.value, '$[1]')
 AND s.external_id = json_extract(g.value, '$[2]')
WHERE s.candidate IS NOT NULL AND NOT s.is_deleted
""").columns(candidate=source_records.c.candidate.type)
_POSTGRESQL = text("""
SELECT s.connection, s.stream, s.external_id, s.candidate_kind, s.candidate
FROM unnest(CAST(:connections AS text[]), CAST(:streams AS text[]), CAST(:ids AS text[])) AS g(connection, stream, id)
JOIN source_records s ON s.connection = g.connection AND s.stream = g.stream AND s.external_id = g.id
WHERE s.candidate IS NOT NULL AND NOT s.is_deleted
""").columns(candidate=source_records.c.candidate.type)


PART = 400  # members in one statement
_LIVES = "AND s.candidate IS NOT NULL AND NOT s.is_deleted"
_STANDS = "LEFT JOIN memberships m ON m.member = {} AND m.to_seq IS NULL"
_SHOWN = "s.connection, s.stream, s.external_id, s.facts, m.id, m.customer_id, m.rule"
_RECORD = f"s.connection = g.connection AND s.stream = g.stream AND s.external_id = g.record {_LIVES}"
_OF_ACCOUNT = f"s.connection = a.connection AND s.stream = 'customers' AND s.external_id = a.external_id {_LIVES}"


def _seen(records: str, accounts_given: str) -> TextClause:
    """One statement for records and accounts, with the living record and the standing membership of each."""
    return text(f"""
SELECT g.member, {_SHOWN} FROM {records} LEFT JOIN source_records s ON {_RECORD} {_STANDS.format("g.member")}
UNION ALL
SELECT h.id, {_SHOWN} FROM {accounts_given} LEFT JOIN accounts a ON a.id = h.id
LEFT JOIN source_records s ON {_OF_ACCOUNT} {_STANDS.format("h.id")}
""")  # noqa: S608 - our own constants


_SEEN_SQLITE = _seen(
    "(SELECT json_extract(value, '$[0]') AS member, json_extract(value, '$[1]') AS connection, "
    "json_extract(value, '$[2]') AS stream, json_extract(value, '$[3]') AS record FROM json_each(:refs)) g",
    "(SELECT value AS id FROM json_each(:ids)) h",
)
_SEEN_POSTGRESQL = _seen(
    "unnest(CAST(:members AS text[]), CAST(:connections AS text[]), CAST(:streams AS text[]), "
    "CAST(:records AS text[])) AS g(member, connection, stream, record)",
    "unnest(CAST(:ids AS text[])) AS h(id)",
)


def parties_of(conn: Connection, members: Iterable[str]) -> dict[str, PartyCandidate]:
    """What the sources say about members (account ids, or connection/stream/record); unknown ones are left out."""
    wanted: dict[tuple[str, str, str], list[str]] = {}
    ids = []
    for member in sorted(set(members)):
        if member.count("/") >= 2:
            connection, stream, record = member.split("/", 2)
            wanted.setdefault((connection, stream, record), []).append(member)
        else:
            ids.append(member)
    for part in chunks(ids):
        for row in conn.execute(_ACCOUNTS, {"ids": part}).all():
            if row.external_id is not None:
                wanted.setdefault((row.connection, "customers", row.external_id), []).append(row.id)
    out: dict[str, PartyCandidate] = {}
    for refs in chunks(list(wanted)):
        if is_sqlite(conn):
            rows = conn.execute(_SQLITE, {"refs": msgspec.json.encode(refs).decode()})
        else:
            names = ("connections", "streams", "ids")
            rows = conn.execute(_POSTGRESQL, dict(zip(names, map(list, zip(*refs, strict=True)), strict=True)))
        for connection, stream, record, kind, candidate in rows.all():
            made = codec.decode(kind, candidate)
            if isinstance(made, PartyCandidate):
                out.update(dict.fromkeys(wanted[connection, stream, record], made))
    return out


class Seen(NamedTuple):
    """A member with what identity knows of its record and the customer it stands in.

    `connection`, `stream`, `record` name its living record, None where it has none; `facts` are bytes of
    `mapping.identity.stored`, None where the record was never taken apart. `membership` is None for a member of nobody.
    """

    member: str
    connection: str | None
    stream: str | None
    record: str | None
    facts: bytes | None
    membership: str | None
    customer: str | None
    rule: str | None


def ask_seen(trip: Together, members: Iterable[str]) -> Callable[[], Iterator[Seen]]:
    """Each of these members that is an account or a record, whether it is known or not; customers are left out."""
    refs: list[tuple[str, str, str, str]] = []
    ids = []
    for member in sorted(set(members)):
        if member.count("/") >= 2:
            connection, stream, record = member.split("/", 2)
            refs.append((member, connection, stream, record))
        elif member.startswith("acc_"):
            ids.append(member)
    answers_of = []
    for at in range(0, max(len(refs), len(ids)), PART):
        part, accounts_part = refs[at : at + PART], ids[at : at + PART]
        if is_sqlite(trip.conn):
            given = {"refs": msgspec.json.encode(part).decode(), "ids": msgspec.json.encode(accounts_part).decode()}
            answers_of.append(trip.ask(_SEEN_SQLITE, given))
        else:
            columns = [[ref[place] for ref in part] for place in range(4)]
            names = ("members", "connections", "streams", "records")
            lists = dict(zip(names, columns, strict=True)) | {"ids": accounts_part}
            answers_of.append(trip.ask(_SEEN_POSTGRESQL, lists))
    return lambda: (Seen._make(row) for rows in answers_of for row in rows())


def put_facts(conn: Connection, found: Sequence[tuple[Seen, bytes]]) -> None:
    """Keep the facts of records that were taken apart anew."""
    rows = [
        {"connection": one.connection, "stream": one.stream, "external_id": one.record, "facts": facts}
        for one, facts in found
    ]
    update_rows(conn, source_records, ("connection", "stream", "external_id"), rows)


def party_of(conn: Connection, member: str) -> PartyCandidate | None:
    """What the source says about one member; None where nothing is known."""
    return parties_of(conn, [member]).get(member)


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
