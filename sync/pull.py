"""Pull: ask a source what changed, land it page by page, and go on after a kill where the last page ended.

A pull is a *round* over the streams of a connection. Workers do it in slices of about two seconds: the round and the
leg of the stream in work stand in SQL, so the next slice, in any process, goes on with them (D3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import update

from sync.absent import StreamSweep
from sync.context import Context
from sync.reading import LEASE_SECONDS, Held, Progress, StreamPull, StreamReader
from sync.rounds import Round
from sync.slices import Slice
from tieout.core import logging
from tieout.core.errors import AuthError, BadPayload, ConfigError, RateLimited, SourceError, StaleWrite, TieoutError
from tieout.core.ports import Connector, StreamInfo
from tieout.store import connections as connection_store
from tieout.store import leases
from tieout.store.session import unit
from tieout.store.tables import watermarks

log = logging.get("pull")


@dataclass
class PullSummary:
    """What pulling one connection did, by stream."""

    connection: str
    streams: list[StreamPull] = field(default_factory=list)
    error: str = ""
    is_busy: bool = False  # another process holds the lease
    is_more: bool = False  # the slice is over before the round's end

    @property
    def ok(self) -> bool:
        return not self.error and not any(stream.error for stream in self.streams)

    @property
    def new(self) -> int:
        return sum(stream.counts.new for stream in self.streams)

    @property
    def why(self) -> str:
        """What went wrong, in one line."""
        return self.error or "; ".join(f"{s.stream}: {s.error}" for s in self.streams if s.error)

    def as_dict(self) -> dict[str, Any]:
        return {
            "connection": self.connection,
            "ok": self.ok,
            "error": self.error,
            "streams": [stream.as_dict() for stream in self.streams],
        }


def run_pull(
    ctx: Context,
    connection: str,
    *,
    streams: Sequence[str] | None = None,
    full: bool = False,
    since: datetime | None = None,
    sweep: bool | None = None,
    accept_deletes: bool = False,
    actor: str = "system",
    trigger: str = "interval",
    progress: Progress | None = None,
    limit_seconds: float | None = None,
) -> PullSummary:
    """Pull the configured streams of one connection under its lease.

    `full` reads from the beginning, `since` from an instant; both still land only what is new. `sweep` also lists
    all ids to find records that vanished or were undone without a stamp; None = when the last sweep is an hour old.
    A stream that fails keeps its cursor; the others go on. With `limit_seconds` one slice of the round that is under
    way, else of a new one; without, a whole new round (a read that was cut goes on where it was in either case).
    """
    summary = PullSummary(connection)
    name = f"pull_{connection}"
    lease = leases.acquire(ctx.engine, name, ctx.ids.new("own"), ttl_seconds=LEASE_SECONDS, clock=ctx.clock)
    if lease is None:
        summary.error = "another process is pulling this connection"
        summary.is_busy = True
        return summary
    held = Held(ctx, lease)
    connector: Connector | None = None
    is_new = False
    try:
        round_ = Round.load(ctx, connection)
        if round_ is None or limit_seconds is None:
            if round_ is not None:
                round_.finish(ctx, error="another pull of this connection took its place")
            round_ = Round.begin(
                ctx, connection, trigger=trigger, full=full, since=since, sweep=sweep,
                accept_deletes=accept_deletes, actor=actor,
            )  # fmt: skip
            is_new = True
        try:
            connector = ctx.connector(connection, "bulk")
        except TieoutError as error:
            round_.finish(ctx, error=str(error))
            raise
        if is_new:
            round_.left = _wanted(ctx, connector, connection, streams)
            round_.save(ctx, [])
        work = _Pull(ctx, connector, round_, summary, progress, held, Slice(ctx.clock, limit_seconds))
        work.run()
    finally:
        if connector is not None:
            connector.close()
        leases.release(ctx.engine, held.lease)
    return summary


def _wanted(ctx: Context, connector: Connector, connection: str, streams: Sequence[str] | None) -> list[str]:
    return list(streams or ctx.config.connections[connection].streams or [info.name for info in connector.streams()])


class _Pull:
    """One slice of one round."""

    def __init__(
        self,
        ctx: Context,
        connector: Connector,
        round_: Round,
        summary: PullSummary,
        progress: Progress | None,
        held: Held,
        slice_: Slice,
    ) -> None:
        self.ctx, self.connector, self.round, self.summary, self.progress = ctx, connector, round_, summary, progress
        self.held, self.slice, self.connection = held, slice_, round_.connection

    def run(self) -> None:
        """Until the round or the slice ends; what the remote refuses is recorded, never raised."""
        summary, ctx = self.summary, self.ctx
        summary.streams = self.round.results()
        try:
            self._streams()
        except StaleWrite as error:
            summary.error = str(error)  # the round goes on in the process that took over
            return
        except AuthError as error:
            summary.error = str(error)
            connection_store.set_auth_dead(ctx.engine, self.connection, str(error), ctx.clock)
        except RateLimited as error:
            summary.error = str(error)
            connection_store.set_backoff(ctx.engine, self.connection, error.retry_at, ctx.clock)
            if error.retry_at is not None:
                connection_store.set_next_pull(ctx.engine, self.connection, error.retry_at)
        except (SourceError, ConfigError) as error:
            summary.error = str(error)
        except Exception as error:
            self.round.finish(ctx, error=f"{type(error).__name__}: {error}")
            raise
        if self.slice.is_cut and not summary.error:
            summary.is_more = True
            self.round.save(ctx, summary.streams)
            return
        self.round.finish(ctx, summary.streams, error=summary.why, is_noted=True)

    def _streams(self) -> None:
        for info in self._offered():
            result = self._result(info.name)
            try:
                is_done = self._stream(info, result)
            except (BadPayload, SourceError, ConfigError) as error:
                result.error = str(error)
                _record_stream_error(self.ctx, self.connection, info.name, str(error))
                log.warning("stream stopped", connection=self.connection, stream=info.name, why=str(error))
                if isinstance(error, AuthError | RateLimited):
                    raise
                is_done = True
            if not is_done:
                return
            self.round.left.remove(info.name)
            if self.round.left:
                if self.slice.cut():
                    return
                self.round.save(self.ctx, self.summary.streams)

    def _offered(self) -> Iterator[StreamInfo]:
        offered = {info.name: info for info in self.connector.streams()}
        for name in list(self.round.left):
            if name not in offered:
                raise ConfigError(
                    f"connection {self.connection!r} has no stream {name!r}",
                    hint="Streams: " + ", ".join(offered) + ".",
                )
            yield offered[name]

    def _result(self, stream: str) -> StreamPull:
        for one in self.summary.streams:
            if one.stream == stream:
                return one
        self.summary.streams.append(StreamPull(stream))
        return self.summary.streams[-1]

    def _stream(self, info: StreamInfo, result: StreamPull) -> bool:
        """Read and, when due, sweep one stream; False when the slice ended first."""
        ctx, round_ = self.ctx, self.round
        reader = StreamReader(
            ctx, self.connector, self.connection, info, round_.run_id, result, self.progress, self.held, self.slice
        )
        mark = reader.load()
        leg = mark.get("leg") or {}
        is_sweeping = leg.get("run") == round_.run_id and leg["at"] in ("ids", "ask")
        if not is_sweeping and not reader.run(mark, full=round_.full, since=round_.since):
            return False
        is_due = reader.is_sweep_due(mark) if round_.sweep is None else round_.sweep
        if not info.sweepable or not (is_sweeping or is_due):
            return True
        sweeper = StreamSweep(
            ctx, self.connector, self.connection, info, round_.run_id, self.held, self.slice,
            accept_deletes=round_.accept_deletes, actor=round_.actor,
        )  # fmt: skip
        if not is_sweeping and self.slice.cut():
            sweeper.postpone()
            return False
        try:
            return sweeper.run(leg if is_sweeping else None)
        except (BadPayload, SourceError):
            sweeper.give_up()
            raise
        finally:
            result.counts.add(sweeper.counts)
            result.error = sweeper.blocked


def _record_stream_error(ctx: Context, connection: str, stream: str, error: str) -> None:
    with unit(ctx.engine, "landing.commit") as conn:
        conn.execute(
            update(watermarks)
            .where(watermarks.c.connection == connection, watermarks.c.stream == stream)
            .values(error=error)
        )
