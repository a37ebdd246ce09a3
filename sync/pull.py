"""Pull: ask a source what changed, land it page by page, and go on after a kill where the last page ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from sync.absent import sweep_stream
from sync.context import Context
from sync.prefetch import prefetch
from tieout.core import logging
from tieout.core.errors import AuthError, BadPayload, ConfigError, RateLimited, SourceError, StaleWrite
from tieout.core.ports import Connector, Cursor, Page, StreamInfo
from tieout.store import connections as connection_store
from tieout.store import leases, runs
from tieout.store.landing import LandCounts, land, records_needing_fetch
from tieout.store.leases import Lease
from tieout.store.session import reading, unit
from tieout.store.tables import source_records, watermarks
from tieout.store.upsert import upsert

log = logging.get("pull")
LEASE_SECONDS = 60.0  # after a kill another process may pull again this much later
SWEEP_EVERY = timedelta(hours=1)
Progress = Callable[[Mapping[str, Any]], None]


@dataclass
class StreamPull:
    """What pulling one stream did."""

    stream: str
    counts: LandCounts = field(default_factory=LandCounts)
    pages: int = 0
    error: str = ""
    is_resumed: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {"stream": self.stream, "pages": self.pages, "error": self.error, **self.counts.as_dict()}


@dataclass
class PullSummary:
    """What pulling one connection did, by stream."""

    connection: str
    streams: list[StreamPull] = field(default_factory=list)
    error: str = ""
    is_busy: bool = False  # another process holds the lease

    @property
    def ok(self) -> bool:
        return not self.error and not any(stream.error for stream in self.streams)

    @property
    def new(self) -> int:
        return sum(stream.counts.new for stream in self.streams)

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
    trigger: str = "interval",
    progress: Progress | None = None,
) -> PullSummary:
    """Pull the configured streams of one connection under its lease.

    `full` reads from the beginning, `since` from an instant; both still land only what is new. `sweep` also lists
    all ids to find records that vanished or were undone without a stamp; None = when the last sweep is an hour old.
    A stream that fails keeps its cursor; the others go on.
    """
    summary = PullSummary(connection)
    name = f"pull_{connection}"
    lease = leases.acquire(ctx.engine, name, ctx.ids.new("own"), ttl_seconds=LEASE_SECONDS, clock=ctx.clock)
    if lease is None:
        summary.error = "another process is pulling this connection"
        summary.is_busy = True
        return summary
    connector = ctx.connector(connection, "bulk")
    run_id = runs.start(ctx.engine, ctx.ids, ctx.clock, kind="pull", connection=connection, trigger=trigger)
    try:
        for info in _wanted(ctx, connector, connection, streams):
            result = StreamPull(info.name)
            summary.streams.append(result)
            try:
                pull = _StreamReader(ctx, connector, connection, info, run_id, result, progress, lease)
                pull.run(full=full, since=since)
                if info.sweepable and (pull.is_sweep_due() if sweep is None else sweep):
                    swept, result.error = sweep_stream(
                        ctx, connector, connection, info, run_id, accept_deletes=accept_deletes
                    )
                    result.counts.add(swept)
            except (BadPayload, SourceError, ConfigError) as error:
                result.error = str(error)
                _record_stream_error(ctx, connection, info.name, str(error))
                log.warning("stream stopped", connection=connection, stream=info.name, why=str(error))
                if isinstance(error, AuthError | RateLimited):
                    raise
    except StaleWrite as error:
        summary.error = str(error)
    except AuthError as error:
        summary.error = str(error)
        connection_store.set_auth_dead(ctx.engine, connection, str(error), ctx.clock)
    except RateLimited as error:
        summary.error = str(error)
        connection_store.set_backoff(ctx.engine, connection, error.retry_at, ctx.clock)
    except (SourceError, ConfigError) as error:
        summary.error = str(error)
    finally:
        connector.close()
        leases.release(ctx.engine, lease)
        counts = {stream.stream: stream.as_dict() for stream in summary.streams}
        runs.finish(ctx.engine, ctx.clock, run_id, counts=counts, error="" if summary.ok else _why(summary))
        connection_store.note_pull(ctx.engine, connection, ok=summary.ok, error=_why(summary), clock=ctx.clock)
    return summary


def _why(summary: PullSummary) -> str:
    return summary.error or "; ".join(f"{s.stream}: {s.error}" for s in summary.streams if s.error)


def _wanted(ctx: Context, connector: Connector, connection: str, streams: Sequence[str] | None) -> Iterator[StreamInfo]:
    offered = {info.name: info for info in connector.streams()}
    names = streams or ctx.config.connections[connection].streams or list(offered)
    for name in names:
        if name not in offered:
            raise ConfigError(
                f"connection {connection!r} has no stream {name!r}", hint="Streams: " + ", ".join(offered) + "."
            )
        yield offered[name]


class _StreamReader:
    """One read of one stream: from its cursor (or the page a killed read had reached) to the end."""

    def __init__(
        self,
        ctx: Context,
        connector: Connector,
        connection: str,
        info: StreamInfo,
        run_id: str,
        result: StreamPull,
        progress: Progress | None,
        lease: Lease,
    ) -> None:
        self.lease, self.renewed_at = lease, ctx.clock.now()
        self.ctx, self.connector, self.connection, self.info = ctx, connector, connection, info
        self.run_id, self.result, self.progress = run_id, result, progress
        self.seen: dict[str, Any] = {}
        self.server_at: datetime | None = None

    def run(self, *, full: bool, since: datetime | None) -> None:
        mark = self._load()
        cursor, started_at, resume = self._begin(mark, full=full, since=since)
        pages = self.connector.read(self.info.name, cursor, resume)
        for page in prefetch(pages, threaded=self.ctx.transport is None):
            self.server_at = self.server_at or page.server_at
            self._land(page)
        self._refetch()
        deletes_since = mark.get("deletes_since_at") if not full else None
        if self.info.has_deletes:
            for page in self.connector.deleted(self.info.name, Cursor(deletes_since or mark.get("since_at"))):
                self._land(page, keep_resume=True)
        self._end(cursor, started_at)

    def is_sweep_due(self) -> bool:
        """The first read needs no sweep: it saw everything that lives."""
        swept_at = self._load().get("swept_at")
        return swept_at is not None and self.ctx.clock.now() - swept_at >= SWEEP_EVERY

    def _load(self) -> dict[str, Any]:
        with reading(self.ctx.engine) as conn:
            found = conn.execute(select(watermarks).where(*self._key())).mappings().first()
        return dict(found) if found else {}

    def _key(self) -> tuple[Any, Any]:
        return watermarks.c.connection == self.connection, watermarks.c.stream == self.info.name

    def _begin(
        self, mark: Mapping[str, Any], *, full: bool, since: datetime | None
    ) -> tuple[Cursor, datetime, Mapping[str, Any] | None]:
        resuming = bool(mark.get("is_reading")) and mark.get("resume") and not full and since is None
        state = mark.get("state") or {}
        if resuming:
            self.result.is_resumed = True
            return Cursor(mark["since_at"], state), mark["read_started_at"], mark["resume"]
        cursor = Cursor(None, {}) if full else Cursor(since or mark.get("since_at"), state)
        started_at = self.ctx.clock.now()
        with unit(self.ctx.engine, "landing.commit") as conn:
            upsert(
                conn,
                watermarks,
                [
                    {
                        "connection": self.connection,
                        "stream": self.info.name,
                        "is_reading": True,
                        "read_started_at": started_at,
                        "resume": None,
                    }
                ],
            )
        return cursor, started_at, None

    def _land(self, page: Page, *, keep_resume: bool = False) -> None:
        if self.ctx.clock.now() - self.renewed_at > timedelta(seconds=LEASE_SECONDS / 4):
            self.lease = leases.renew(self.ctx.engine, self.lease, ttl_seconds=LEASE_SECONDS, clock=self.ctx.clock)
            self.renewed_at = self.ctx.clock.now()
        self.result.counts.add(self._land_parts(page, keep_resume=keep_resume))
        self.result.pages += 1
        if self.progress is not None:
            self.progress(
                {
                    "step": "pull",
                    "connection": self.connection,
                    "stream": self.info.name,
                    "rows": self.result.counts.rows,
                    "new": self.result.counts.new,
                    "pages": self.result.pages,
                }
            )

    def _land_parts(self, page: Page, *, keep_resume: bool) -> LandCounts:
        """Land a page in as many transactions as it takes to keep each short; the cursor moves with the last one."""
        ctx, kind, counts, at = self.ctx, f"land {self.connection}/{self.info.name}", LandCounts(), 0
        while True:
            until = at + ctx.sizer.size(kind)
            rows, is_last = page.rows[at:until], until >= len(page.rows)
            with unit(ctx.engine, "landing.commit") as conn:
                began = ctx.clock.monotonic()
                counts.add(
                    land(
                        conn,
                        connection=self.connection,
                        stream=self.info.name,
                        module=self.info.remote,
                        rows=rows,
                        bad=page.bad if is_last else (),
                        run_id=self.run_id,
                        now=ctx.clock.now(),
                    )
                )
                if is_last and not keep_resume:
                    conn.execute(update(watermarks).where(*self._key()).values(resume=page.resume))
            ctx.sizer.note([kind] * len(rows), ctx.clock.monotonic() - began)
            if is_last:
                return counts
            at = until

    def _refetch(self) -> None:
        """Records with an equal stamp and other content are asked for again by id before they are applied (D4)."""
        with reading(self.ctx.engine) as conn:
            ids = records_needing_fetch(conn, self.connection, self.info.name)
        if ids:
            counts = _fetch(self.ctx, self.connector, self.connection, self.info, ids, self.run_id)
            self.result.counts.add(counts)

    def _end(self, cursor: Cursor, started_at: datetime) -> None:
        server_started = started_at
        if self.server_at is not None and self.server_at < started_at:
            server_started = self.server_at  # the remote's clock is behind ours: its stamps will be too
        after = self.connector.next_cursor(self.info.name, cursor, server_started, self.seen)
        now = self.ctx.clock.now()
        with unit(self.ctx.engine, "landing.commit") as conn:
            mark = conn.execute(
                select(watermarks.c.first_completed_at, watermarks.c.swept_at).where(*self._key())
            ).one()
            conn.execute(
                update(watermarks)
                .where(*self._key())
                .values(
                    since_at=after.since,
                    state=dict(after.state),
                    deletes_since_at=after.since,
                    resume=None,
                    is_reading=False,
                    first_completed_at=mark.first_completed_at or now,
                    swept_at=mark.swept_at or now,
                    completed_at=now,
                    error=None,
                    rows_read=watermarks.c.rows_read + self.result.counts.rows,
                )
            )


def _record_stream_error(ctx: Context, connection: str, stream: str, error: str) -> None:
    with unit(ctx.engine, "landing.commit") as conn:
        conn.execute(
            update(watermarks)
            .where(watermarks.c.connection == connection, watermarks.c.stream == stream)
            .values(error=error)
        )


def _fetch(
    ctx: Context, connector: Connector, connection: str, info: StreamInfo, ids: Sequence[str], run_id: str | None
) -> LandCounts:
    page = connector.fetch(info.name, ids)
    with unit(ctx.engine, "landing.commit") as conn:
        counts = land(
            conn,
            connection=connection,
            stream=info.name,
            module=info.remote,
            rows=page.rows,
            bad=page.bad,
            run_id=run_id,
            now=ctx.clock.now(),
            fetched_by_id=True,
        )
        conn.execute(
            update(source_records)
            .where(
                source_records.c.connection == connection,
                source_records.c.stream == info.name,
                source_records.c.external_id.in_(list(ids)),
            )
            .values(needs_fetch=False)
        )
    return counts


def fetch_and_land(
    ctx: Context,
    connection: str,
    stream: str,
    external_ids: Sequence[str],
    *,
    trigger: str,
    connector: Connector | None = None,
) -> LandCounts:
    """Fetch the named records fresh and land them (webhook hints, moved versions, sweeps)."""
    own = connector or ctx.connector(connection, "fast")
    try:
        infos = {info.name: info for info in own.streams()}
        if stream not in infos:
            raise ConfigError(f"connection {connection!r} has no stream {stream!r}")
        counts = LandCounts()
        ids = list(dict.fromkeys(external_ids))
        for start in range(0, len(ids), 100):
            counts.add(_fetch(ctx, own, connection, infos[stream], ids[start : start + 100], None))
        log.info("fetched", connection=connection, stream=stream, trigger=trigger, **counts.as_dict())
        return counts
    finally:
        if connector is None:
            own.close()
