"""Reads one stream in legs: changes, records to be asked again, deletes. A slice or a kill may end after any page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from sqlalchemy import bindparam, select, update

from sync.context import Context
from sync.fetching import FETCH, fetch_part
from sync.prefetch import prefetch
from sync.sizing import Stopwatch
from sync.slices import Slice
from tieout.core import logging
from tieout.core.dates import iso_utc, parse_at
from tieout.core.errors import BadPayload
from tieout.core.ports import BadRow, Connector, Cursor, Page, SourceRow, StreamInfo
from tieout.store import leases
from tieout.store.landing import LandCounts, keep_asking, land, records_needing_fetch
from tieout.store.leases import Lease
from tieout.store.session import reading, retrying, unit
from tieout.store.tables import watermarks
from tieout.store.upsert import upsert

log = logging.get("pull")

Progress = Callable[[Mapping[str, Any]], None]
LEASE_SECONDS = 60.0  # after a kill another process may pull again this much later
SWEEP_EVERY = timedelta(hours=1)
_w = watermarks.c
_MINE = (_w.connection == bindparam("of"), _w.stream == bindparam("in_stream"))
_MARK = select(watermarks).where(*_MINE)
_SINCE = select(_w.first_completed_at, _w.swept_at, _w.since_at).where(*_MINE)
_SET = update(watermarks).where(*_MINE)
_READ_ON = _SET.values(rows_read=_w.rows_read + bindparam("more"))
MAX_PAGES = 100_000  # of one read, over all its slices: a vendor whose pages never end must not keep us for ever


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


class Held:
    """The lease of the connection that is pulled, renewed in time."""

    def __init__(self, ctx: Context, lease: Lease) -> None:
        self._ctx, self.lease, self._renewed_at = ctx, lease, ctx.clock.now()

    def keep(self) -> None:
        """Renew when a quarter of its life is over; StaleWrite if another process has taken over."""
        now = self._ctx.clock.now()
        if now - self._renewed_at > timedelta(seconds=LEASE_SECONDS / 4):
            self.lease = leases.renew(self._ctx.engine, self.lease, ttl_seconds=LEASE_SECONDS, clock=self._ctx.clock)
            self._renewed_at = now


@dataclass
class ReadLeg:
    """Where a read stands; stored with each page, so that the next slice or process goes on behind it."""

    at: Literal["read", "refetch", "deletes"]
    run_id: str
    cursor: Cursor
    deletes_since: datetime | None
    started_at: datetime
    server_at: datetime | None = None
    pages: int = 0
    deletes: Mapping[str, Any] | None = None

    def dump(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "run": self.run_id,
            "since": _iso(self.cursor.since),
            "state": dict(self.cursor.state),
            "deletes_since": _iso(self.deletes_since),
            "server_at": _iso(self.server_at),
            "pages": self.pages,
            "deletes": self.deletes,
        }

    @classmethod
    def load(cls, mark: Mapping[str, Any]) -> ReadLeg | None:
        """The leg a read was left in; None if none is under way."""
        if not mark.get("is_reading"):
            return None
        leg = mark.get("leg")
        if leg is None or leg["at"] not in ("read", "refetch", "deletes"):
            return None
        if leg["at"] == "read" and not mark.get("resume"):
            return None  # nothing had landed
        return cls(
            leg["at"],
            leg["run"],
            Cursor(_at(leg["since"]), leg["state"]),
            _at(leg["deletes_since"]),
            mark["read_started_at"],
            _at(leg["server_at"]),
            leg["pages"],
            leg["deletes"],
        )


class StreamReader:
    """One read of one stream: from its cursor, or where a slice or a kill left it, to the end."""

    def __init__(
        self,
        ctx: Context,
        connector: Connector,
        connection: str,
        info: StreamInfo,
        run_id: str,
        result: StreamPull,
        progress: Progress | None,
        held: Held,
        slice_: Slice,
    ) -> None:
        self.ctx, self.connector, self.connection, self.info = ctx, connector, connection, info
        self.run_id, self.result, self.progress, self.held, self.slice = run_id, result, progress, held, slice_

    def run(self, mark: Mapping[str, Any], *, full: bool, since: datetime | None) -> bool:
        """Read on from its mark; True when the stream has been read to its end, False when the slice ends before."""
        leg, resume = ReadLeg.load(mark), mark.get("resume")
        if leg is None or (leg.run_id != self.run_id and (full or since is not None)):
            leg, resume = self._begin(mark, full=full, since=since), None
        else:
            self.result.is_resumed = True
        if leg.at == "read":
            self._changes(leg, resume)
        if leg.at == "refetch" and not self.slice.is_cut:
            self._refetch(leg)
        if leg.at == "deletes" and not self.slice.is_cut:
            self._deletes(leg)
        if self.slice.is_cut:
            return False
        self._end(leg)
        return True

    def is_sweep_due(self, mark: Mapping[str, Any]) -> bool:
        """By the mark the read began with: the first read needs no sweep, it saw everything that lives."""
        swept_at = mark.get("swept_at")
        return swept_at is not None and self.ctx.clock.now() - swept_at >= SWEEP_EVERY

    def load(self) -> dict[str, Any]:
        """The stream's watermark as it stands."""
        with reading(self.ctx.engine) as conn:
            found = conn.execute(_MARK, self._key()).mappings().first()
        return dict(found) if found else {}

    def _key(self) -> dict[str, str]:
        return {"of": self.connection, "in_stream": self.info.name}

    def _begin(self, mark: Mapping[str, Any], *, full: bool, since: datetime | None) -> ReadLeg:
        state = mark.get("state") or {}
        cursor = Cursor(None, {}) if full else Cursor(since or mark.get("since_at"), state)
        deletes_since = (mark.get("deletes_since_at") if not full else None) or mark.get("since_at")
        leg = ReadLeg("read", self.run_id, cursor, deletes_since, self.ctx.clock.now())
        row = {
            "connection": self.connection,
            "stream": self.info.name,
            "is_reading": True,
            "read_started_at": leg.started_at,
            "resume": None,
            "leg": leg.dump(),
        }
        with unit(self.ctx.engine, "landing.commit") as conn:
            upsert(conn, watermarks, [row])
        return leg

    # ------------------------------------------------------------- the legs
    def _changes(self, leg: ReadLeg, resume: Mapping[str, Any] | None) -> None:
        pages = self.connector.read(self.info.name, leg.cursor, resume)
        for page in prefetch(self.slice.through(pages), threaded=self.ctx.transport is None):
            leg.server_at = leg.server_at or page.server_at
            leg.pages += 1
            if page.resume is None:
                leg.at = "refetch"
            elif leg.pages > MAX_PAGES or page.resume == resume:
                raise BadPayload(f"{self.connection}/{self.info.name}: pages do not end", code="endless_pages")
            resume = page.resume
            self._land(page, {"resume": resume, "leg": leg.dump()})
            del page
        if not self.slice.is_cut:
            leg.at = "refetch"

    def _refetch(self, leg: ReadLeg) -> None:
        """Records with an equal stamp and other content are asked for again by id before they are applied (D4).

        So are those in quarantine, once a read: an answer that could not be read may have been spoilt on its way.
        """
        asked: set[str] = set()  # a clock that went back must not make us ask for ever
        while True:
            with reading(self.ctx.engine) as conn:
                ids = records_needing_fetch(conn, self.connection, self.info.name, FETCH, before=leg.started_at)
            if asked.issuperset(ids):
                break
            if self.slice.cut():
                return
            asked.update(ids)
            self.held.keep()
            try:
                self.result.counts.add(self._fetch(ids))
            except BadPayload:
                for one in ids:
                    self._fetch_alone(one)
        leg.at = "deletes"

    def _fetch(self, ids: Sequence[str]) -> LandCounts:
        return fetch_part(self.ctx, self.connector, self.connection, self.info, ids, self.run_id)

    def _fetch_alone(self, key: str) -> None:
        """One record, so that the unreadable answer of another does not hold it up; still unreadable = next time."""
        try:
            self.result.counts.add(self._fetch([key]))
        except BadPayload as error:
            with unit(self.ctx.engine, "landing.commit") as conn:
                if not keep_asking(conn, self.connection, self.info.name, [key], self.ctx.clock.now()):
                    raise
            log.warning("still unreadable", connection=self.connection, stream=self.info.name, why=str(error))

    def _deletes(self, leg: ReadLeg) -> None:
        if not self.info.has_deletes:
            return
        pages = self.connector.deleted(self.info.name, Cursor(leg.deletes_since), leg.deletes)
        for page in self.slice.through(pages):
            leg.pages += 1
            if leg.pages > MAX_PAGES:
                raise BadPayload(f"{self.connection}/{self.info.name}: deletes do not end", code="endless_pages")
            leg.deletes = page.resume
            self._land(page, {"leg": leg.dump()})

    def _land(self, page: Page, stands: Mapping[str, Any]) -> None:
        self.held.keep()
        self.result.counts.add(self._land_parts(page, stands))
        self.result.pages += 1
        self.ctx.statistics.after(len(page.rows))
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

    def _land_parts(self, page: Page, stands: Mapping[str, Any]) -> LandCounts:
        """Land a page in as many transactions as it takes to keep each short; where the read stands moves at last."""
        ctx, kind, counts, at = self.ctx, f"land {self.connection}/{self.info.name}", LandCounts(), 0
        while True:
            until = at + ctx.sizer.size(kind)
            rows, is_last = page.rows[at:until], until >= len(page.rows)
            work = partial(self._land_part, kind, rows, page.bad if is_last else (), stands if is_last else {})
            counts.add(retrying(work, sleep=ctx.clock.sleep, jitter=ctx.ids.jitter))
            if is_last:
                return counts
            at = until

    def _land_part(
        self, kind: str, rows: Sequence[SourceRow], bad: Sequence[BadRow], moved: Mapping[str, Any]
    ) -> LandCounts:
        ctx = self.ctx
        with unit(ctx.engine, "landing.commit") as conn:
            watch = Stopwatch(ctx.clock, conn.dialect.name)
            leases.guard(conn, self.held.lease)
            part = land(
                conn,
                connection=self.connection,
                stream=self.info.name,
                module=self.info.remote,
                rows=rows,
                bad=bad,
                run_id=self.run_id,
                now=ctx.clock.now(),
            )
            conn.execute(_READ_ON, {**self._key(), "more": part.rows, **moved})
        ctx.sizer.note([kind] * len(rows), watch.cost())
        return part

    def _end(self, leg: ReadLeg) -> None:
        server_started = leg.started_at
        if leg.server_at is not None and leg.server_at < leg.started_at:
            server_started = leg.server_at  # the remote's clock is behind ours: its stamps will be too
        after = self.connector.next_cursor(self.info.name, leg.cursor, server_started, {})
        now = self.ctx.clock.now()
        with unit(self.ctx.engine, "landing.commit") as conn:
            leases.guard(conn, self.held.lease)
            mark = conn.execute(_SINCE, self._key()).one()
            since = after.since or mark.since_at  # a read from the beginning that was shown nothing leaves it in place
            conn.execute(
                _SET,
                {
                    **self._key(),
                    "since_at": since,
                    "state": dict(after.state),
                    "deletes_since_at": since,
                    "resume": None,
                    "leg": None,
                    "is_reading": False,
                    "first_completed_at": mark.first_completed_at or now,
                    "swept_at": mark.swept_at or now,
                    "completed_at": now,
                    "error": None,
                },
            )


def _iso(at: datetime | None) -> str | None:
    return iso_utc(at) if at is not None else None


def _at(text: str | None) -> datetime | None:
    return parse_at(text) if text is not None else None
