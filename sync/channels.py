"""Notification channels: made, renewed before half of their life is over, made again when lapsed.

A gap costs latency only: the pull by interval is the source of truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

import connectors
from sync.connecting import connection_of
from sync.context import Context
from sync.queue import ring
from tieout.core import logging
from tieout.core.errors import TieoutError
from tieout.core.ports import Channel
from tieout.store import channels, leases
from tieout.store.channels import StoredChannel

log = logging.get("channels")
RETRY_SECONDS = 300.0
TOKEN_BYTES = 24  # 32 characters; Zoho takes at most 50
_ANY_TOKEN = "x" * 16  # only to ask whether a vendor sends webhooks


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """What was done about one channel; `lapsed` = it had run out and notifications were missed until now."""

    connection: str
    action: Literal["none", "kept", "created", "renewed", "lapsed", "failed"]
    expires_at: datetime | None = None
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def has_webhooks(ctx: Context, connection: str) -> bool:
    """Whether this vendor can call us and there is an address it could call."""
    conf = connection_of(ctx, connection)
    return bool(ctx.config.public_url) and connectors.webhook(conf.vendor, [_ANY_TOKEN]) is not None


def is_channel_due(ctx: Context, connection: str) -> bool:
    """Whether the channel must be made, moved to another address, or renewed."""
    if not has_webhooks(ctx, connection):
        return False
    held = channels.load(ctx.engine, ctx.sealer, connection)
    return held is None or held.is_due(ctx.clock.now()) or held.notify_url != _url(ctx, connection, held.path_secret)


def ensure_channel(ctx: Context, connection: str) -> ChannelReport:
    """Make or renew the channel of a connection if it is time; a failure is reported and tried again in minutes.

    The secrets are stored before the vendor is asked, so that its first call can be verified.
    """
    if not has_webhooks(ctx, connection):
        return ChannelReport(connection, "none", why="no public_url, or this vendor sends no webhooks")
    if not is_channel_due(ctx, connection):
        held = channels.load(ctx.engine, ctx.sealer, connection)
        return ChannelReport(connection, "kept", held.expires_at if held else None)
    name = f"channel_{connection}"
    lease = leases.acquire(ctx.engine, name, ctx.ids.new("own"), ttl_seconds=RETRY_SECONDS, clock=ctx.clock)
    if lease is None:
        return ChannelReport(connection, "kept", why="tried a moment ago, or another process is at it")
    now = ctx.clock.now()
    held = channels.load(ctx.engine, ctx.sealer, connection)
    lapsed = held is not None and held.expires_at > held.renewed_at and not held.is_live(now)
    wanted = _prepared(ctx, connection, held, now)
    if wanted != held:
        channels.save(ctx.engine, ctx.sealer, wanted)
    try:
        made = _ask(ctx, connection, wanted, now)
    except TieoutError as error:
        channels.note_error(ctx.engine, connection, str(error))
        log.warning("the notification channel could not be made", connection=connection, why=str(error))
        return ChannelReport(connection, "failed", why=str(error))  # the lease keeps the next try away for a while
    done = replace(wanted, channel_id=made.channel_id, expires_at=made.expires_at, renewed_at=now, error="")
    channels.save(ctx.engine, ctx.sealer, done)
    leases.release(ctx.engine, lease)
    if lapsed:
        log.warning("the notification channel had lapsed; changes are pulled now", connection=connection)
        ring(ctx, f"pull:{connection}")
        return ChannelReport(connection, "lapsed", made.expires_at, "it had run out; made again")
    if held is None or not held.channel_id:
        ring(ctx, f"pull:{connection}")  # what changed since the last pull was told to nobody
        return ChannelReport(connection, "created", made.expires_at)
    return ChannelReport(connection, "renewed", made.expires_at)


def _prepared(ctx: Context, connection: str, held: StoredChannel | None, now: datetime) -> StoredChannel:
    if held is None:
        secret = ctx.ids.token(32)
        return StoredChannel(
            connection, "", ctx.ids.token(TOKEN_BYTES), secret, _url(ctx, connection, secret), now, now, ""
        )
    return replace(held, notify_url=_url(ctx, connection, held.path_secret))


def _ask(ctx: Context, connection: str, wanted: StoredChannel, now: datetime) -> Channel:
    connector = ctx.connector(connection, "fast")
    try:
        ensure: Callable[[str, str, datetime], Channel] = connector.ensure_channel  # type: ignore[attr-defined]
        return ensure(wanted.notify_url, wanted.token, now)
    finally:
        connector.close()


def _url(ctx: Context, connection: str, secret: str) -> str:
    return f"{ctx.config.public_url.rstrip('/')}/webhooks/{connection}/{secret}"
