"""Blocks of party records: who holds a key, read no further than it matters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, TextClause, func, select, text

from mapping.identity.rivals import SHARED_KINDS
from tieout.store.among import among, among_given, one_of
from tieout.store.landing import chunks
from tieout.store.session import is_sqlite
from tieout.store.tables import key_bearers, party_keys
from tieout.store.together import Together

Key = tuple[str, str]  # kind, value

# One statement for many keys, with a subquery of its own for each: a common key costs no more than a rare one.
_GIVEN = {
    "sqlite": (
        "(SELECT json_extract(value, '$[0]') AS kind, json_extract(value, '$[1]') AS value FROM json_each(:keys)) g"
    ),
    "postgresql": "unnest(CAST(:kinds AS text[]), CAST(:vals AS text[])) AS g(kind, value)",
}
_HOLDERS = "SELECT p.member FROM party_keys p WHERE p.kind = g.kind AND p.value = g.value LIMIT :most"
_PERSONS = (
    "SELECT DISTINCT t.value FROM party_keys s JOIN party_keys t ON t.member = s.member AND t.kind = 'tax' "
    "WHERE s.kind = g.kind AND s.value = g.value LIMIT :most"
)
_KEPT = "SELECT b.persons FROM key_bearers b WHERE b.kind = g.kind AND b.value = g.value"


def _for_each(column: Mapping[str, str]) -> dict[str, TextClause]:
    return {
        dialect: text(f"SELECT g.kind, g.value, ({column[dialect]}) FROM {given}")  # noqa: S608 - our own constants
        for dialect, given in _GIVEN.items()
    }


_HOLDERS_AS_LIST = {
    "sqlite": "SELECT json_group_array(member) FROM (" + _HOLDERS + ")",  # noqa: S608 - our own constants
    "postgresql": "SELECT array_agg(h.member) FROM (" + _HOLDERS + ") h",  # noqa: S608 - our own constants
}
_EACH_HOLDERS = _for_each(_HOLDERS_AS_LIST)
_MEMBERS_GIVEN = {
    "sqlite": "SELECT value FROM json_each(:members)",
    "postgresql": "SELECT unnest(CAST(:members AS text[]))",
}
_HELD_BLOCKS = {
    dialect: text(
        f"SELECT g.member, g.kind, g.value, ({column}) FROM party_keys g WHERE g.member IN ({_MEMBERS_GIVEN[dialect]})"  # noqa: S608 - our own constants
    )
    for dialect, column in _HOLDERS_AS_LIST.items()
}
_EACH_PERSONS = _for_each(dict.fromkeys(_GIVEN, "SELECT count(*) FROM (" + _PERSONS + ") d"))  # noqa: S608 - as above
_EACH_KEPT = _for_each(dict.fromkeys(_GIVEN, _KEPT))
_k, _b = party_keys.c, key_bearers.c
_HELD = select(_k.member, _k.kind, _k.value).where(among_given(_k.member, "members"))
_COUNTED = one_of(_k.kind, SHARED_KINDS)  # so that the other keys of a member are not looked for among the counts
# By key, so that one which many of the members hold is looked up once; each by itself: joined, PostgreSQL may read all
# counts there are.
_KEPT_OF_KEY = select(_b.persons).where(_b.kind == _k.kind, _b.value == _k.value).scalar_subquery()
_BORNE = {
    dialect: select(_k.kind, _KEPT_OF_KEY, gathered(_k.member))
    .where(among_given(_k.member, "members"), _COUNTED)
    .group_by(_k.kind, _k.value)
    for dialect, gathered in (("sqlite", func.json_group_array), ("postgresql", func.array_agg))
}


def holders(conn: Connection, keys: Collection[Key], most: int) -> dict[Key, list[str]]:
    """The members that hold each key, at most so many of them and then no certain ones; keys without any are left out.

    A list of `most` members may be a part.
    """
    found = _each(conn, _EACH_HOLDERS, keys, most=most)
    if is_sqlite(conn):
        found = {key: msgspec.json.decode(members) for key, members in found.items()}
    return {key: members for key, members in found.items() if members}


def blocks_held(
    conn: Connection, members: Collection[str], counted: Collection[str], most: int
) -> dict[str, dict[Key, list[str]]]:
    """By member: each key it holds with its holders, at most so many; without the kinds that only count."""
    out: dict[str, dict[Key, list[str]]] = {}
    lite = is_sqlite(conn)
    statement = _HELD_BLOCKS["sqlite" if lite else "postgresql"]
    for part in chunks(sorted(members)):
        given = {"members": msgspec.json.encode(part).decode() if lite else part, "most": most}
        for member, kind, value, found in conn.execute(statement, given).all():
            if kind not in counted:
                block = msgspec.json.decode(found) if lite else found
                out.setdefault(member, {})[kind, value] = block
    return out


def legal_persons(conn: Connection, keys: Collection[Key], most: int) -> dict[Key, int]:
    """How many different valid tax ids the members that hold each key show, counted up to `most`."""
    return _each(conn, _EACH_PERSONS, keys, most=most)


def persons_noted(conn: Connection, keys: Collection[Key]) -> dict[Key, int]:
    """The counts that are kept of these keys; one that is not kept is one legal person or none."""
    return {key: persons for key, persons in _each(conn, _EACH_KEPT, keys).items() if persons is not None}


def _each(conn: Connection, statements: Mapping[str, TextClause], keys: Collection[Key], **more: int) -> dict[Key, Any]:
    out: dict[Key, Any] = {}
    dialect = conn.dialect.name
    for part in chunks(sorted(keys)):
        if is_sqlite(conn):
            given: dict[str, Any] = {"keys": msgspec.json.encode(part).decode()}
        else:
            given = {"kinds": [key[0] for key in part], "vals": [key[1] for key in part]}
        out.update({(row[0], row[1]): row[2] for row in conn.execute(statements[dialect], given | more).all()})
    return out


def first_holders(conn: Connection, key: Key, most: int, begins: str = "") -> list[str]:
    """The first members by code point that hold a key, on both engines alike; `begins`: only those that begin so."""
    k = party_keys.c
    member = k.member.collate("BINARY" if is_sqlite(conn) else "C")
    statement = select(k.member).where(k.kind == key[0], k.value == key[1]).order_by(member).limit(most)
    if begins:
        statement = statement.where(member >= begins, member < begins[:-1] + chr(ord(begins[-1]) + 1))
    return list(conn.execute(statement).scalars())


def all_holders(conn: Connection, keys: Collection[Key]) -> set[str]:
    """Every member that holds any of these keys, however many those are."""
    k = party_keys.c
    out: set[str] = set()
    for kind in sorted({kind for kind, _ in keys}):
        values = sorted(value for key_kind, value in keys if key_kind == kind)
        for part in chunks(values):
            out.update(conn.execute(select(k.member).where(k.kind == kind, among(k.value, part))).scalars())
    return out


def keys_held(conn: Connection, members: Collection[str], kinds: Sequence[str] = ()) -> list[tuple[str, str, str]]:
    """(member, kind, value) of members, of some kinds only where any are named."""
    out: list[tuple[str, str, str]] = []
    for part in chunks(sorted(members)):
        rows = conn.execute(_HELD, {"members": part}).all()
        out.extend((member, kind, value) for member, kind, value in rows if not kinds or kind in kinds)
    return out


def ask_bearers(trip: Together, members: Collection[str]) -> Callable[[], dict[str, dict[str, int]]]:
    """By member and kind: how many legal persons hold the most widely held of its keys, where they are several."""
    lite = is_sqlite(trip.conn)
    statement = _BORNE["sqlite" if lite else "postgresql"]
    asked = [trip.ask(statement, {"members": part}) for part in chunks(sorted(members))]

    def borne() -> dict[str, dict[str, int]]:
        out: dict[str, dict[str, int]] = {}
        for rows in asked:
            for kind, persons, found in rows():
                if persons is not None:
                    for member in msgspec.json.decode(found) if lite else found:
                        held = out.setdefault(member, {})
                        held[kind] = max(held.get(kind, 0), persons)
        return out

    return borne
