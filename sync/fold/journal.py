"""Writing the journal: entries, postings, running balances and one hash link per commit (D12)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select

from tieout.core.dates import iso_utc
from tieout.core.exact_json import canonical
from tieout.ledger.chain import GENESIS, link
from tieout.ledger.entries import Entry, Posting, check
from tieout.store.among import among_given
from tieout.store.bulk import add_rows, insert_rows, update_rows
from tieout.store.session import lock_rows
from tieout.store.tables import balances, commits, entries, meta, postings

if TYPE_CHECKING:
    from sync.fold.batch import BatchIds

HEAD = "chain_head"
_HEAD = select(meta.c.value).where(meta.c.key == HEAD)
_LOCKED_HEAD = _HEAD.with_for_update()


class Journal:
    """Collects the entries of one transaction; `flush` locks the chain head, takes the next seq and links it."""

    def __init__(self, conn: Connection, ids: BatchIds, now: datetime) -> None:
        self._conn, self._ids, self._now = conn, ids, now
        self._entries: list[dict[str, Any]] = []
        self._postings: list[dict[str, Any]] = []

    def add(self, entry: Entry, *, source_seq: int | None, reason: str, allocation_id: str | None = None) -> str:
        """Add a checked entry; answers its id."""
        check(entry)
        entry_id = self._ids.new("je")
        self._entries.append(
            {
                "id": entry_id,
                "position": len(self._entries) + 1,
                "company_id": entry.company_id,
                "kind": entry.kind,
                "origin": entry.origin,
                "effective_on": entry.effective_on,
                "recorded_at": self._now,
                "document_id": entry.document_id or None,
                "allocation_id": allocation_id,
                "reverses_id": entry.reverses or None,
                "source_seq": source_seq,
                "reason": reason,
            }
        )
        self._postings.extend(
            {
                "entry_id": entry_id,
                "line": number,
                "code": row.code,
                "account_id": row.account_id,
                "currency": row.currency,
                "amount_minor": row.amount_minor,
                "document_id": row.document_id or None,
                "line_id": row.line_id or None,
            }
            for number, row in enumerate(entry.postings, 1)
        )
        return entry_id

    def flush(self) -> int | None:
        """Write everything under the next commit number; None when there is nothing."""
        if not self._entries:
            return None
        conn = self._conn
        value = conn.execute(_LOCKED_HEAD if lock_rows(conn) else _HEAD).scalar()
        if value is None:
            conn.execute(insert(meta).values(key=HEAD, value=f"0:{GENESIS}"))
            value = f"0:{GENESIS}"
        last, _, prev_hash = value.partition(":")
        seq = int(last) + 1
        for entry in self._entries:
            entry["seq"] = seq
        body = body_hash(self._entries, self._postings)
        record = commit_record(self._now, len(self._entries), body)
        made = link(prev_hash, record)
        insert_rows(conn, entries, self._entries)
        insert_rows(conn, postings, self._postings)
        self._add_balances()
        link_row = {
            "seq": seq,
            "at": self._now,
            "entries": len(self._entries),
            "body_hash": body,
            "prev_hash": prev_hash,
            "hash": made,
        }
        insert_rows(conn, commits, [link_row])
        update_rows(conn, meta, ("key",), [{"key": HEAD, "value": f"{seq}:{made}"}])
        return seq

    def _add_balances(self) -> None:
        sums: dict[tuple[str, str, str], int] = {}
        for row in self._postings:
            key = (row["account_id"], row["code"], row["currency"])
            sums[key] = sums.get(key, 0) + row["amount_minor"]
        rows = [
            {"account_id": account, "code": code, "currency": currency, "amount_minor": amount}
            for (account, code, currency), amount in sorted(sums.items())
            if amount
        ]
        if not rows:
            return
        add_rows(self._conn, balances, rows, "amount_minor")


def commit_record(at: datetime, count: int, body: str) -> dict[str, Any]:
    """What the hash chain covers of one commit."""
    return {"at": iso_utc(at), "entries": count, "body": body}


def body_hash(entry_rows: Iterable[Mapping[Any, Any]], posting_rows: Iterable[Mapping[Any, Any]]) -> str:
    """Hex sha256 over all entries and postings of a commit, in their order."""
    made = hashlib.sha256()
    for row in entry_rows:
        made.update(
            canonical(
                [
                    row["id"],
                    row["company_id"],
                    row["kind"],
                    row["origin"],
                    row["effective_on"],
                    row["document_id"],
                    row["allocation_id"],
                    row["reverses_id"],
                    row["source_seq"],
                    row["reason"],
                ]
            )
        )
    for row in posting_rows:
        made.update(
            canonical(
                [
                    row["entry_id"],
                    row["line"],
                    row["code"],
                    row["account_id"],
                    row["currency"],
                    row["amount_minor"],
                    row["document_id"],
                    row["line_id"],
                ]
            )
        )
    return made.hexdigest()


_ENTRIES = select(entries).where(among_given(entries.c.id, "ids"))
_POSTINGS = (
    select(postings).where(among_given(postings.c.entry_id, "ids")).order_by(postings.c.entry_id, postings.c.line)
)


def load_entries(conn: Connection, ids: Sequence[str]) -> dict[str, Entry]:
    """Stored entries with their postings, as the pure rules know them."""
    of = {"ids": list(dict.fromkeys(ids))}
    if not of["ids"]:
        return {}
    heads = conn.execute(_ENTRIES, of).all()
    rows: dict[str, list[Posting]] = {}
    for row in conn.execute(_POSTINGS, of).all():
        posting = Posting(
            row.code, row.account_id, row.currency, row.amount_minor, row.document_id or "", row.line_id or ""
        )
        rows.setdefault(row.entry_id, []).append(posting)
    return {
        head.id: Entry(
            kind=head.kind,
            origin=head.origin,
            company_id=head.company_id,
            effective_on=head.effective_on,
            document_id=head.document_id or "",
            postings=tuple(rows[head.id]),
            reverses=head.reverses_id or "",
        )
        for head in heads
    }


def reversal_on(standing: date, discovered: date) -> date:
    """A void or undone item is taken back on the day it was discovered, never before it took effect."""
    return max(standing, discovered)
