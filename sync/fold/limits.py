"""Credit limits that a book of record states, on its customer records or in an archive of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select

from sync.fold.batch import Batch
from sync.fold.changes import Change
from sync.fold.credit import touch_accounts
from sync.fold.parties import books_of
from sync.fold.rates import put_rates, withdraw_rates
from tieout.canonical.parties import PartyCandidate
from tieout.canonical.terms import LimitCandidate, RateCandidate
from tieout.store.refs import by_refs, rows_by
from tieout.store.tables import accounts, credit_limits
from tieout.store.upsert import upsert

Ref = tuple[str, str, str]
_c, _a = credit_limits.c, accounts.c
_LIMITS = by_refs(select(credit_limits), (_c.connection, _c.stream, _c.external_id))
_ACCOUNTS = by_refs(select(_a.connection, _a.party_ref, _a.id), (_a.connection, _a.party_ref))


def fold_limits(batch: Batch, changes: Sequence[Change]) -> None:
    """What these customer and limit records state now; customers whose books say something else are decided again.

    A record that cannot be read keeps what it stated before; a deleted one, and one switched off, states nothing.
    """
    books = {name: books_of(batch.config, name) for name in {change.connection for change in changes}}
    mine = [change for change in changes if books[change.connection] and not change.is_broken]
    refs = [(change.connection, change.stream, change.record_id) for change in mine]
    held = _held(batch, refs)
    rows = [row for change in mine if (row := _row(change)) is not None]
    fresh = {(row["connection"], row["stream"], row["external_id"]): row for row in rows}
    parties: set[tuple[str, str]] = set()
    for ref in refs:
        old, new = held.get(ref), fresh.get(ref)
        if _said(old) != _said(new):
            parties.update((row["connection"], row["party_ref"]) for row in (old, new) if row is not None)
    for ref in sorted(held.keys() - fresh.keys()):
        c = credit_limits.c
        batch.conn.execute(
            delete(credit_limits).where(c.connection == ref[0], c.stream == ref[1], c.external_id == ref[2])
        )
    upsert(batch.conn, credit_limits, [fresh[ref] for ref in sorted(fresh)])
    _touch(batch, parties)


def fold_source_rates(batch: Batch, changes: Sequence[Change]) -> None:
    """Exchange rates of a book of record; one that is deleted or no longer approved does not count."""
    fresh: list[dict[str, Any]] = []
    over: list[str] = []
    for change in changes:
        if change.is_broken or not books_of(batch.config, change.connection):
            continue
        key, rate = f"{change.connection}.{change.stream}.{change.record_id}", change.candidate
        if not isinstance(rate, RateCandidate) or not rate.is_active or rate.base == rate.quote:
            over.append(key)
            continue
        fresh.append(
            {
                "id": key,
                "company_id": rate.company_ref,
                "base": rate.base,
                "quote": rate.quote,
                "rate": rate.rate,
                "rate_on": rate.rate_on,
                "until_on": rate.until_on,
                "source": change.connection,
                "rank": 0,
                "seq": change.seq,
                "is_active": True,
            }
        )
    withdraw_rates(batch, over)
    put_rates(batch, fresh)


def _held(batch: Batch, refs: Iterable[Ref]) -> dict[Ref, Mapping[Any, Any]]:
    found = rows_by(batch.conn, _LIMITS, refs)
    return {(row.connection, row.stream, row.external_id): row._mapping for row in found}


def _row(change: Change) -> dict[str, Any] | None:
    made = change.candidate
    base: dict[str, Any] = {
        "connection": change.connection,
        "stream": change.stream,
        "external_id": change.record_id,
        "source_seq": change.seq,
        "temporary_from": None,
        "temporary_until": None,
        "temporary_minor": 0,
    }
    if isinstance(made, PartyCandidate):
        if made.credit_limit_minor is None and made.credit_managed is not False:
            return None
        return {
            **base,
            "party_ref": made.number or made.external_id,
            "company_id": made.company_ref,
            "currency": made.currency,
            "amount_minor": made.credit_limit_minor,
            "is_managed": made.credit_managed is not False,
        }
    if isinstance(made, LimitCandidate) and made.is_active:
        return {
            **base,
            "party_ref": made.party_ref,
            "company_id": made.company_ref,
            "currency": made.currency,
            "amount_minor": made.amount_minor,
            "temporary_minor": made.temporary_minor or 0,
            "temporary_from": made.temporary_from,
            "temporary_until": made.temporary_until,
            "is_managed": True,
        }
    return None


def _said(row: Mapping[Any, Any] | None) -> Any:
    return None if row is None else {name: value for name, value in row.items() if name != "source_seq"}


def _touch(batch: Batch, parties: set[tuple[str, str]]) -> None:
    found = rows_by(batch.conn, _ACCOUNTS, parties)
    touch_accounts(batch, [row.id for row in found])
