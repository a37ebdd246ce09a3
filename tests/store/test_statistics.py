"""PostgreSQL is told how full its tables are when they have grown, and not again until they have doubled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from tests.postgres import Pool
from tieout.store import statistics
from tieout.store.session import make_engine, reading, unit
from tieout.store.statistics import Statistics, refresh
from tieout.store.tables import dirty
from tieout.store.upsert import upsert


@pytest.fixture
def engine(postgres_pool: Pool) -> Iterator[Engine]:
    with postgres_pool.blank() as url:
        from tieout.store.migrate import migrate

        made = make_engine(url)
        migrate(made)
        yield made
        made.dispose()


def _fill(engine: Engine, start: int, rows: int) -> None:
    with unit(engine, "settle.commit") as conn:
        upsert(conn, dirty, [{"kind": "push", "key": f"{number:0200d}"} for number in range(start, start + rows)])


def _known(engine: Engine) -> int:
    with reading(engine) as conn:
        return int(conn.execute(text("SELECT reltuples FROM pg_class WHERE relname = 'dirty'")).scalar_one())


def test_a_table_is_looked_at_when_it_has_doubled(engine: Engine) -> None:
    refresh(engine)
    assert _known(engine) <= 0
    _fill(engine, 0, 1_000)
    assert refresh(engine) == ["dirty"]
    assert _known(engine) == 1_000
    _fill(engine, 1_000, 900)
    assert refresh(engine) == []
    _fill(engine, 1_900, 200)
    assert refresh(engine) == ["dirty"]
    assert _known(engine) == 2_100


def test_it_is_looked_at_now_and_then(engine: Engine) -> None:
    counted = Statistics(engine)
    counted.after(1)  # at once: another process may have filled the tables
    _fill(engine, 0, 1_000)
    counted.after(statistics.EVERY - 2)
    assert _known(engine) <= 0
    counted.after(2)
    assert _known(engine) == 1_000


def test_sqlite_needs_none() -> None:
    Statistics(make_engine("sqlite://")).after(10**9)
