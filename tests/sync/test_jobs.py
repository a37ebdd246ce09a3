"""Rings, jobs and the sweep on a real queue server: one job a drain, nothing lost with Redis, one scheduler leads."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rq import Queue, SimpleWorker
from rq.job import Job
from sqlalchemy import Engine, select, update
from structlog.testing import capture_logs

from sync import jobs, queue, schedules, sweep
from sync.scheduler import Scheduler
from sync.working import Worker
from tests.sync.fakes import NOW, FakeContext, Remote, make_context
from tieout.core.clock import ManualClock, SystemClock
from tieout.core.config import ChangeLimits
from tieout.core.errors import TieoutError
from tieout.store import connections as connection_store
from tieout.store import doorbells
from tieout.store.outbox import Intent, intend
from tieout.store.session import unit
from tieout.store.tables import connections, meta, outbox

SCHEDULE = '[schedules.daily]\nreport = "reconcile"\ncron = "0 7 * * *"\n'


@pytest.fixture
def ctx(engine: Engine, engine_url: str, tmp_path: Path, redis_url: str) -> Iterator[FakeContext]:
    queue.forget_clients()
    made = make_context(engine, engine_url, tmp_path, remote=Remote(), redis=redis_url, clock=SystemClock())
    _quiet(made)
    yield made
    queue.forget_clients()


def _quiet(ctx: FakeContext) -> None:
    """Nothing is due but what a test makes due: no pull, no tick of a new day, no channel."""
    ctx.config = ctx.config.model_copy(update={"public_url": ""})
    with unit(ctx.engine, "run.commit") as conn:
        conn.execute(update(connections).values(next_pull_at=ctx.clock.now() + timedelta(days=400)))
        conn.execute(meta.insert().values(key="ticked_on:cn", value="2999-01-01"))


def want(ctx: FakeContext, count: int) -> None:
    with unit(ctx.engine, "settle.commit") as conn:
        intend(
            conn,
            [Intent("zoho", "Invoices", str(n), {"A": n}, {}, {}, str(n)) for n in range(count)],
            modes={"zoho": "auto"},
            limits={"zoho": ChangeLimits()},
            now=ctx.clock.now(),
            ids=ctx.ids,
        )


def waiting(ctx: FakeContext, name: str = "fast") -> list[str]:
    return list(Queue(name, connection=queue.client(ctx.config.redis_url), serializer="json").job_ids)


def work(ctx: FakeContext, name: str = "fast") -> None:
    """One worker in this process until its queue is empty; jobs open the fake context."""
    client = queue.client(ctx.config.redis_url)
    jobs._opened = (os.getpid(), ctx)
    try:
        worker = Worker([Queue(name, connection=client, serializer="json")], connection=client, serializer="json")
        worker.work(burst=True, logging_level="WARNING")
    finally:
        jobs._opened = None


def done(ctx: FakeContext) -> int:
    with ctx.engine.connect() as conn:
        return len(conn.execute(select(outbox.c.id).where(outbox.c.state == "done")).all())


def test_many_rings_are_one_job_and_every_ring_a_generation(ctx: FakeContext) -> None:
    assert all(queue.ring(ctx, "push:zoho") for _ in range(5))
    assert waiting(ctx) == ["drain-push-zoho"]
    assert doorbells.generation(ctx.engine, "push:zoho") == 5
    assert queue.ring(ctx, "pull:zoho")
    assert waiting(ctx, "bulk") == ["drain-pull-zoho"]
    job = Job.fetch("drain-push-zoho", connection=queue.client(ctx.config.redis_url), serializer="json")
    assert (job.func_name, list(job.args)) == ("sync.jobs.run", ["push:zoho", 0])


def test_a_worker_drains_and_leaves_no_job_behind(ctx: FakeContext) -> None:
    want(ctx, 150)
    queue.ring(ctx, "push:zoho")
    work(ctx)
    assert done(ctx) == 150
    assert waiting(ctx) == []
    assert queue.ring(ctx, "push:zoho")  # the id is free at once
    assert waiting(ctx) == ["drain-push-zoho"]


def test_a_ring_while_the_drain_runs_makes_it_look_once_more(ctx: FakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    slices: list[int] = []

    def step(_: Any, __: str) -> bool:
        slices.append(1)
        if len(slices) == 1:
            queue.ring(ctx, "push:zoho")  # refused as a duplicate: this very job holds the id
        return False

    monkeypatch.setitem(jobs._STEPS, "push", step)
    queue.ring(ctx, "push:zoho")
    work(ctx)
    assert len(slices) == 2
    assert waiting(ctx) == []


def test_a_ring_while_the_job_ends_is_not_lost(ctx: FakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """The drain has looked for the last time, but RQ still holds its id: the ring is refused as a duplicate."""
    slices: list[int] = []
    end = Worker.handle_job_success

    def ending(self: Worker, *args: Any, **kwargs: Any) -> None:
        if len(slices) == 1:
            queue.ring(ctx, "push:zoho")
            assert waiting(ctx) == []
        end(self, *args, **kwargs)

    monkeypatch.setattr(Worker, "handle_job_success", ending)
    monkeypatch.setitem(jobs._STEPS, "push", lambda *_: bool(slices.append(1)))
    queue.ring(ctx, "push:zoho")
    work(ctx)
    assert len(slices) == 2
    assert waiting(ctx) == []


def test_a_drain_that_failed_is_left_to_the_sweep(ctx: FakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rung at once it could fail as fast as it can be run."""
    slices: list[int] = []

    def step(*_: Any) -> bool:
        slices.append(1)
        queue.ring(ctx, "push:zoho")
        raise TieoutError("the vendor is down", code="down")

    monkeypatch.setitem(jobs._STEPS, "push", step)
    queue.ring(ctx, "push:zoho")
    work(ctx)
    assert len(slices) == 1


