"""Parties: customer records of the book of record become accounts, those of CRMs become members to be linked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select

from mapping.identity.keys import link_keys
from sync.fold.accounts import accounts_of_party, describe_accounts, ensure_accounts
from sync.fold.batch import Batch
from sync.fold.changes import Change
from tieout.canonical.parties import PartyCandidate
from tieout.core.config import Config
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.tables import party_keys
from tieout.store.upsert import insert_ignore


def books_of(config: Config, connection: str) -> list[str]:
    """The companies whose book of record this connection is."""
    return [name for name, company in config.companies.items() if company.book_of_record == connection]


def fold_parties(batch: Batch, changes: Sequence[Change]) -> None:
    """Accounts, keys and what must be linked again; a deleted record keeps its account, for its postings stand."""
    members: dict[str, PartyCandidate | None] = {}
    describe: list[dict[str, Any]] = []
    by_connection: dict[str, list[Change]] = {}
    for change in changes:
        by_connection.setdefault(change.connection, []).append(change)
    for connection, group in sorted(by_connection.items()):
        books = books_of(batch.config, connection)
        if not books:
            for change in group:
                if not change.is_broken:
                    members[change.key] = _party(change.candidate)
            continue
        living = [(change, _party(change.candidate)) for change in group if change.candidate is not None]
        refs = []
        for _, party in living:
            assert party is not None
            for company in _companies_of(party, books):
                refs.append((company, connection, party.number or party.external_id))
        ensure_accounts(batch, refs)
        numbers = [party.number or party.external_id for _, party in living if party is not None]
        held = accounts_of_party(batch, connection, numbers)
        for change, party in living:
            assert party is not None
            for account_id in held.get(party.number or party.external_id, []):
                members[account_id] = party
                describe.append({"b_id": account_id, "b_name": party.display_name, "b_external": change.record_id})
    describe_accounts(batch, describe)
    _replace_keys(batch, members)


def _party(candidate: object) -> PartyCandidate | None:
    return candidate if isinstance(candidate, PartyCandidate) else None


def _companies_of(party: PartyCandidate, books: list[str]) -> list[str]:
    if party.company_ref in books:
        return [party.company_ref]
    return books if len(books) == 1 else []


def _replace_keys(batch: Batch, members: dict[str, PartyCandidate | None]) -> None:
    """New blocking keys of these members; everyone who shares an old or new key is looked at again."""
    if not members:
        return
    k = party_keys.c
    keys: set[tuple[str, str]] = set()
    for part in chunks(sorted(members)):
        keys.update(batch.conn.execute(select(k.kind, k.value).where(among(k.member, part))))
        batch.conn.execute(delete(party_keys).where(among(k.member, part)))
    fresh: list[dict[str, Any]] = []
    for member, party in sorted(members.items()):
        if party is None:
            continue
        for key in link_keys(party):
            keys.add((key.kind, key.value))
            fresh.append({"kind": key.kind, "value": key.value, "member": member})
    for rows in chunks(fresh):
        insert_ignore(batch.conn, party_keys, rows)
    batch.touch("party", members)
    batch.touch("party", sharing(batch, keys))


def sharing(batch: Batch, keys: set[tuple[str, str]]) -> set[str]:
    """Members that hold any of these keys."""
    k = party_keys.c
    out: set[str] = set()
    for kind in sorted({kind for kind, _ in keys}):
        values = sorted(value for key_kind, value in keys if key_kind == kind)
        for part in chunks(values):
            out.update(batch.conn.execute(select(k.member).where(k.kind == kind, among(k.value, part))).scalars())
    return out
