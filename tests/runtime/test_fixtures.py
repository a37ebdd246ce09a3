"""The fixtures give what they promise: otherwise every engine test would be worth nothing."""

from __future__ import annotations

import redis
from sqlalchemy import create_engine, inspect


def test_a_blank_database_is_blank_and_of_its_engine(blank_url: str) -> None:
    engine = create_engine(blank_url)
    assert inspect(engine).get_table_names() == []
    assert blank_url.startswith(engine.dialect.name)
    engine.dispose()


def test_a_fresh_database_has_the_tables_and_no_rows(engine_url: str) -> None:
    from tieout.store.tables import metadata

    engine = create_engine(engine_url)
    assert set(inspect(engine).get_table_names()) >= set(metadata.tables)
    engine.dispose()


def test_the_queue_database_is_empty(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    assert client.dbsize() == 0
    client.set("left", "over")
    client.close()


def test_and_it_is_empty_again(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    assert client.dbsize() == 0
    client.close()
