"""The vendor's limits hold across processes, a share is kept for the fast lane, and counting is cheap."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, func, select

from tieout.core.clock import Clock, ManualClock, SystemClock
from tieout.core.errors import RateLimited
from tieout.core.ids import SeededIds
from tieout.store import connections as connection_store
from tieout.store.budgets import BudgetLimits, SqlBudget
from tieout.store.tables import budgets, connections

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def budget(engine: Engine, clock: Clock, limits: BudgetLimits, seed: int = 1) -> SqlBudget:
    connection_store.ensure(engine, {"zoho": "zoho_crm"})
    return SqlBudget(engine, "zoho", clock, SeededIds(seed), limits)


def spend_all(mine: SqlBudget, lane: str, cost: int = 1) -> int:
    spent = 0
    while True:
        try:
            mine.spend(cost, lane=lane)
        except RateLimited:
            return spent
        spent += cost


def test_bulk_leaves_a_share_for_fast_and_nobody_passes_the_limit(engine: Engine) -> None:
    clock = ManualClock(NOW)
    limits = BudgetLimits(window_cost=1000, max_wait_seconds=0)
    one, two = budget(engine, clock, limits, 1), budget(engine, clock, limits, 2)
    spent = spend_all(one, "bulk") + spend_all(two, "bulk")
    assert 750 <= spent <= 800
    spent += spend_all(one, "fast") + spend_all(two, "fast")
    assert spent <= 1000
    one.close()
    two.close()
    assert spent + spend_all(budget(engine, clock, limits, 3), "fast") == 1000


def test_the_window_rolls(engine: Engine) -> None:
    clock = ManualClock(NOW)
    limits = BudgetLimits(window_seconds=60, window_cost=10, fast_share=0, max_wait_seconds=0)
    times: list[datetime] = []
    told: list[tuple[datetime, datetime | None]] = []
    mine = budget(engine, clock, limits)
    for _ in range(400):
        try:
            mine.spend(1, lane="bulk")
            times.append(clock.now())
        except RateLimited as error:
            told.append((clock.now(), error.retry_at))
        clock.advance(1)
    assert len(times) > 40
    assert all(retry_at is not None and retry_at > at for at, retry_at in told)
    for at in times:  # in every 60 s, however they are cut
        assert sum(1 for other in times if at <= other < at + timedelta(seconds=60)) <= 10


def test_a_calendar_day_has_a_limit_beside_the_window(engine: Engine) -> None:
    clock = ManualClock(NOW)  # 16:00 in Shanghai
    limits = BudgetLimits(20, 500, fast_share=0, max_wait_seconds=0, day_cost=30, day_zone="Asia/Shanghai")
    mine = budget(engine, clock, limits)
    mine.spend(1, lane="bulk")
    mine.close()  # what was reserved and not used is given back to the day as well
    other = budget(engine, clock, limits, 2)
    assert spend_all(other, "bulk") == 29
    with pytest.raises(RateLimited) as told:
        budget(engine, clock, limits, 3).spend(1, lane="fast")
    assert told.value.retry_at == datetime(2026, 11, 24, 16, tzinfo=UTC)
    clock.advance(8 * 3600)
    assert spend_all(budget(engine, clock, limits, 4), "bulk") == 30


def test_a_short_wait_is_waited_out(engine: Engine) -> None:
    clock = ManualClock(NOW)
    limits = BudgetLimits(window_seconds=10, window_cost=5, fast_share=0, max_wait_seconds=20)
    mine = budget(engine, clock, limits)
    for _ in range(12):
        mine.spend(1, lane="bulk")
    assert clock.now() > NOW


def test_counting_costs_a_small_part_of_a_write_per_call(engine: Engine) -> None:
    clock = ManualClock(NOW)
    mine = budget(engine, clock, BudgetLimits(window_cost=50_000, concurrency=10, heavy_concurrency=5))
    commits: list[int] = []
    event.listen(engine, "commit", lambda conn: commits.append(1))
    for _ in range(200):
        mine.spend(1, lane="bulk")
        with mine.call(lane="bulk"):
            mine.record(1, 1)
            clock.advance(0.05)
    mine.close()
    assert len(commits) < 30
    with engine.connect() as conn:
        assert conn.execute(select(connections.c.calls, connections.c.credits)).one() == (200, 200)
        assert conn.execute(select(func.sum(budgets.c.used))).scalar_one() == 200  # unused room was given back


def test_slots_bound_the_calls_at_a_time_across_budgets(engine: Engine) -> None:
    clock = SystemClock()
    limits = BudgetLimits(concurrency=3, heavy_concurrency=1, fast_share=0, max_wait_seconds=30)
    now = high = heavy_now = heavy_high = 0
    lock, full = threading.Lock(), threading.Event()

    def work(number: int) -> None:
        nonlocal now, high, heavy_now, heavy_high
        heavy = number % 2 == 0
        mine = budget(engine, clock, limits, number + 10)
        with mine.call(lane="bulk", heavy=heavy):
            with lock:
                now += 1
                heavy_now += heavy
                high, heavy_high = max(high, now), max(heavy_high, heavy_now)
                if now == 3:
                    full.set()
            full.wait(25)  # nobody leaves before all three slots are taken, however slow this machine is
            clock.sleep(0.05)
            with lock:
                now -= 1
                heavy_now -= heavy
        mine.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert high == 3
    assert heavy_high == 1


def test_slots_of_a_dead_process_lapse_and_fast_keeps_one(engine: Engine) -> None:
    clock = ManualClock(NOW)
    limits = BudgetLimits(concurrency=5, fast_share=0.2, max_wait_seconds=0, slot_seconds=90)
    for number in range(4):
        with budget(engine, clock, limits, number).call(lane="bulk"):
            pass  # never closed: as if killed
    late = budget(engine, clock, limits, 9)
    with pytest.raises(RateLimited), late.call(lane="bulk"):
        pass
    with late.call(lane="fast"):
        pass
    clock.advance(91)
    with budget(engine, clock, limits, 11).call(lane="bulk"):
        pass


def test_a_refusal_by_the_remote_stops_everybody_for_a_while(engine: Engine) -> None:
    clock = ManualClock(NOW)
    limits = BudgetLimits(window_cost=1000, max_wait_seconds=0)
    one, two = budget(engine, clock, limits, 1), budget(engine, clock, limits, 2)
    one.refused(NOW + timedelta(seconds=60))
    for mine in (one, two):
        with pytest.raises(RateLimited) as told:
            mine.spend(1, lane="fast")
        assert told.value.retry_at == NOW + timedelta(seconds=60)
    clock.advance(61)
    one.spend(1, lane="bulk")
    two.spend(1, lane="bulk")
    one.refused(None)
    row = connection_store.load(engine, "zoho")
    assert timedelta(0) < row["backoff_until_at"] - clock.now() < timedelta(seconds=6)
