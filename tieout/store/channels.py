"""Notification channels: the sealed token, the unguessable address, when the channel lapses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, bindparam, delete, select, update

from tieout.core.crypto import Sealer
from tieout.store.session import reading, unit
from tieout.store.tables import channels
from tieout.store.upsert import upsert

_ROW = select(channels).where(channels.c.connection == bindparam("of"))


@dataclass(frozen=True, slots=True)
class StoredChannel:
    """A channel as stored; `expires_at` = `renewed_at` while it has not been confirmed by the vendor yet."""

    connection: str
    channel_id: str
    token: str
    path_secret: str
    notify_url: str
    expires_at: datetime
    renewed_at: datetime
    error: str

    def is_live(self, now: datetime) -> bool:
        """Whether the vendor should still be calling."""
        return self.expires_at > now

    def is_due(self, now: datetime) -> bool:
        """Whether it must be renewed: half of its life is over."""
        return now >= self.renewed_at + (self.expires_at - self.renewed_at) / 2


def load(engine: Engine, sealer: Sealer, connection: str) -> StoredChannel | None:
    """The channel of a connection."""
    with reading(engine) as conn:
        row = conn.execute(_ROW, {"of": connection}).mappings().first()
    if row is None:
        return None
    return StoredChannel(
        connection=connection,
        channel_id=row["channel_id"],
        token=sealer.open(row["sealed_token"], _place(connection)),
        path_secret=row["path_secret"],
        notify_url=row["notify_url"],
        expires_at=row["expires_at"],
        renewed_at=row["renewed_at"],
        error=row["error"] or "",
    )


def save(engine: Engine, sealer: Sealer, channel: StoredChannel) -> None:
    """Store a channel; the token is sealed."""
    with unit(engine, "channel.save") as conn:
        upsert(
            conn,
            channels,
            [
                {
                    "connection": channel.connection,
                    "channel_id": channel.channel_id,
                    "sealed_token": sealer.seal(channel.token, _place(channel.connection)),
                    "path_secret": channel.path_secret,
                    "notify_url": channel.notify_url,
                    "expires_at": channel.expires_at,
                    "renewed_at": channel.renewed_at,
                    "error": channel.error or None,
                }
            ],
        )


def note_error(engine: Engine, connection: str, error: str) -> None:
    """Why the channel could not be made or renewed."""
    with unit(engine, "channel.save") as conn:
        conn.execute(update(channels).where(channels.c.connection == connection).values(error=error[:2000]))


def forget(engine: Engine, connection: str) -> None:
    """Delete the channel of a connection."""
    with unit(engine, "channel.save") as conn:
        conn.execute(delete(channels).where(channels.c.connection == connection))


def _place(connection: str) -> str:
    return f"channels/{connection}/sealed_token"
