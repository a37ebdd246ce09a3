"""What people's answers call a customer: the names of records they linked that are no spelling of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from sqlalchemy import select

from mapping.identity.blocks import BLOCK_CAP
from mapping.identity.facts import PartyFacts
from mapping.identity.keys import LinkKey, name_key
from mapping.identity.relations import other_names
from mapping.identity.rivals import is_ambiguous
from sync.fold.batch import Batch
from sync.settle import rivals
from sync.settle.seen import Sight, sight_of
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.queries.blocks import holders
from tieout.store.tables import answers, memberships


def call(batch: Batch, sight: Sight, blocks: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """Give the accounts that people's answers call like one of these records that name; answers whom that brings.

    `blocks`: the records that are judged, with their candidates. A name that the answers give to two customers, that a
    person said is not the customer's, that several legal persons bear, or that is too common to be looked at whole
    means others as well. By record: the accounts, which its other keys need not bring.
    """
    asked = _names_in_question(sight, blocks)
    if not asked:
        return {}
    found = holders(batch.conn, set(asked), BLOCK_CAP + 1)
    bearers = {one for members in found.values() for one in members if "/" in one}
    sight.add(sight_of(batch, bearers - sight.known.keys()))
    bearers &= sight.known.keys()
    said = {one: sight.known[one].group for one in bearers if sight.known[one].is_answered}
    books = _accounts_of(batch, set(said.values()))
    unknown = {account for ids in books.values() for account in ids} - sight.known.keys()
    sight.add(sight_of(batch, unknown))
    parted = _parted(batch, bearers)
    noted = rivals.notes(batch, bearers)
    called: dict[str, tuple[set[str], set[str]]] = {}
    brought: dict[str, set[str]] = {}
    for key, name in asked.items():
        mine = [one for one in found.get(key, ()) if one in bearers and _bears(sight.known[one], name)]
        homes = {said[one] for one in mine if one in said and _is_alias(sight, one, name, books)}
        means_more = (
            len(homes) > 1
            or len(found.get(key, ())) > BLOCK_CAP
            or any(is_ambiguous(noted.get(one, ())) for one in mine)
        )
        for home in homes:
            accounts = [one for one in books.get(home, ()) if one in sight.known]
            is_shared = means_more or any(
                not parted[one].isdisjoint((home, *accounts)) for one in mine if one in parted
            )
            for account in accounts:
                called.setdefault(account, (set(), set()))[is_shared].add(name)
            for record in blocks:
                if record in sight.known and _bears(sight.known[record], name):
                    brought.setdefault(record, set()).update(accounts)
    for account, (alone, shared) in called.items():
        sight.known[account] = replace(
            sight.known[account], called=frozenset(alone - shared), called_too=frozenset(shared)
        )
    return brought


def _names_in_question(sight: Sight, blocks: Mapping[str, Collection[str]]) -> dict[LinkKey, str]:
    """The names that a record shares with one that a person linked, by the key under which their bearers are found."""
    out: dict[LinkKey, str] = {}
    for key, near in blocks.items():
        record = sight.known.get(key)
        if record is None:
            continue
        names = {name.key: name for name in record.names if name.has_brand}
        for other in near:
            known = sight.known.get(other)
            if known is not None and known.is_answered and "/" in other:
                for name in known.names:
                    if name.key in names and (by := name_key(name)) is not None:
                        out[by] = name.key
    return out


def _bears(record: PartyFacts, name: str) -> bool:
    return any(one.key == name for one in record.names)


def _is_alias(sight: Sight, ref: str, name: str, books: Mapping[str, list[str]]) -> bool:
    record = sight.known[ref]
    known = [sight.known[account] for account in books.get(record.group, ()) if account in sight.known]
    return any(one.key == name for one in other_names(record, known, in_any_script=True))


def _accounts_of(batch: Batch, customers: Collection[str]) -> dict[str, list[str]]:
    m = memberships.c
    out: dict[str, list[str]] = {}
    for part in chunks(sorted(customers)):
        for row in batch.conn.execute(
            select(m.customer_id, m.member)
            .where(among(m.customer_id, part), m.to_seq.is_(None), m.member.like("acc\\_%", escape="\\"))
            .order_by(m.member)
        ):
            out.setdefault(row.customer_id, []).append(row.member)
    return out


def _parted(batch: Batch, records: Collection[str]) -> dict[str, set[str]]:
    """From whom people parted each of these records."""
    n = answers.c
    out: dict[str, set[str]] = {}
    for part in chunks(sorted(records)):
        for row in batch.conn.execute(
            select(n.subject, n.target).where(
                among(n.subject, part), n.action == "separate", n.target != "", n.is_active.is_(True)
            )
        ):
            out.setdefault(row.subject, set()).add(row.target)
    return out
