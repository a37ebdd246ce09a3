"""Pages, fetches and receipts of one record at the same time: the newest stands, and a hand edit is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select

from tieout.core.ports import SourceRow
from tieout.core.versions import SourceVersion
from tieout.store import landing, receipts
from tieout.store.landing import LandCounts, land
from tieout.store.session import reading, unit
from tieout.store.tables import dirty, inputs, remote_seen, source_records

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
MARK = "zoho/invoices/1"
HEAD_START_SECONDS = 0.4  # how long the other one may try to get ahead while this one is in the middle


def landed(engine: Engine, value: str, *, at: int, status: str = "") -> LandCounts:
    with unit(engine, "landing.commit") as conn:
        return _land(conn, value, at=at, status=status)


def _land(conn: Any, value: str, *, at: int, status: str) -> LandCounts:
    own = {"AR_Payment_Status": status} if status else {}
    version = SourceVersion(NOW + timedelta(seconds=at), None, NOW + timedelta(seconds=at + 1))
    row = SourceRow("1", version, b'{"id": "1", "value": "%s"}' % value.encode(), value, own=own)
    return land(
        conn, connection="zoho", stream="invoices", module="Invoices", rows=[row], run_id=None, now=NOW,
        fetched_by_id=True,
    )  # fmt: skip


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Another process at work: it gets a head start, and has ended when the block is left."""
    with ThreadPoolExecutor(1) as other:
        doing = other.submit(work)
        wait([doing], HEAD_START_SECONDS)
        yield
        doing.result(30)


def test_of_two_that_land_a_record_at_once_the_newer_stands(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    landed(engine, "first", at=1)
    real, others = landing._write_versions, []

    def slow(*args: Any, **more: Any) -> None:
        if not others:
            others.append(meanwhile(lambda: landed(engine, "third", at=30)))
            others[0].__enter__()
        real(*args, **more)

    monkeypatch.setattr(landing, "_write_versions", slow)
    landed(engine, "second", at=20)
    others[0].__exit__(None, None, None)
    with reading(engine) as conn:
        assert conn.execute(select(source_records.c.source_hash)).scalar_one() == "third"
        log = conn.execute(select(inputs.c.source_hash, inputs.c.is_current).order_by(inputs.c.seq)).all()
    assert [tuple(row) for row in log] == [("first", True), ("second", True), ("third", True)]


def test_a_hand_edit_is_seen_though_its_record_is_being_settled(engine: Engine) -> None:
    landed(engine, "same", at=1, status="overdue")  # seen filled for the first time: the mark stands
    was_read: list[str] = []

    def settle() -> None:
        with unit(engine, "settle.commit") as conn:
            if conn.execute(delete(dirty).where(dirty.c.kind == "push")).rowcount:
                was_read.append(conn.execute(select(remote_seen.c.fields)).scalar_one()["AR_Payment_Status"])

    with unit(engine, "landing.commit") as conn:
        assert _land(conn, "same", at=50, status="typed by hand").drifted == 1
        lane = meanwhile(settle)
        lane.__enter__()
    lane.__exit__(None, None, None)
    with reading(engine) as conn:
        still = conn.execute(select(dirty.c.key).where(dirty.c.kind == "push")).scalars().all()
    assert was_read == ["typed by hand"] or list(still) == [MARK], "the mark is gone and the edit was not looked at"


def test_a_mark_that_is_being_taken_is_made_again(engine: Engine) -> None:
    landed(engine, "same", at=1, status="overdue")  # seen filled for the first time: the mark stands
    with unit(engine, "settle.commit") as conn:
        conn.execute(delete(dirty).where(dirty.c.kind == "push"))
        assert conn.execute(select(remote_seen.c.fields)).scalar_one()["AR_Payment_Status"] == "overdue"
        edit = meanwhile(lambda: landed(engine, "same", at=50, status="typed by hand"))
        edit.__enter__()
    edit.__exit__(None, None, None)
    with reading(engine) as conn:
        assert conn.execute(select(dirty.c.key).where(dirty.c.kind == "push")).scalars().all() == [MARK]


def test_a_receipt_does_not_cover_what_was_seen_after_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    landed(engine, "same", at=1, status="open")
    with unit(engine, "settle.commit") as conn:
        assert conn.execute(delete(dirty)).rowcount == 1
    real, others = receipts.upsert, []

    def slow(*args: Any) -> None:
        others.append(meanwhile(lambda: landed(engine, "same", at=80, status="typed again")))
        others[0].__enter__()
        real(*args)

    monkeypatch.setattr(receipts, "upsert", slow)
    with unit(engine, "receipt.commit") as conn:
        landing.hold_records(conn, "zoho")
        receipts._see(
            conn, "zoho", {("Invoices", "1"): ({"AR_Payment_Status": "overdue"}, NOW + timedelta(seconds=70))}, NOW
        )
    others[0].__exit__(None, None, None)
    with reading(engine) as conn:
        assert conn.execute(select(remote_seen.c.fields)).scalar_one() == {"AR_Payment_Status": "typed again"}
        assert conn.execute(select(dirty.c.key)).scalars().all() == [MARK]
