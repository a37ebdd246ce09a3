"""Dated exchange rates become state: what a person, a file or the books stated, and who has to be judged again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select, update

from sync.fold.batch import Batch
from tieout.store.among import among
from tieout.store.landing import chunks
from tieout.store.tables import rate_needs, rates
from tieout.store.upsert import upsert

STATED_RANK = 1  # people and files go before the books


def rate_key(company: str, base: str, quote: str, on: str) -> str:
    """The id of a stated rate: the same pair and day stated again replaces it."""
    return f"{company or '_all'}.{base}.{quote}.{on}"


def fold_rates(batch: Batch, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Fold stated rates: each line sets one, or takes one back."""
    for row in rows:
        body = row["body"]
        if body.get("withdraw"):
            withdraw_rates(batch, [str(body["withdraw"])])
            continue
        stated = [
            {
                "id": rate_key(body["company_id"], line["base"], line["quote"], line["on"]),
                "company_id": body["company_id"],
                "base": line["base"],
                "quote": line["quote"],
                "rate": line["rate"],
                "rate_on": date.fromisoformat(line["on"]),
                "until_on": date.fromisoformat(line["until"]) if line.get("until") else None,
                "source": line.get("source") or body["source"],
                "rank": STATED_RANK,
                "seq": row["seq"],
                "is_active": True,
            }
            for line in body["rates"]
        ]
        put_rates(batch, stated)


def put_rates(batch: Batch, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store rates by id; decisions that use or wait for one of their currencies are made again."""
    if not rows:
        return
    by_id = {row["id"]: dict(row) for row in rows}  # the last statement of an id counts
    _touch(batch, _codes_of(batch, by_id) | {(row["company_id"], row["base"], row["quote"]) for row in by_id.values()})
    for part in chunks([by_id[key] for key in sorted(by_id)]):
        upsert(batch.conn, rates, list(part))
    batch.count("rates", len(by_id))


def withdraw_rates(batch: Batch, ids: Iterable[str]) -> None:
    """These rates no longer count."""
    wanted = sorted(set(ids))
    for part in chunks(wanted):
        _touch(batch, _codes_of(batch, part))
        batch.conn.execute(update(rates).where(among(rates.c.id, part)).values(is_active=False))


def _codes_of(batch: Batch, ids: Iterable[str]) -> set[tuple[str, str, str]]:
    r = rates.c
    found: set[tuple[str, str, str]] = set()
    for part in chunks(sorted(ids)):
        rows = batch.conn.execute(select(r.company_id, r.base, r.quote).where(among(r.id, part), r.is_active.is_(True)))
        found.update((row.company_id, row.base, row.quote) for row in rows)
    return found


def _touch(batch: Batch, pairs: set[tuple[str, str, str]]) -> None:
    n = rate_needs.c
    for company in sorted({company for company, _, _ in pairs}):
        codes = {code for owner, base, quote in pairs if owner == company for code in (base, quote)}
        # Everybody is judged in the home currency, so that a need of it says nothing about who waits for a rate.
        home = {batch.config.companies[company].functional_currency} if company else set()
        statement = select(n.subject).where(n.currency.in_(sorted(codes - home)))
        if company:
            statement = statement.where(n.company_id == company)
        batch.touch("customer", batch.conn.execute(statement).scalars())
