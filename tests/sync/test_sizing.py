"""No write transaction lasts over 250 ms: batches are sized by what each kind of work costs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from sync import apply
from sync.apply import run_apply
from sync.service import Service
from sync.sizing import FIRST, LARGEST, LIMIT_SECONDS, TARGET_SECONDS, Sizer
from sync.sizing import Stopwatch as Watch
from tests.flow.harness import make_world, open_installation
from tieout.core.clock import ManualClock
from tieout.store.session import unit
from tieout.store.tables import meta, pending, source_records

OVERHEAD = 0.008  # seconds a batch takes before its first item


def took(kinds: Sequence[str], each: dict[str, float]) -> float:
    return OVERHEAD + sum(each[kind] for kind in kinds)


@pytest.mark.parametrize("each", [0.00005, 0.0004, 0.002, 0.008])
def test_a_kind_of_any_cost_is_done_in_short_batches_that_use_their_time(each: float) -> None:
    sizer, lasted = Sizer(), []
    for _ in range(40):
        size = sizer.size("work")
        lasted.append(took(["work"] * size, {"work": each}))
        sizer.note(["work"] * size, lasted[-1])
    assert max(lasted) <= LIMIT_SECONDS
    assert sizer.size("work") == LARGEST or lasted[-1] > TARGET_SECONDS * 0.7


def test_a_dear_kind_after_a_cheap_one_does_not_inherit_its_size() -> None:
    sizer = Sizer()
    for _ in range(20):
        size = sizer.size("cheap")
        sizer.note(["cheap"] * size, took(["cheap"] * size, {"cheap": 0.0001}))
    assert sizer.size("cheap") > 400
    assert sizer.size("dear") == FIRST


def test_a_mixed_queue_is_cut_where_the_dear_kind_begins_to_weigh() -> None:
    each = {"party": 0.0001, "document": 0.002, "answer": 0.0001}
    queue = ["party"] * 2000 + ["document"] * 800 + ["party", "document"] * 300 + ["answer"]
    sizer, longest, batches = Sizer(), 0.0, 0
    left = list(queue)
    while left:
        now = left[: sizer.fit(left)]
        longest, batches = max(longest, took(now, each)), batches + 1
        sizer.note(now, took(now, each))
        del left[: len(now)]
    assert longest <= LIMIT_SECONDS
    assert batches < 2 * sum(took([kind], each) for kind in queue) / TARGET_SECONDS


def test_one_slow_batch_is_forgotten_after_a_few_and_one_item_always_fits() -> None:
    sizer = Sizer()
    sizer.note(["work"] * 25, 0.02)
    before = sizer.size("work")
    sizer.note(["work"] * before, 2.0)
    assert 1 <= sizer.size("work") < before
    for _ in range(12):
        size = sizer.size("work")
        sizer.note(["work"] * size, took(["work"] * size, {"work": 0.0005}))
    assert sizer.size("work") >= 75
    sizer.note(["huge"], 9.0)
    assert sizer.fit(["huge", "huge"]) == 1
    assert sizer.fit([]) == 0


class Busy(ManualClock):
    """A machine whose processor is shared: everything lasts longer than it works."""

    def __init__(self, share: float) -> None:
        super().__init__(datetime(2026, 11, 24, tzinfo=UTC))
        self._share, self._worked = share, 0.0

    def work(self, seconds: float, served: float = 0.0) -> None:
        """Compute, and wait for a server that computes too."""
        self._worked += seconds
        self.advance((seconds + served) / self._share)

    def worked(self) -> float:
        return self._worked


@pytest.mark.parametrize(
    ("share", "served", "dialect", "most"),
    [
        (1.0, 0.0, "sqlite", 1.0), (0.1, 0.0, "sqlite", 1.5), (1.0, 1.0, "postgresql", 2.0),
        (0.2, 1.0, "postgresql", 3.0),
    ],
)  # fmt: skip
def test_waiting_for_a_processor_is_no_cost_of_a_batch(share: float, served: float, dialect: str, most: float) -> None:
    clock = Busy(share)
    watch = Watch(clock, dialect)
    clock.work(0.02, served * 0.02)
    assert watch.lasted() == pytest.approx(0.02 * (1 + served) / share)
    assert watch.cost() == pytest.approx(0.02 * most)


@pytest.mark.parametrize("slower", [1.0, 3.0, 6.0])
@pytest.mark.parametrize("each", [0.0004, 0.002, 0.005])
def test_batches_are_not_mostly_overhead_on_a_slow_machine(each: float, slower: float) -> None:
    sizer, rng, left, batches = Sizer(), random.Random(3), 4000, 0
    while left:
        size = min(sizer.size("work"), left)
        sizer.note(["work"] * size, took(["work"] * size, {"work": each}) * slower * rng.uniform(0.6, 1.9))
        left, batches = left - size, batches + 1
    assert batches * OVERHEAD < 0.6 * (batches * OVERHEAD + 4000 * each)
    # Where the machine is too slow for both, the work wins over the limit of a transaction.
    assert took(["work"] * sizer.size("work"), {"work": each}) * slower < LIMIT_SECONDS


class Stopwatch:
    """A clock whose stopwatch moves by what the work under it is said to cost."""

    def __init__(self, clock: Any) -> None:
        self._clock, self.seconds = clock, 0.0

    def now(self) -> Any:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def monotonic(self) -> float:
        return self.seconds

    def worked(self) -> float:
        return self.seconds


@pytest.fixture
def service(tmp_path: Any) -> Iterator[Service]:
    world = make_world(24, 80)
    with open_installation(tmp_path, world, f"sqlite:///{tmp_path}/tieout.db") as service:
        service.ctx.clock = Stopwatch(service.ctx.clock)
        yield service


def test_the_lane_keeps_every_stage_short_however_their_costs_differ(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch: Any = service.ctx.clock
    each = {"account": 0.0001, "party": 0.0002, "claim": 0.009, "document": 0.0005, "push": 0.006}
    sizes: dict[str, list[int]] = {}
    real_fold, real_settle = apply.fold, apply.settle

    def fold(batch: Any, seqs: Sequence[int]) -> None:
        real_fold(batch, seqs)
        watch.seconds += OVERHEAD + 0.0003 * len(seqs)

    def settle(batch: Any, stage: str, limit: int) -> int:
        done = real_settle(batch, stage, limit)
        watch.seconds += OVERHEAD + each.get(stage, 0.001) * done
        sizes.setdefault(stage, []).append(done)
        return done

    monkeypatch.setattr(apply, "fold", fold)
    monkeypatch.setattr(apply, "settle", settle)
    service.pull()
    summary = run_apply(service.ctx)
    assert summary.longest_seconds <= LIMIT_SECONDS
    assert max(sizes["claim"][1:]) < 15 < max(sizes["account"])
    assert not service.verify()
    assert service.rebuild_check().ok


def test_a_changed_profile_maps_its_stream_again_in_batches_and_not_in_one(service: Service) -> None:
    assert service.sync().ok
    applied = select(source_records.c.external_id).where(
        source_records.c.stream == "invoices",
        source_records.c.connection == "kingdee",
        source_records.c.applied_seq == source_records.c.seq,
    )
    with service.ctx.engine.connect() as conn:
        mapped = len(conn.execute(applied).all())
    assert mapped >= 80
    with unit(service.ctx.engine, "apply.commit") as conn:  # as if another version of the profile had been active
        conn.execute(update(meta).where(meta.c.key == "profile:kingdee/invoices").values(value="before"))
    summary = service.apply()
    assert summary.counts["mapped_again"] == mapped
    assert summary.folded == mapped + 1  # each is an item of its own again, beside the activation
    with service.ctx.engine.connect() as conn:
        assert len(conn.execute(applied).all()) == mapped
        assert conn.execute(select(pending)).first() is None
    assert service.rebuild_check().ok
