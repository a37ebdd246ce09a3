"""One batch of work inside one transaction: its mark in the input log, its ids, its dates, what it made dirty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert

from sync.fold.journal import Journal
from tieout.core.config import Config
from tieout.core.dates import business_on
from tieout.ledger.openings import is_before
from tieout.store.bulk import insert_new
from tieout.store.queries import answer_rules, openings
from tieout.store.tables import dirty, inputs

_MARK = insert(inputs).values(kind="mark", is_deleted=False, is_current=False).returning(inputs.c.seq)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]  # two digits of base 32 at once


def _encode(number: int, length: int) -> str:
    out = ""
    for _ in range((length + 1) // 2):
        out = _PAIRS[number & 1023] + out
        number >>= 10
    return out[-length:]


class BatchIds:
    """Sortable ids made from the batch's place in the input log: folding the log again gives the same ids."""

    def __init__(self, mark_seq: int) -> None:
        self._head = _encode(mark_seq, 9)
        self._count = 0

    def new(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}_{self._head}{_encode(self._count, 5)}"


@dataclass(frozen=True, slots=True)
class Start:
    """Where the books of a connection begin; `seq` is the opening it follows from, None while documents are held."""

    on: date
    seq: int | None

    def covers(self, day: date) -> bool:
        """True for what lies before the beginning."""
        return is_before(self.on, day)


@dataclass
class Batch:
    """What every folding and settling step is handed."""

    conn: Connection
    config: Config
    profiles: Mapping[str, Mapping[str, Any]]  # connection -> stream -> profile
    mark_seq: int
    now: datetime
    on: Mapping[str, date]  # business date per company
    ids: BatchIds
    journal: Journal
    fresh: frozenset[str] = frozenset()  # companies whose book of record was read lately
    holds: Mapping[str, date] = field(default_factory=dict)  # books whose documents before that day wait without entry
    # By member: its keys with their first holders, where folding has just read them.
    blocks: dict[str, Mapping[tuple[str, str], Sequence[str]]] = field(default_factory=dict)
    _starts: dict[str, Start] | None = None
    _rules: Mapping[answer_rules.Shape, Mapping[Any, Any]] | None = None
    _dirty: set[tuple[str, str]] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)

    def touch(self, kind: str, keys: Iterable[str]) -> None:
        """Mark for the settle phase: account, party, allocation, claim, document, deal, customer, push.

        Accounts are settled before the CRM records that may be linked to them.
        """
        self._dirty.update(("account" if kind == "party" and key.startswith("acc_") else kind, key) for key in keys)

    @property
    def starts(self) -> Mapping[str, Start]:
        """Where the books of each connection begin; empty where none has a beginning."""
        if self._starts is None:
            self._starts = {
                name: Start(row["start_on"], row["seq"])
                for name, row in openings.current(self.conn).items()
                if row["start_on"] is not None
            }
            self._starts.update((name, Start(on, None)) for name, on in self.holds.items())
        return self._starts

    @property
    def rules(self) -> Mapping[answer_rules.Shape, Mapping[Any, Any]]:
        """What people answered once for all conflicts of a shape."""
        if self._rules is None:
            self._rules = answer_rules.standing(self.conn)
        return self._rules

    def forget_rules(self) -> None:
        """Rules have just been made or ended."""
        self._rules = None

    def is_fresh(self, company: str) -> bool:
        return company in self.fresh

    def count(self, name: str, by: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + by

    def flush(self) -> None:
        """Write the journal with its chain link and what became dirty; the last statements of the transaction."""
        rows = [{"kind": kind, "key": key} for kind, key in sorted(self._dirty)]
        insert_new(self.conn, dirty, rows)
        self.journal.flush()


def open_batch(
    conn: Connection,
    config: Config,
    profiles: Mapping[str, Mapping[str, Any]],
    *,
    body: dict[str, Any],
    now: datetime,
    on: Mapping[str, date] | None = None,
    mark_seq: int | None = None,
) -> Batch:
    """Begin a batch: its mark is written first, so that its ids follow from its place in the log.

    A replay hands in the recorded `mark_seq`, `now` and dates instead of making new ones.
    """
    dates = dict(on) if on is not None else business_dates(config, now)
    if mark_seq is None:
        stored = {**body, "on": {company: day.isoformat() for company, day in dates.items()}}
        mark_seq = int(conn.execute(_MARK, {"at": now, "body": stored}).scalar_one())
    ids = BatchIds(mark_seq)
    fresh = frozenset(body.get("fresh") or ())
    holds = {name: date.fromisoformat(day) for name, day in (body.get("holds") or {}).items()}
    return Batch(conn, config, profiles, mark_seq, now, dates, ids, Journal(conn, ids, now), fresh, holds)


def business_dates(config: Config, now: datetime) -> dict[str, date]:
    """Today in each company's business time zone."""
    return {name: business_on(now, company.timezone) for name, company in config.companies.items()}
