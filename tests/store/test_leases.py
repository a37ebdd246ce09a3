"""Leases change hands only when free or run out, and a lost one can write nothing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from tieout.core.clock import ManualClock, SystemClock
from tieout.core.errors import StaleWrite
from tieout.store import doorbells, leases
from tieout.store.session import unit

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def test_a_held_lease_is_refused_and_a_spent_one_changes_hands_with_a_higher_fence(engine: Engine) -> None:
    clock = ManualClock(NOW)
    first = leases.acquire(engine, "apply", "a", ttl_seconds=10, clock=clock)
    assert first is not None
    assert leases.acquire(engine, "apply", "b", ttl_seconds=10, clock=clock) is None
    assert leases.acquire(engine, "apply", "a", ttl_seconds=10, clock=clock) is None
    clock.advance(10)
    second = leases.acquire(engine, "apply", "b", ttl_seconds=10, clock=clock)
    assert second is not None
    assert second.fence == first.fence + 1
    with pytest.raises(StaleWrite):
        leases.renew(engine, first, ttl_seconds=10, clock=clock)
    leases.release(engine, first)  # the late owner gives nothing away
    assert leases.acquire(engine, "apply", "c", ttl_seconds=10, clock=clock) is None


def test_renewal_keeps_the_lease_and_release_frees_it_at_once(engine: Engine) -> None:
    clock = ManualClock(NOW)
    lease = leases.acquire(engine, "pull_zoho", "a", ttl_seconds=10, clock=clock)
    assert lease is not None
    clock.advance(9)
    lease = leases.renew(engine, lease, ttl_seconds=10, clock=clock)
    clock.advance(9)
    assert leases.acquire(engine, "pull_zoho", "b", ttl_seconds=10, clock=clock) is None
    leases.release(engine, lease)
    with leases.held(engine, "pull_zoho", "b", ttl_seconds=10, clock=clock) as taken:
        assert taken is not None
        assert taken.fence == 2
    with leases.held(engine, "pull_zoho", "c", ttl_seconds=10, clock=clock) as taken:
        assert taken is not None


def test_guard_refuses_the_transaction_of_a_lost_lease(engine: Engine) -> None:
    clock = ManualClock(NOW)
    first = leases.acquire(engine, "apply", "a", ttl_seconds=1, clock=clock)
    assert first is not None
    with unit(engine, "apply.commit") as conn:
        leases.guard(conn, first)
    clock.advance(2)
    assert leases.acquire(engine, "apply", "b", ttl_seconds=10, clock=clock) is not None
    with pytest.raises(StaleWrite), unit(engine, "apply.commit") as conn:
        leases.guard(conn, first)


def test_of_many_that_ask_at_once_one_gets_it(engine: Engine) -> None:
    clock = SystemClock()
    won: list[int] = []
    start = threading.Barrier(8)

    def ask(number: int) -> None:
        start.wait()
        if leases.acquire(engine, "token_zoho", f"o{number}", ttl_seconds=60, clock=clock):
            won.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_every_ring_is_a_new_generation(engine: Engine) -> None:
    assert doorbells.generation(engine, "push:zoho") == 0
    assert [doorbells.bump(engine, "push:zoho", NOW) for _ in range(3)] == [1, 2, 3]
    assert doorbells.generation(engine, "push:zoho") == 3
    assert doorbells.generation(engine, "apply") == 0
