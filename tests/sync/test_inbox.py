"""Webhooks: forged ones refused, stored once before the answer, followed once, poison parked."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from sync.inbox import accept, run_inbox
from tests.sync.fakes import NOW, FakeContext, Remote, make_context
from tieout.core import faults
from tieout.core.clock import ManualClock
from tieout.core.errors import BadPayload, Denied, Gone, RateLimited, Rejected
from tieout.core.ids import SeededIds
from tieout.store import channels
from tieout.store import inbox as inbox_store
from tieout.store.channels import StoredChannel
from tieout.store.session import make_engine
from tieout.store.tables import inbox, inputs

TOKEN, SECRET = "a-token-of-enough-length", "an-unguessable-path"


def _with_channel(ctx: FakeContext) -> FakeContext:
    channel = StoredChannel("zoho", "100", TOKEN, SECRET, "https://x", NOW + timedelta(days=6), NOW, "")
    channels.save(ctx.engine, ctx.sealer, channel)
    return ctx


@pytest.fixture
def ctx(engine: Engine, engine_url: str, tmp_path: Path) -> FakeContext:
    return _with_channel(make_context(engine, engine_url, tmp_path, remote=Remote()))


def note(*ids: str, at: int = 1, token: str = TOKEN, module: str = "Invoices") -> bytes:
    facts = {"module": module, "ids": list(ids), "operation": "update", "server_time": at, "token": token}
    return json.dumps({**facts, "channel_id": "100"}).encode()


def receive(ctx: FakeContext, body: bytes, secret: str = SECRET) -> str:
    return accept(ctx, "zoho", body, {"content-type": "application/json"}, {}, path_secret=secret)


def rows(ctx: FakeContext) -> list[Any]:
    with ctx.engine.connect() as conn:
        return list(conn.execute(select(inbox).order_by(inbox.c.id)).mappings())


def test_a_delivery_is_stored_once_and_its_records_are_fetched_once(ctx: FakeContext) -> None:
    assert receive(ctx, note("1", "2")) == "stored"
    assert receive(ctx, note("1", "2")) == "duplicate"
    assert receive(ctx, note("2", "3", at=2)) == "stored"
    assert receive(ctx, note("9", module="Accounts")) == "stored"
    assert len(rows(ctx)) == 3
    summary = run_inbox(ctx, "zoho")
    assert (summary.messages, summary.records, summary.new) == (3, 4, 4)
    assert sorted(ctx.remote.fetched) == [("customers", ("9",)), ("invoices", ("1", "2", "3"))]
    assert {row["state"] for row in rows(ctx)} == {"done"}
    assert run_inbox(ctx, "zoho").messages == 0
    assert receive(ctx, note("1", "2")) == "duplicate"


def test_a_form_without_a_time_counts_each_time_it_comes(ctx: FakeContext) -> None:
    form = f"module=Accounts&ids=7&token={TOKEN}".encode()
    for turn in (1, 2):
        said = accept(ctx, "zoho", form, {"content-type": "application/x-www-form-urlencoded"}, {}, path_secret=SECRET)
        assert said == "stored"
        assert run_inbox(ctx, "zoho").messages == 1
        assert ctx.remote.fetched == [("customers", ("7",))] * turn
        assert isinstance(ctx.clock, ManualClock)
        ctx.clock.advance(1)


def test_no_message_keeps_the_token_and_no_stranger_gets_more_than_a_refusal(ctx: FakeContext) -> None:
    receive(ctx, note("1"))
    assert TOKEN.encode() not in rows(ctx)[0]["body"]
    assert json.loads(rows(ctx)[0]["body"])["token"] == "***"
    with pytest.raises(BadPayload):
        receive(ctx, b'{"module": "Invoices", "ids": ["1"], "token": "\\ud800"}')


def test_disorder_and_repetition_end_in_what_the_record_shows(ctx: FakeContext) -> None:
    ctx.remote.records["Invoices", "1"] = {"Grand_Total": 5}
    for at in (3, 1, 2):
        receive(ctx, note("1", at=at))
        run_inbox(ctx, "zoho")
    with ctx.engine.connect() as conn:
        assert len(conn.execute(select(inputs.c.seq)).all()) == 1  # the same content is no new version


def test_forged_misaddressed_and_oversized_calls_store_nothing(ctx: FakeContext) -> None:
    with pytest.raises(Denied):
        receive(ctx, note("1", token="another-token-of-length"))
    with pytest.raises(Denied):
        receive(ctx, note("1"), secret="guessed")
    with pytest.raises(BadPayload):
        receive(ctx, b"x" * 1_000_001)
    channels.forget(ctx.engine, "zoho")
    with pytest.raises(Gone):
        receive(ctx, note("1"))
    assert rows(ctx) == []


def test_a_poison_message_holds_nobody_up_and_is_parked(ctx: FakeContext) -> None:
    receive(ctx, note("1"))
    receive(ctx, note("2", at=2))
    inner = ctx.remote.fetch

    def picky(stream: str, ids: Any) -> Any:
        if "1" in ids:
            raise Rejected("cannot be read")
        return inner(stream, ids)

    ctx.remote.fetch = picky
    clock = ctx.clock
    assert isinstance(clock, ManualClock)
    assert run_inbox(ctx, "zoho").failed == 1
    assert [row["state"] for row in rows(ctx)] == ["new", "done"]
    assert run_inbox(ctx, "zoho").messages == 0  # not again at once
    for _ in range(inbox_store.MAX_ATTEMPTS):
        clock.advance(3600)
        run_inbox(ctx, "zoho")
    first = rows(ctx)[0]
    assert (first["state"], first["attempts"], first["error"]) == ("failed", inbox_store.MAX_ATTEMPTS, "cannot be read")


def test_a_remote_that_asks_to_wait_costs_no_attempt(ctx: FakeContext) -> None:
    receive(ctx, note("1"))
    ctx.remote.fetch_errors = [RateLimited("later", retry_at=NOW + timedelta(seconds=30))]
    assert run_inbox(ctx, "zoho").refused == "later"
    (row,) = rows(ctx)
    assert (row["state"], row["attempts"]) == ("new", 0)
    assert run_inbox(ctx, "zoho").new == 1


@pytest.mark.parametrize(
    "point", ["before:inbox.insert", "after:inbox.insert", "before:inbox.done", "after:inbox.done"]
)
def test_a_kill_loses_no_delivery_that_was_answered(
    ctx: FakeContext, engine_url: str, tmp_path: Path, point: str
) -> None:
    ctx.engine.dispose()
    child = os.fork()
    if child == 0:
        mine = make_context(make_engine(engine_url), engine_url, tmp_path, remote=Remote(), ids=SeededIds(9))
        faults.kill_at(point)
        receive(mine, note("1"))
        run_inbox(mine, "zoho")
        os._exit(7)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 9
    assert receive(ctx, note("1")) == ("stored" if point == "before:inbox.insert" else "duplicate")
    assert isinstance(ctx.clock, ManualClock)
    ctx.clock.advance(300)
    run_inbox(ctx, "zoho")
    assert [row["state"] for row in rows(ctx)] == ["done"]
    assert ctx.remote.fetched == [("invoices", ("1",))]