def test_a_slice_that_has_more_rings_for_itself(ctx: FakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [3]

    def step(_: Any, __: str) -> bool:
        left[0] -= 1
        return left[0] > 0

    monkeypatch.setitem(jobs._STEPS, "push", step)
    queue.ring(ctx, "push:zoho")
    work(ctx)
    assert left == [0]


def test_losing_all_of_redis_loses_nothing(ctx: FakeContext) -> None:
    want(ctx, 20)
    queue.ring(ctx, "push:zoho")
    queue.client(ctx.config.redis_url).flushall()
    work(ctx)
    assert done(ctx) == 0
    assert sweep.run_sweep(ctx) == ["push:zoho"]
    work(ctx)
    assert done(ctx) == 20
    assert sweep.run_sweep(ctx) == []


def test_without_redis_a_ring_is_no_error_and_is_told_once(
    engine: Engine,
    engine_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "_silent", set())
    ctx = make_context(engine, engine_url, tmp_path, redis="redis://127.0.0.1:1/0")
    with capture_logs() as said:
        assert not queue.ring(ctx, "apply")
        assert not queue.ring(ctx, "apply")
    assert len([line for line in said if "does not answer" in line["event"]]) == 1
    assert doorbells.generation(ctx.engine, "apply") == 2
    absent = make_context(engine, engine_url, tmp_path, redis=f"unix://{tmp_path}/none.sock")
    with capture_logs() as said:
        assert not queue.ring(absent, "apply")
    assert said == []


def _die_in_a_job(url: str) -> None:
    queue.forget_clients()
    client = queue.client(url)
    jobs._STEPS["push"] = lambda _, __: os.kill(os.getpid(), signal.SIGKILL) or True
    SimpleWorker([Queue("fast", connection=client, serializer="json")], connection=client, serializer="json").work(
        burst=True, logging_level="CRITICAL"
    )


def test_a_killed_worker_does_not_silence_its_drain(
    ctx: FakeContext, engine_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    want(ctx, 5)
    queue.ring(ctx, "push:zoho")
    jobs.configure(ctx.config)
    ctx.engine.dispose()
    child = multiprocessing.get_context("fork").Process(target=_die_in_a_job, args=(ctx.config.redis_url,))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    sweep.run_sweep(ctx)
    assert waiting(ctx) == []  # for a while it may still be at work
    monkeypatch.setattr(queue, "STUCK_AFTER", timedelta(0))
    sweep.run_sweep(ctx)
    assert waiting(ctx) == ["drain-push-zoho-1"]
    work(ctx)
    assert done(ctx) == 5


def test_the_sweep_finds_every_kind_of_due_work(ctx: FakeContext) -> None:
    assert sweep.due(ctx) == []
    want(ctx, 1)
    with unit(ctx.engine, "run.commit") as conn:
        conn.execute(meta.delete())
        conn.execute(update(connections).values(next_pull_at=None))
    ctx.config = ctx.config.model_copy(update={"public_url": "https://tieout.example"})
    assert sweep.due(ctx) == ["apply", "push:zoho", "pull:zoho", "channel:zoho"]
    connection_store.pause_push(ctx.engine, ["zoho"], "restored")
    assert "push:zoho" not in sweep.due(ctx)
    connection_store.set_backoff(ctx.engine, "zoho", ctx.clock.now() + timedelta(minutes=1), ctx.clock)
    assert sweep.due(ctx) == ["apply"]


def test_one_scheduler_leads_and_another_follows_at_once(ctx: FakeContext) -> None:
    first, second = Scheduler(ctx), Scheduler(ctx)
    want(ctx, 1)
    assert first.tick() == ["push:zoho"]
    assert (second.tick(), second.is_leading) == ([], False)
    first.stop()
    assert second.tick() == ["push:zoho"]
    assert first.tick() == []


def test_the_scheduler_ends_quickly(ctx: FakeContext) -> None:
    from sync.scheduler import run

    stop = threading.Event()
    thread = threading.Thread(target=run, args=(ctx.config, stop), kwargs={"every": 60.0})
    thread.start()
    stop.wait(0.3)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_each_missed_slot_is_made_once_the_oldest_first(
    engine: Engine, engine_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = make_context(engine, engine_url, tmp_path, more=SCHEDULE)
    clock = ctx.clock
    assert isinstance(clock, ManualClock)
    made: list[datetime] = []

    def make(_: object, __: object, slot: datetime) -> list[object]:
        made.append(slot)
        return []

    monkeypatch.setattr(schedules, "_make", make)
    assert schedules.due(ctx) == []  # first seen: from now on
    clock.set(NOW + timedelta(hours=14))  # 06:00 the next day in Shanghai
    assert schedules.due(ctx) == []
    clock.set(NOW + timedelta(days=5))
    assert schedules.due(ctx) == ["daily"]
    for _ in range(5):
        assert schedules.run_schedule(ctx, "daily")
    assert not schedules.run_schedule(ctx, "daily")
    assert schedules.due(ctx) == []
    first = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    assert made == [first + timedelta(days=days) for days in range(5)]


def test_a_slot_whose_report_failed_stays_due(
    engine: Engine, engine_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = make_context(engine, engine_url, tmp_path, more=SCHEDULE)
    clock = ctx.clock
    assert isinstance(clock, ManualClock)
    schedules.due(ctx)
    clock.advance(86_400)
    results = [True, False]

    def make(*_: object) -> list[object]:
        if results.pop():
            return []
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(schedules, "_make", make)
    with pytest.raises(RuntimeError):
        schedules.run_schedule(ctx, "daily")
    assert schedules.due(ctx) == ["daily"]
    assert not schedules.run_schedule(ctx, "daily")  # not at once
    clock.advance(601)
    assert schedules.run_schedule(ctx, "daily")
    assert schedules.due(ctx) == []
