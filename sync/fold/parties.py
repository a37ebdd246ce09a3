"""Parties: customer records of the book of record become accounts, those of CRMs become members to be linked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import delete

from mapping.identity.blocks import BLOCK_CAP
from mapping.identity.keys import link_keys
from sync.fold.accounts import accounts_of_party, describe_accounts, ensure_accounts
from sync.fold.batch import Batch
from sync.fold.bearers import recount
from sync.fold.blocks import moves, onlookers
from sync.fold.changes import Change
from tieout.canonical.parties import PartyCandidate
from tieout.core.config import Config
from tieout.store.among import among
from tieout.store.bulk import insert_new
from tieout.store.landing import chunks
from tieout.store.queries.blocks import Key, all_holders, keys_held
from tieout.store.tables import party_keys

FEW = 20  # members whose blocks are kept between folding and judging


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
    """New blocking keys of these members; everyone who sees them by an old or new key is looked at again."""
    if not members:
        return
    before: dict[str, set[Key]] = {}
    for member, kind, value in keys_held(batch.conn, members):
        before.setdefault(member, set()).add((kind, value))
    after = {
        member: frozenset((key.kind, key.value) for key in link_keys(party))
        for member, party in members.items()
        if party is not None
    }
    for part in chunks(sorted(before)):
        batch.conn.execute(delete(party_keys).where(among(party_keys.c.member, part)))
    insert_new(
        batch.conn,
        party_keys,
        [
            {"kind": kind, "value": value, "member": member}
            for member, keys in sorted(after.items())
            for kind, value in sorted(keys)
        ],
    )
    batch.touch("party", members)
    held: dict[Key, Sequence[str]] = {}
    batch.touch("party", onlookers(batch, moves(_pairs(before), _pairs(after)), held))
    batch.blocks = _few_blocks(after, held)
    noted = recount(batch, {member: frozenset(keys) for member, keys in before.items()}, after)
    batch.touch("party", all_holders(batch.conn, noted))


def _few_blocks(
    after: Mapping[str, Iterable[Key]], held: Mapping[Key, Sequence[str]]
) -> dict[str, Mapping[Key, Sequence[str]]]:
    """What judging would read again, for the records of a small batch: those of a large one are too many to keep."""
    if len(after) > FEW:
        return {}
    return {member: {key: held[key][: BLOCK_CAP + 1] for key in keys if key in held} for member, keys in after.items()}


def _pairs(held: Mapping[str, Iterable[Key]]) -> Iterator[tuple[str, Key]]:
    return ((member, key) for member, keys in held.items() for key in keys)
