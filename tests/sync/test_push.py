"""Push: receipts per row, uncertain outcomes read back, moved records looked at, refusals that stop one connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from sync.push import run_push
from tests.sync.fakes import NOW, FakeContext, Remote, make_context
from tieout.core.clock import ManualClock
from tieout.core.config import ChangeLimits
from tieout.core.errors import AuthError, RateLimited
from tieout.core.ports import Receipt, RemoteChange
from tieout.store import connections as connection_store
from tieout.store.outbox import EventIntent, Intent, intend
from tieout.store.session import unit
from tieout.store.tables import inputs, outbox, remote_seen, runs


@pytest.fixture
def ctx(engine: Engine, engine_url: str, tmp_path: Path) -> FakeContext:
    return make_context(engine, engine_url, tmp_path, remote=Remote())


def clock(ctx: FakeContext) -> ManualClock:
    assert isinstance(ctx.clock, ManualClock)
    return ctx.clock


def want(ctx: FakeContext, changes: dict[str, dict[str, Any]], *, tasks: tuple[str, ...] = ()) -> None:
    intents = [Intent("zoho", "Invoices", key, fields, {}, {}, key) for key, fields in changes.items()]
    events = [
        EventIntent("zoho", "Tasks", key, "AR_Key", "Accounts", "9", {"Subject": key}, {}, "cus") for key in tasks
    ]
    with unit(ctx.engine, "settle.commit") as conn:
        intend(
            conn, intents, events, modes={"zoho": "auto"}, limits={"zoho": ChangeLimits()}, now=ctx.clock.now(),
            ids=ctx.ids,
        )  # fmt: skip


def states(ctx: FakeContext) -> dict[str, str]:
    with ctx.engine.connect() as conn:
        rows = conn.execute(select(outbox.c.subject, outbox.c.event_key, outbox.c.state))
        return {row.event_key or row.subject: row.state for row in rows}


def test_rows_are_sent_in_batches_and_the_receipts_stored(ctx: FakeContext) -> None:
    want(ctx, {str(n): {"A": n} for n in range(250)}, tasks=("k1",))
    summary = run_push(ctx, "zoho", limit_seconds=None)
    assert (summary.done, summary.is_more, summary.ok) == (251, False, True)
    assert sorted(ctx.remote.writes) == [1, 50, 100, 100]
    assert set(states(ctx).values()) == {"done"}
    with ctx.engine.connect() as conn:
        seen = conn.execute(select(remote_seen.c.remote_id, remote_seen.c.fields)).all()
        assert {row.remote_id: row.fields for row in seen} == {str(n): {"A": n} for n in range(250)}
        assert len(conn.execute(select(inputs.c.seq).where(inputs.c.kind == "receipt")).all()) == 251
        assert conn.execute(select(runs.c.counts).where(runs.c.kind == "push")).scalar_one()["done"] == 251
    again = run_push(ctx, "zoho")
    assert (again.done, len(ctx.remote.effects)) == (0, 251)


def test_each_row_has_its_own_fate(ctx: FakeContext) -> None:
    want(ctx, {key: {"A": 1} for key in ("ok", "bad", "locked", "gone", "unsure")})
    ctx.remote.answers = {
        "bad": ("rejected", "INVALID_DATA"),
        "locked": ("locked", "RECORD_LOCKED"),
        "gone": ("not_found", "INVALID_ID"),
        "unsure": ("uncertain", "timeout"),
    }
    summary = run_push(ctx, "zoho")
    assert states(ctx) == {"ok": "done", "bad": "dead", "locked": "ready", "gone": "dead", "unsure": "uncertain"}
    assert (summary.done, summary.dead, summary.retried, summary.uncertain) == (1, 2, 1, 1)
    assert ctx.remote.fetched == [("invoices", ("gone",))]
    with ctx.engine.connect() as conn:
        wait = conn.execute(select(outbox.c.not_before_at).where(outbox.c.subject == "locked")).scalar_one()
    assert timedelta(hours=2) < wait - NOW < timedelta(hours=6)


def test_a_lost_answer_is_read_back_and_not_sent_twice(ctx: FakeContext) -> None:
    want(ctx, {"1": {"A": 1}, "2": {"A": 2}}, tasks=("k1",))
    ctx.remote.lose_reply = 2
    summary = run_push(ctx, "zoho")
    assert summary.uncertain == 3
    assert run_push(ctx, "zoho").read_back == 0  # not before the vendor's timeout has passed
    clock(ctx).advance(11)
    summary = run_push(ctx, "zoho")
    assert (summary.read_back, summary.done) == (3, 3)
    assert len(ctx.remote.effects) == 3
    assert len(ctx.remote.writes) == 2


def test_what_a_read_back_does_not_find_is_sent_again_under_guard(ctx: FakeContext) -> None:
    want(ctx, {"1": {"A": 1}}, tasks=("k1",))
    ctx.remote.answers = {"1": ("uncertain", "timeout"), "k1": ("uncertain", "timeout")}
    ctx.remote.stamps = {"1": NOW}
    run_push(ctx, "zoho")
    clock(ctx).advance(11)
    summary = run_push(ctx, "zoho")
    assert (summary.read_back, summary.done) == (2, 2)
    assert ctx.remote.guarded == [("1", NOW)]
    assert len(ctx.remote.effects) == 2


def test_an_uncertain_change_loses_to_a_newer_one(ctx: FakeContext) -> None:
    want(ctx, {"1": {"A": 1}})
    ctx.remote.answers = {"1": ("uncertain", "timeout")}
    run_push(ctx, "zoho")
    want(ctx, {"1": {"A": 2}})
    assert run_push(ctx, "zoho").done == 0  # one write in flight per record
    clock(ctx).advance(11)
    run_push(ctx, "zoho")
    assert ctx.remote.effects == [("Invoices", "1", {"A": 2})]


def test_a_record_that_moved_is_fetched_and_landed_before_the_next_try(ctx: FakeContext) -> None:
    want(ctx, {"1": {"A": 1}})
    ctx.remote.answers = {"1": ("version_moved", "ALREADY_MODIFIED")}
    summary = run_push(ctx, "zoho")
    assert (summary.moved, summary.done) == (1, 1)
    assert ctx.remote.fetched == [("invoices", ("1",))]
    assert ctx.remote.guarded == [("1", NOW)]
    with ctx.engine.connect() as conn:
        assert conn.execute(select(inputs.c.kind).order_by(inputs.c.seq)).scalars().all() == ["landed", "receipt"]


@pytest.mark.parametrize("what", ["limit", "auth"])
def test_a_refusal_gives_everything_back_and_backs_off(ctx: FakeContext, what: str) -> None:
    want(ctx, {str(n): {"A": n} for n in range(3)})
    until = NOW + timedelta(minutes=5)
    ctx.remote.raises = [RateLimited("slow down", retry_at=until) if what == "limit" else AuthError("no")]
    summary = run_push(ctx, "zoho")
    assert summary.refused
    assert set(states(ctx).values()) == {"ready"}
    row = connection_store.load(ctx.engine, "zoho")
    assert row["backoff_until_at"] == until
    assert row["auth_state"] == ("ok" if what == "limit" else "dead")
    assert run_push(ctx, "zoho").refused
    assert len(ctx.remote.writes) == 1
    clock(ctx).advance(301)
    assert run_push(ctx, "zoho").done == 3
    assert connection_store.load(ctx.engine, "zoho")["auth_state"] == "ok"
    with ctx.engine.connect() as conn:
        assert set(conn.execute(select(outbox.c.attempts)).scalars()) == {1}


def test_a_paused_connection_sends_nothing_until_resumed(ctx: FakeContext) -> None:
    want(ctx, {"1": {"A": 1}})
    connection_store.pause_push(ctx.engine, ["zoho"], "restored from a backup")
    assert "restored from a backup" in run_push(ctx, "zoho").refused
    assert ctx.remote.writes == []
    assert connection_store.resume_push(ctx.engine) == 1
    assert run_push(ctx, "zoho").done == 1


def test_a_slice_ends_in_time_and_says_that_more_is_due(ctx: FakeContext) -> None:
    want(ctx, {str(n): {"A": n} for n in range(250)})
    inner = ctx.remote.write

    def slow(changes: Any) -> Any:
        clock(ctx).advance(1.5)
        return inner(changes)

    ctx.remote.write = slow
    summary = run_push(ctx, "zoho", limit_seconds=2.0)
    assert (summary.done, summary.is_more) == (200, True)
    assert run_push(ctx, "zoho").is_more is False
    assert set(states(ctx).values()) == {"done"}


def test_a_failed_read_back_waits_and_stays_uncertain(ctx: FakeContext) -> None:
    want(ctx, {"1": {"A": 1}})
    ctx.remote.lose_reply = 1
    run_push(ctx, "zoho")
    clock(ctx).advance(11)
    ctx.remote.raises = [RateLimited("later", retry_at=NOW + timedelta(seconds=60))]
    assert run_push(ctx, "zoho").refused
    assert states(ctx) == {"1": "uncertain"}
    clock(ctx).advance(60)
    assert run_push(ctx, "zoho").done == 1


class Paced(Remote):
    """A remote of which our own budget allows ten writes in twenty seconds."""

    ctx: Any = None
    until: Any = None
    room = 10

    def write(self, changes: Sequence[RemoteChange]) -> list[Receipt]:
        now = self.ctx.clock.now()
        if self.until is None or now >= self.until:
            self.room, self.until = 10, now + timedelta(seconds=20)
        fit, rest = changes[: self.room], changes[self.room :]
        self.room -= len(fit)
        done = super().write(fit) if fit else []
        return done + [
            Receipt(one.change_id, "retry", one.remote_id, "not_sent", "", retry_at=self.until) for one in rest
        ]


def test_in_the_foreground_a_short_wait_is_waited_out_and_costs_no_attempt(
    engine: Engine, engine_url: str, tmp_path: Path
) -> None:
    remote = Paced()
    remote.ctx = ctx = make_context(engine, engine_url, tmp_path, remote=remote)
    want(ctx, {str(n): {"A": n} for n in range(35)})
    sliced = run_push(ctx, "zoho", limit_seconds=2.0)
    assert (sliced.done, sliced.refused) == (10, "the remote asked to wait")  # a worker does other things meanwhile
    clock(ctx).advance(21)
    summary = run_push(ctx, "zoho", limit_seconds=None)
    assert (summary.done, summary.retried, summary.refused, summary.ok) == (25, 0, "", True)
    assert clock(ctx).now() - NOW >= timedelta(seconds=61)
    with ctx.engine.connect() as conn:
        assert set(conn.execute(select(outbox.c.attempts)).scalars()) == {1}
    remote.room, remote.until = 0, ctx.clock.now() + timedelta(hours=9)
    want(ctx, {"99": {"A": 1}})
    long_wait = run_push(ctx, "zoho", limit_seconds=None)
    assert (long_wait.done, long_wait.refused) == (0, "the remote asked to wait")
