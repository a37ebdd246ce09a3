"""Landing: which version of a record becomes current, and what has to be asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, select

from tieout.core.ports import SourceRow
from tieout.core.versions import SourceVersion
from tieout.store.landing import LandCounts, land, records_needing_fetch
from tieout.store.session import reading, unit
from tieout.store.tables import source_records

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def seen(engine: Engine, value: str, *, stamp: int, began: int, fetched_by_id: bool = False) -> LandCounts:
    """One sight of the record, by the second of its stamp and the second in which the read began."""
    version = SourceVersion(NOW + timedelta(seconds=stamp), None, NOW + timedelta(seconds=began))
    row = SourceRow("1", version, b'{"id": "1", "value": "%s"}' % value.encode(), value)
    with unit(engine, "landing.commit") as conn:
        return land(
            conn, connection="zoho", stream="invoices", module="Invoices", rows=[row], run_id=None, now=NOW,
            fetched_by_id=fetched_by_id,
        )  # fmt: skip


def standing(engine: Engine) -> tuple[str, list[str]]:
    """What is current, and what is to be fetched."""
    with reading(engine) as conn:
        held = conn.execute(select(source_records.c.source_hash)).scalar_one()
        return held, records_needing_fetch(conn, "zoho", "invoices")


def test_a_late_page_does_not_answer_the_doubt_of_two_versions_with_one_stamp(engine: Engine) -> None:
    seen(engine, "second", stamp=3, began=4)
    assert seen(engine, "third", stamp=3, began=5).refetch == 1
    assert standing(engine) == ("second", ["1"])
    assert seen(engine, "second", stamp=3, began=2).unchanged == 1  # a page from before the third was written
    assert standing(engine) == ("second", ["1"])
    assert seen(engine, "third", stamp=3, began=6, fetched_by_id=True).new == 1
    assert standing(engine) == ("third", [])


def test_a_record_asked_for_that_shows_what_is_current_settles_the_doubt(engine: Engine) -> None:
    seen(engine, "second", stamp=3, began=4)
    seen(engine, "first", stamp=3, began=5)
    assert standing(engine) == ("second", ["1"])
    assert seen(engine, "second", stamp=3, began=6, fetched_by_id=True).unchanged == 1
    assert standing(engine) == ("second", [])


def test_a_newer_stamp_ends_the_doubt(engine: Engine) -> None:
    seen(engine, "second", stamp=3, began=4)
    seen(engine, "third", stamp=3, began=5)
    assert seen(engine, "fourth", stamp=4, began=6).new == 1
    assert standing(engine) == ("fourth", [])


def test_what_waits_to_be_fetched_is_found_without_looking_through_all_records(engine: Engine) -> None:
    is_sqlite = engine.dialect.name == "sqlite"
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    for before in (None, datetime(2026, 1, 1, tzinfo=UTC)):
        with reading(engine) as conn:
            if not is_sqlite:  # a table without rows is always read through
                conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
            records_needing_fetch(conn, "books", "invoices", before=before)
            statement, values = asked[-1]
            plan = conn.exec_driver_sql(("EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN ") + statement, values).all()
        assert "ix_source_records_fetch" in str(plan), plan
