"""Accounts: one per book-of-record customer and company, provisional until the customer record is seen (D10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, select, update

from sync.fold.batch import Batch
from tieout.store.among import among
from tieout.store.bulk import insert_rows
from tieout.store.landing import chunks
from tieout.store.refs import by_refs, rows_by
from tieout.store.tables import accounts

AccountRef = tuple[str, str, str]  # company, connection, party number
_a = accounts.c
_IDS = by_refs(select(_a.company_id, _a.connection, _a.party_ref, _a.id), (_a.company_id, _a.connection, _a.party_ref))


def ensure_accounts(batch: Batch, refs: Iterable[AccountRef]) -> dict[AccountRef, str]:
    """The account id of every reference; missing ones are made provisional and marked for linking."""
    wanted = sorted(set(refs))
    found = find_accounts(batch, wanted)
    fresh: list[dict[str, Any]] = []
    for company, connection, party_ref in wanted:
        if (company, connection, party_ref) in found:
            continue
        account_id = batch.ids.new("acc")
        found[company, connection, party_ref] = account_id
        fresh.append(
            {
                "id": account_id,
                "company_id": company,
                "connection": connection,
                "party_ref": party_ref,
                "external_id": None,
                "name": party_ref,
                "is_provisional": True,
                "created_at": batch.now,
            }
        )
    insert_rows(batch.conn, accounts, fresh)
    batch.touch("party", [row["id"] for row in fresh])
    return found


def find_accounts(batch: Batch, refs: Sequence[AccountRef]) -> dict[AccountRef, str]:
    """Account ids that exist already."""
    out: dict[AccountRef, str] = {}
    for row in rows_by(batch.conn, _IDS, refs):
        out[row.company_id, row.connection, row.party_ref] = row.id
    return out


def accounts_of_party(batch: Batch, connection: str, party_refs: Sequence[str]) -> dict[str, list[str]]:
    """All accounts (one per company) of each customer number of a source."""
    a = accounts.c
    out: dict[str, list[str]] = {}
    for part in chunks(sorted(set(party_refs))):
        for row in batch.conn.execute(
            select(a.party_ref, a.id).where(a.connection == connection, among(a.party_ref, part)).order_by(a.id)
        ):
            out.setdefault(row.party_ref, []).append(row.id)
    return out


def describe_accounts(batch: Batch, rows: Sequence[dict[str, Any]]) -> None:
    """Give accounts the name and record id of the customer record (`b_id`, `b_name`, `b_external`)."""
    if rows:
        batch.conn.execute(
            update(accounts)
            .where(accounts.c.id == bindparam("b_id"))
            .values(name=bindparam("b_name"), external_id=bindparam("b_external"), is_provisional=False),
            list(rows),
        )
