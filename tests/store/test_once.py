"""What is made once: twice the same key makes one thing, whoever comes first, on both engines and at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from tieout.core import faults
from tieout.core.errors import StaleWrite
from tieout.store import once
from tieout.store.inputs import append_input
from tieout.store.once import Once
from tieout.store.session import reading
from tieout.store.tables import inputs, made_once

NOW = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
KEY = Once.of("user:mei", "/customers/cus_1/pause", "k1", b"reason=x")


@pytest.fixture(autouse=True)
def _without_faults() -> Iterator[None]:
    yield
    faults.set_hook(None)


def count(engine: Engine, table: Any = inputs) -> int:
    with reading(engine) as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


@once.repeatable
def write(engine: Engine, key: Once | None, name: str = "a", *, at: datetime = NOW) -> dict[str, Any]:
    with once.making(engine, "answer.commit", key, at) as made:
        seq = append_input(made.conn, "case", NOW, {"name": name})
        return made.kept({"seq": seq, "name": name})


def test_the_second_is_answered_as_the_first_and_writes_nothing(engine: Engine) -> None:
    first = write(engine, KEY)
    assert write(engine, KEY, "b") == first
    assert count(engine) == 1
    assert write(engine, None) != write(engine, None)
    assert count(engine) == 3


def test_another_person_place_or_key_is_another_thing(engine: Engine) -> None:
    others = [
        Once.of("user:lee", "/customers/cus_1/pause", "k1", b"reason=x"),
        Once.of("user:mei", "/customers/cus_2/pause", "k1", b"reason=x"),
        Once.of("user:mei", "/customers/cus_1/pause", "k2", b"reason=x"),
        KEY,
    ]
    for one in others:
        write(engine, one)
    assert count(engine) == len(others)


def test_a_key_with_something_else_in_it_is_refused(engine: Engine) -> None:
    write(engine, KEY)
    with pytest.raises(StaleWrite) as refused:
        write(engine, Once(KEY.key, "another"))
    assert refused.value.code == "key_used"
    assert count(engine) == 1


@pytest.mark.parametrize("point", ["before:answer.commit", "after:answer.commit"])
def test_what_fails_leaves_the_key_free_and_what_was_written_keeps_it(engine: Engine, point: str) -> None:
    def fail(name: str) -> None:
        if name == point:
            raise OSError("gone")

    faults.set_hook(fail)
    with pytest.raises(OSError):
        write(engine, KEY)
    faults.set_hook(None)
    was_written = point.startswith("after:")
    assert count(engine) == was_written
    assert write(engine, KEY, "b")["name"] == ("a" if was_written else "b")
    assert count(engine) == 1


def test_many_at_the_same_time_make_one(engine: Engine) -> None:
    many, arrived = 6, threading.Barrier(6, timeout=60)

    def go(number: int) -> dict[str, Any]:
        arrived.wait()
        return write(engine, KEY, str(number))

    with ThreadPoolExecutor(many) as pool:
        answers = list(pool.map(go, range(many)))
    assert count(engine) == 1
    assert len({answer["name"] for answer in answers}) == 1


def test_who_comes_while_the_first_still_writes_waits_for_it(engine: Engine) -> None:
    inside, second_began = threading.Event(), threading.Event()

    def slow() -> dict[str, Any]:
        with once.making(engine, "answer.commit", KEY, NOW) as made:
            inside.set()
            assert second_began.wait(60)
            seq = append_input(made.conn, "case", NOW, {"name": "first"})
            return made.kept({"seq": seq, "name": "first"})

    def second() -> dict[str, Any]:
        assert inside.wait(60)
        second_began.set()
        return write(engine, KEY, "second")

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(slow), pool.submit(second)
        assert one.result() == two.result()
    assert count(engine) == 1


def test_keys_are_forgotten_after_a_while(engine: Engine) -> None:
    write(engine, KEY, at=NOW - timedelta(days=8))
    write(engine, Once.of("user:mei", "/x", "k", b""))
    assert once.forget(engine, before=NOW - once.KEPT) == 1
    assert count(engine, made_once) == 1
    write(engine, KEY, "again")
    assert count(engine) == 3
