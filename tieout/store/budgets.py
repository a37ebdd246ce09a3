"""Budgets: calls and credits of a connection, counted and limited across processes.

Room is taken from the database in reservations, so that a call costs a fraction of a write; what was reserved counts as
used at once, so the vendor's limit is never passed. The window rolls: used units live in buckets (one write each) that
count until a whole window after their end. Concurrency is held as slots that lapse by themselves when a process dies.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, case, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tieout.core.clock import Clock
from tieout.core.dates import iso_utc, zone
from tieout.core.errors import RateLimited
from tieout.core.ids import Ids
from tieout.store.among import among_given
from tieout.store.session import lock_rows, unit
from tieout.store.tables import budgets, connections

_PUBLISH_CALLS = 20
_PUBLISH_AFTER = 2.0  # seconds
# A unit counts until a whole window after its bucket's end: an eightieth is what we use less than is allowed.
_BUCKETS = 80
_EPOCH = datetime.fromtimestamp(0, UTC)
_FORGIVEN = timedelta(minutes=5)
_b, _c = budgets.c, connections.c
# Made once: every connector asks these, some of them at every call.
_BACKOFF = select(_c.backoff_until_at).where(_c.name == bindparam("of"))
_COUNTING = (
    _b.connection == bindparam("of"),
    _b.window.startswith(bindparam("prefix")),
    _b.until_at > bindparam("now"),
)
_USED = select(func.coalesce(func.sum(_b.used), 0)).where(*_COUNTING)
_FIRST_END = select(_b.until_at).where(*_COUNTING).order_by(_b.until_at).limit(1)
_FORGET = delete(budgets).where(_b.connection == bindparam("of"), _b.until_at <= bindparam("now"))
_GIVE_BACK = delete(budgets).where(_b.connection == bindparam("of"), among_given(_b.window, "windows"))
_UNUSED = (
    update(budgets)
    .where(_b.connection == bindparam("of"), among_given(_b.window, "windows"))
    .values(used=_b.used - bindparam("unused"))
)
_SLOTS = select(
    func.count(), func.coalesce(func.sum(case((_b.window.startswith("slot:heavy:"), 1), else_=0)), 0)
).where(*_COUNTING)
_TAKE_SLOT = insert(budgets)
_ADD = {
    name: make(budgets).on_conflict_do_update(
        index_elements=[_b.connection, _b.window], set_={"used": _b.used + bindparam("amount")}
    )
    for name, make in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}
_PUBLISH = (
    update(connections)
    .where(_c.name == bindparam("of"))
    .values(calls=_c.calls + bindparam("more_calls"), credits=_c.credits + bindparam("more_credits"))
)


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """What a connection may use: `cost` units per rolling window, calls at a time, heavy calls at a time; 0 = any.

    `fast_share` of each is kept for the lane `fast` (webhooks, pushes); other lanes leave it untouched.
    """

    window_seconds: int = 86_400
    window_cost: int = 0
    concurrency: int = 0
    heavy_concurrency: int = 0
    fast_share: float = 0.2
    slot_seconds: float = 90.0  # longer than any one call lasts
    day_cost: int = 0  # units per calendar day of `day_zone`, beside the window; 0 = any
    day_zone: str = "UTC"
    max_wait_seconds: float = 15.0


class SqlBudget:
    """The budget of one connection for one connector; all of them share the counters. Implements `ports.Budget`."""

    def __init__(self, engine: Engine, connection: str, clock: Clock, ids: Ids, limits: BudgetLimits) -> None:
        self._engine, self._connection, self._clock, self._ids, self._limits = engine, connection, clock, ids, limits
        self._lock = threading.RLock()
        self._left = 0
        self._left_until: datetime | None = None
        self._bucket = ""
        self._idle: list[tuple[str, bool, datetime]] = []  # slots in hand: name, heavy, lapses
        self._busy: set[str] = set()
        self._calls = self._credits = 0
        self._published_at = clock.monotonic()
        self._refusals = 0
        self._backoff_until: datetime | None = None

    # ------------------------------------------------------------- units per window
    def spend(self, cost: int, *, lane: str, heavy: bool = False) -> None:
        """Take room for `cost` units; waits a little while the remote asked everybody to back off.

        Raises RateLimited with `retry_at` when the window has no room for this lane.
        """
        deadline = self._clock.monotonic() + self._limits.max_wait_seconds
        while True:
            with self._lock:
                until = self._take(cost, lane)
            if until is None:
                return
            wait = (until - self._clock.now()).total_seconds()
            if wait > deadline - self._clock.monotonic():
                raise RateLimited(
                    f"{self._connection}: no room for {cost} more units before {iso_utc(until)}",
                    connection=self._connection,
                    retry_at=until,
                )
            self._clock.sleep(max(wait, 0.01))

    def _take(self, cost: int, lane: str) -> datetime | None:
        """None when the units are ours, else the earliest instant that may have room."""
        now = self._clock.now()
        if self._backoff_until is not None and self._backoff_until > now:
            return self._backoff_until
        if self._left_until is not None and now >= self._left_until:
            self._left = 0  # what was reserved belonged to a bucket that is over
        if self._left < cost:
            until = self._reserve(cost, lane, now)
            if until is not None:
                return until
        self._left -= cost
        return None

    def _reserve(self, cost: int, lane: str, now: datetime) -> datetime | None:
        span = timedelta(seconds=self._limits.window_seconds)
        step = span / _BUCKETS
        began = _EPOCH + (now - _EPOCH) // step * step
        ends = began + step
        with unit(self._engine, "run.commit") as conn:
            self._gate(conn)
            backoff: datetime | None = conn.execute(_BACKOFF, {"of": self._connection}).scalar()
            if backoff is not None and backoff > now:
                self._backoff_until = backoff
                return backoff
            bucket = f"use:{iso_utc(began)}"
            amount = max(cost, 50)  # without a limit only the figure is kept
            if self._limits.window_cost:
                used = conn.execute(_USED, self._counting("use:", now)).scalar_one()
                allowed = self._limits.window_cost
                if lane != "fast":
                    allowed -= int(self._limits.window_cost * self._limits.fast_share)
                room = allowed - int(used)
                if room < cost:
                    return conn.execute(_FIRST_END, self._counting("use:", now)).scalar() or ends
                amount = min(room, max(cost, min(50, self._limits.window_cost // 100)))
                if self._limits.day_cost:
                    room, midnight = self._day_room(conn, lane, now)
                    if room < cost:
                        return midnight
                    amount = min(room, amount)
                    self._add(conn, self._day(now), amount, midnight)
                self._add(conn, bucket, amount, ends + span)
            conn.execute(_FORGET, {"of": self._connection, "now": now})
            self._publish(conn)
        if self._bucket == bucket:
            amount += self._left
        self._left, self._left_until, self._bucket = amount, ends, bucket
        return None

    def _day_room(self, conn: Connection, lane: str, now: datetime) -> tuple[int, datetime]:
        """Units left of the calendar day for this lane, and when the next day begins."""
        here = zone(self._limits.day_zone)
        midnight = datetime.combine(now.astimezone(here).date() + timedelta(days=1), time(), here).astimezone(UTC)
        used = conn.execute(_USED, self._counting("day:", now)).scalar_one()
        kept = 0 if lane == "fast" else int(self._limits.day_cost * self._limits.fast_share)
        return self._limits.day_cost - kept - int(used), midnight

    def _day(self, now: datetime) -> str:
        return f"day:{now.astimezone(zone(self._limits.day_zone)).date().isoformat()}"

    def _gate(self, conn: Connection) -> None:
        """Reservations of one connection follow each other (SQLite: every writing unit does)."""
        if lock_rows(conn):
            conn.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"budget:{self._connection}"))))

    def _counting(self, prefix: str, now: datetime) -> dict[str, Any]:
        return {"of": self._connection, "prefix": prefix, "now": now}

    def _add(self, conn: Connection, window: str, amount: int, until: datetime) -> None:
        row = {"connection": self._connection, "window": window, "used": amount, "until_at": until, "amount": amount}
        conn.execute(_ADD[conn.dialect.name], row)

    # ------------------------------------------------------------- calls at a time
    @contextmanager
    def call(self, *, lane: str, heavy: bool = False) -> Iterator[None]:
        """Hold one of the concurrency slots while a call runs; a slot in hand is used again without asking."""
        name = self._slot(lane, heavy) if self._limits.concurrency else None
        try:
            yield
        finally:
            if name is not None:
                with self._lock:
                    self._busy.discard(name)

    def _slot(self, lane: str, heavy: bool) -> str:
        deadline = self._clock.monotonic() + self._limits.max_wait_seconds
        while True:
            with self._lock:
                name = self._in_hand(heavy) or self._acquire(lane, heavy)
                if name is not None:
                    self._busy.add(name)
                    return name
            if self._clock.monotonic() >= deadline:
                raise RateLimited(
                    f"{self._connection}: all {self._limits.concurrency} concurrent calls are in use",
                    connection=self._connection,
                    retry_at=self._clock.now() + timedelta(seconds=5),
                )
            self._clock.sleep(0.05 + 0.1 * self._ids.jitter())

    def _in_hand(self, heavy: bool) -> str | None:
        """A slot we hold, not in use, that outlasts another call by far."""
        now = self._clock.now()
        self._idle = [slot for slot in self._idle if slot[2] > now]
        for name, is_heavy, lapses in self._idle:
            enough = lapses - now > timedelta(seconds=self._limits.slot_seconds * 2 / 3)
            if name not in self._busy and is_heavy >= heavy and enough:
                return name
        return None

    def _acquire(self, lane: str, heavy: bool) -> str | None:
        now = self._clock.now()
        lapses = now + timedelta(seconds=self._limits.slot_seconds)
        mine = [name for name, _, _ in self._idle if name not in self._busy]
        kept = 0 if lane == "fast" else int(self._limits.concurrency * self._limits.fast_share)
        heavy_max = self._limits.heavy_concurrency or self._limits.concurrency
        heavy_kept = 0 if lane == "fast" else int(heavy_max * self._limits.fast_share)
        with unit(self._engine, "run.commit") as conn:
            self._gate(conn)
            if mine:  # slots in hand are exchanged: of the wrong weight, or too near their end
                conn.execute(_GIVE_BACK, {"of": self._connection, "windows": mine})
                self._idle = [slot for slot in self._idle if slot[0] not in mine]
            taken, heavies = conn.execute(_SLOTS, self._counting("slot:", now)).one()
            if int(taken) >= max(1, self._limits.concurrency - kept):
                return None
            if heavy and int(heavies) >= max(1, heavy_max - heavy_kept):
                return None
            name = f"slot:{'heavy' if heavy else 'light'}:{self._ids.new('s')[2:]}"[:32]
            slot = {"connection": self._connection, "window": name, "used": 1, "until_at": lapses}
            conn.execute(_TAKE_SLOT, slot)
        self._idle.append((name, heavy, lapses))
        return name

    # ------------------------------------------------------------- what the remote says, figures
    def refused(self, retry_at: datetime | None) -> None:
        """The remote itself said too many: every process backs off, without an answer from it 2 s doubling to 2 min."""
        with self._lock:
            now = self._clock.now()
            if self._backoff_until is not None and now - self._backoff_until > _FORGIVEN:
                self._refusals = 0
            self._refusals = min(self._refusals + 1, 7)
            until = retry_at or now + timedelta(seconds=2.0**self._refusals * (0.75 + self._ids.jitter() / 2))
            self._backoff_until = until
            with unit(self._engine, "run.commit") as conn:
                c = connections.c
                conn.execute(
                    update(connections)
                    .where(c.name == self._connection, (c.backoff_until_at.is_(None)) | (c.backoff_until_at < until))
                    .values(backoff_until_at=until)
                )

    def record(self, calls: int, cost: int) -> None:
        """Add to the published figures; written at most every 20 calls or 2 seconds."""
        with self._lock:
            self._calls += calls
            self._credits += cost
            due = self._clock.monotonic() - self._published_at >= _PUBLISH_AFTER
            if self._calls >= _PUBLISH_CALLS or due:
                with unit(self._engine, "run.commit") as conn:
                    self._publish(conn)

    def _publish(self, conn: Connection) -> None:
        if self._calls or self._credits:
            more = {"of": self._connection, "more_calls": self._calls, "more_credits": self._credits}
            conn.execute(_PUBLISH, more)
        self._calls = self._credits = 0
        self._published_at = self._clock.monotonic()

    def close(self) -> None:
        """Give slots and unused units back and publish the figures."""
        with self._lock:
            held = [name for name, _, _ in self._idle]
            now = self._clock.now()
            unused = self._left if self._left_until is not None and now < self._left_until else 0
            if not (held or self._calls or self._credits or (unused and self._limits.window_cost)):
                return
            with unit(self._engine, "run.commit") as conn:
                if held:
                    conn.execute(_GIVE_BACK, {"of": self._connection, "windows": held})
                if unused and self._limits.window_cost:
                    windows = [self._bucket, self._day(now)]
                    conn.execute(_UNUSED, {"of": self._connection, "windows": windows, "unused": unused})
                self._publish(conn)
            self._idle, self._left = [], 0
