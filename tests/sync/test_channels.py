"""Channels: secrets before the first call, renewed before half life, lapsed ones found and made again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from sync.channels import ensure_channel, is_channel_due
from sync.inbox import accept
from tests.sync.fakes import NOW, FakeContext, Remote, make_context
from tieout.core.clock import ManualClock
from tieout.core.errors import Rejected
from tieout.store import channels, doorbells
from tieout.store.tables import channels as table


@pytest.fixture
def ctx(engine: Engine, engine_url: str, tmp_path: Path) -> FakeContext:
    return make_context(engine, engine_url, tmp_path, remote=Remote())


def advance(ctx: FakeContext, **span: float) -> None:
    assert isinstance(ctx.clock, ManualClock)
    ctx.clock.advance(timedelta(**span).total_seconds())


def test_made_once_then_kept_and_renewed_at_half_life(ctx: FakeContext) -> None:
    assert is_channel_due(ctx, "zoho")
    assert ensure_channel(ctx, "zoho").action == "created"
    assert doorbells.generation(ctx.engine, "pull:zoho") == 1  # what changed before it is read now
    held = channels.load(ctx.engine, ctx.sealer, "zoho")
    assert held is not None
    assert held.notify_url == f"https://tieout.example/webhooks/zoho/{held.path_secret}"
    assert len(held.path_secret) >= 40
    assert 16 <= len(held.token) <= 50
    with ctx.engine.connect() as conn:
        assert held.token not in str(conn.execute(select(table)).one())
    advance(ctx, days=3)
    assert not is_channel_due(ctx, "zoho")
    assert ensure_channel(ctx, "zoho").action == "kept"
    advance(ctx, hours=12)
    assert is_channel_due(ctx, "zoho")
    report = ensure_channel(ctx, "zoho")
    assert (report.action, report.expires_at) == ("renewed", ctx.clock.now() + timedelta(days=6, hours=23))
    assert doorbells.generation(ctx.engine, "pull:zoho") == 1
    again = channels.load(ctx.engine, ctx.sealer, "zoho")
    assert again is not None
    assert (again.token, again.path_secret) == (held.token, held.path_secret)


def test_a_lapsed_channel_is_found_made_again_and_reported(ctx: FakeContext) -> None:
    ensure_channel(ctx, "zoho")
    advance(ctx, days=8)
    report = ensure_channel(ctx, "zoho")
    assert report.action == "lapsed"
    assert report.expires_at == ctx.clock.now() + timedelta(days=6, hours=23)


def test_a_failure_is_told_and_not_tried_again_at_once(ctx: FakeContext) -> None:
    ctx.remote.raises = [Rejected("no such host"), Rejected("no such host")]
    assert ensure_channel(ctx, "zoho").action == "failed"
    held = channels.load(ctx.engine, ctx.sealer, "zoho")
    assert held is not None
    assert held.error == "no such host"
    assert ensure_channel(ctx, "zoho").action == "kept"
    assert len(ctx.remote.raises) == 1
    advance(ctx, minutes=6)
    assert ensure_channel(ctx, "zoho").action == "failed"
    advance(ctx, minutes=6)
    assert ensure_channel(ctx, "zoho").action == "created"


def test_the_vendors_first_call_can_be_verified_before_creation_was_answered(ctx: FakeContext) -> None:
    answers: list[str] = []
    inner = ctx.remote.ensure_channel

    def calls_back(url: str, token: str, now: object, current: object) -> object:
        body = b'{"module":"Invoices","ids":["1"],"operation":"update","token":"%s"}' % token.encode()
        answers.append(accept(ctx, "zoho", body, {}, {}, path_secret=url.rsplit("/", 1)[1]))
        return inner(url, token, now, current)

    ctx.remote.ensure_channel = calls_back
    ensure_channel(ctx, "zoho")
    assert answers == ["stored"]


def test_another_address_moves_the_channel(ctx: FakeContext) -> None:
    ensure_channel(ctx, "zoho")
    ctx.config = ctx.config.model_copy(update={"public_url": "https://elsewhere.example"})
    assert is_channel_due(ctx, "zoho")
    ensure_channel(ctx, "zoho")
    assert ctx.remote.channels["100"].notify_url.startswith("https://elsewhere.example/webhooks/zoho/")
    ctx.config = ctx.config.model_copy(update={"public_url": ""})
    assert not is_channel_due(ctx, "zoho")
    assert ensure_channel(ctx, "zoho").action == "none"


def test_lapsing_is_measured_by_the_vendors_expiry(ctx: FakeContext) -> None:
    ensure_channel(ctx, "zoho")
    held = channels.load(ctx.engine, ctx.sealer, "zoho")
    assert held is not None
    assert held.is_live(NOW)
    assert not held.is_live(held.expires_at)
