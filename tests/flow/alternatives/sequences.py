"""0012: commit numbers from a database sequence, taken before the commit, instead of from the locked chain head."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, text

from sync.fold.batch import BatchIds
from sync.fold.journal import Journal, body_hash, commit_record
from tests.flow.alternatives.place import Size, database
from tieout.canonical.documents import DocumentCandidate, Installment
from tieout.ledger import chart
from tieout.ledger.chain import GENESIS, link
from tieout.ledger.entries import post_document
from tieout.store.bulk import insert_rows
from tieout.store.migrate import migrate
from tieout.store.session import make_engine, reading, unit
from tieout.store.tables import commits, entries, postings

NOW, TODAY = datetime(2026, 11, 24, 2, 0, tzinfo=UTC), date(2026, 11, 24)
ROUNDS = 20
MakeJournal = Callable[[Connection, BatchIds, datetime], Journal]


@dataclass(frozen=True, slots=True)
class Found:
    """Reports of receivables as known at the highest commit, and those that said something else when asked again."""

    reports: int
    by_head: int
    by_sequence: int

    def __str__(self) -> str:
        return (
            f"of {self.reports} reports as known at the newest commit while another transaction was open, changed when "
            f"asked again: {self.by_head} with numbers from the locked chain head, {self.by_sequence} from a sequence"
        )


class SequenceJournal(Journal):
    """The same journal, numbered by a sequence of the database; nobody waits for anybody."""

    def flush(self) -> int | None:
        seq = int(self._conn.execute(text("SELECT nextval('commit_numbers')")).scalar_one())
        for entry in self._entries:
            entry["seq"] = seq
        body = body_hash(self._entries, self._postings)
        made = link(GENESIS, commit_record(self._now, len(self._entries), body))
        insert_rows(self._conn, entries, self._entries)
        insert_rows(self._conn, postings, self._postings)
        row = {"seq": seq, "at": self._now, "entries": len(self._entries), "body_hash": body}
        self._conn.execute(insert(commits).values(**row, prev_hash=GENESIS, hash=made))
        return seq


def run(size: Size, server: str) -> Found:
    return Found(ROUNDS, _changed(server, Journal), _changed(server, SequenceJournal))


def _changed(server: str, make: MakeJournal) -> int:
    with database(server) as url:
        engine = make_engine(url)
        try:
            migrate(engine)
            with unit(engine, "admin.commit") as conn:
                conn.execute(text("CREATE SEQUENCE commit_numbers"))
            _post(engine, make, 0)
            return sum(_is_changed(engine, make, turn) for turn in range(ROUNDS))
        finally:
            engine.dispose()


def _is_changed(engine: Engine, make: MakeJournal, turn: int) -> bool:
    """A slow transaction has its number, a quick one comes and commits if it can; the report after that, and later."""
    quick = threading.Thread(target=_post, args=(engine, make, 2 * turn + 2))
    with unit(engine, "apply.commit") as conn:
        _add(conn, make, 2 * turn + 1)
        quick.start()
        _until_done_or_blocked(engine, quick)
        point, said = _report(engine)
    quick.join()
    return _report(engine, point)[1] != said


def _until_done_or_blocked(engine: Engine, quick: threading.Thread) -> None:
    """Until the transaction of the thread has committed, or waits for a lock that another one holds."""
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    for _ in range(3000):
        quick.join(timeout=0.01)
        with engine.connect() as conn:
            if not quick.is_alive() or conn.execute(waits).scalar_one():
                return
    raise AssertionError("the other transaction neither ended nor waited")


def _post(engine: Engine, make: MakeJournal, number: int) -> None:
    with unit(engine, "apply.commit") as conn:
        _add(conn, make, number)


def _add(conn: Connection, make: MakeJournal, number: int) -> None:
    journal = make(conn, BatchIds(number), NOW)
    key = f"inv_{number}"
    doc = DocumentCandidate(key, "invoice", key, "C1", "", "CNY", 10_000, TODAY, "posted", TODAY,
                            (Installment("1", TODAY, 10_000),))  # fmt: skip
    entry = post_document(key, "cn", "acc_1", doc)
    assert entry is not None
    journal.add(entry, source_seq=None, reason="document")
    journal.flush()


def _report(engine: Engine, known_at: int | None = None) -> tuple[int, Any]:
    """Receivables as known at a commit number, by default the highest; the number and the sum."""
    with reading(engine) as conn:
        point = known_at if known_at is not None else int(conn.execute(select(func.max(commits.c.seq))).scalar() or 0)
        total = (
            select(func.sum(postings.c.amount_minor))
            .join(entries, entries.c.id == postings.c.entry_id)
            .where(entries.c.seq <= point, postings.c.code == chart.AR)
        )
        return point, conn.execute(total).scalar()
