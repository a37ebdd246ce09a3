"""Apply: the one lane that turns inputs into state, in batches of one short transaction each (D2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, delete, func, insert, select

from mapping.identity.remembered import forget_some
from sync.activation import activate_profiles, pin_policies
from sync.context import Context
from sync.fold.batch import Batch, business_dates, open_batch
from sync.fold.run import fold
from sync.openings import Openings, begin_books, look
from sync.settle.run import STAGES, settle
from sync.settle.waiting import note_messages
from sync.sizing import Stopwatch
from sync.slices import is_stopping
from sync.yardsticks import review_companies
from tieout.core import logging
from tieout.core.errors import StaleWrite
from tieout.store import leases
from tieout.store.among import among_given
from tieout.store.inputs import append_input
from tieout.store.leases import Lease
from tieout.store.outbox import is_counting, judge_run
from tieout.store.queries.openings import OPENING, is_unfinished
from tieout.store.session import reading, retrying, unit
from tieout.store.tables import dirty, inputs, meta, pending, watermarks

log = logging.get("apply")
LANE = "apply"
LANE_TTL = 30.0
FRESH = timedelta(hours=24)
Progress = Callable[[Mapping[str, Any]], None]
_FOLD = "fold"
_ANY_PENDING = select(pending.c.seq).order_by(pending.c.seq).limit(1)
_READ = select(watermarks.c.connection, watermarks.c.stream, watermarks.c.completed_at)
_FIRST_READ = select(watermarks.c.connection, watermarks.c.stream).where(watermarks.c.first_completed_at.is_not(None))
_TICKED = select(meta.c.key, meta.c.value).where(meta.c.key.like("ticked_on:%"))
_PENDING = (
    select(inputs.c.seq, inputs.c.kind, inputs.c.connection, inputs.c.stream)
    .join(pending, pending.c.seq == inputs.c.seq)
    .order_by(pending.c.seq)
    .limit(bindparam("most", type_=Integer))
)
_FOLDED = delete(pending).where(among_given(pending.c.seq, "seqs"))
# One look tells what waits: inputs to fold, else dirty keys by stage. Each part reads one entry of an index: PostgreSQL
# answers EXISTS by reading the table from its start, past all that was done and is not cleaned away yet.
_WAITS = select(
    _ANY_PENDING.scalar_subquery().is_not(None).label(_FOLD),
    *(
        select(dirty.c.key).where(dirty.c.kind == stage).order_by(dirty.c.key).limit(1).scalar_subquery()
        .is_not(None).label(stage)
        for stage in STAGES
    ),
)  # fmt: skip


@dataclass
class ApplySummary:
    """What one run of the lane did."""

    folded: int = 0
    settled: int = 0
    batches: int = 0
    longest_seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    is_busy: bool = False  # another process holds the lane
    is_waiting: bool = False  # a first pull is not finished: nothing is decided on half the books

    def add(self, batch: Batch) -> None:
        for name, value in batch.counts.items():
            self.counts[name] = self.counts.get(name, 0) + value

    def as_dict(self) -> dict[str, Any]:
        return {
            "folded": self.folded,
            "settled": self.settled,
            "batches": self.batches,
            "busy": self.is_busy,
            "waiting": self.is_waiting,
            "counts": dict(sorted(self.counts.items())),
        }


def run_apply(ctx: Context, *, limit_seconds: float | None = None, progress: Progress | None = None) -> ApplySummary:
    """Fold all pending inputs, then settle all that became dirty; stops early after `limit_seconds`.

    Two lanes never run: the lease is fenced, and its guard is checked inside every transaction.
    """
    summary = ApplySummary()
    lease = leases.acquire(ctx.engine, LANE, ctx.ids.new("own"), ttl_seconds=LANE_TTL, clock=ctx.clock)
    if lease is None:
        summary.is_busy = True
        return summary
    try:
        activate_profiles(ctx)
        pin_policies(ctx)
        lane = _Lane(ctx, lease, summary, progress, look(ctx))
        lane.run(limit_seconds)
    except StaleWrite as error:
        log.warning("apply lane lost", why=str(error))
        summary.is_busy = True
    finally:
        leases.release(ctx.engine, lease)
    return summary


class _Lane:
    def __init__(
        self, ctx: Context, lease: Lease, summary: ApplySummary, progress: Progress | None, openings: Openings
    ) -> None:
        self.ctx, self.lease, self.summary, self.progress = ctx, lease, summary, progress
        self.openings = openings
        self.sizer = ctx.sizer
        self.profiles = {name: ctx.profiles(name) for name in ctx.config.connections}
        self._may_settle = False

    def run(self, limit_seconds: float | None) -> None:
        clock = self.ctx.clock
        began = clock.monotonic()
        renewed = began
        while True:
            if clock.monotonic() - renewed > LANE_TTL / 3:
                self.lease = leases.renew(self.ctx.engine, self.lease, ttl_seconds=LANE_TTL, clock=clock)
                renewed = clock.monotonic()
            stage = OPENING if self._open_first() else self._first_waiting()
            if stage == OPENING:
                pass  # a batch of it is done; nothing else is looked at before its end
            elif stage == _FOLD:
                self._timed(self._fold_batch)
            elif self._begin_books():
                continue
            elif not self._ready():
                self.summary.is_waiting = True
                return
            elif not self._may_settle:
                self._may_settle = not review_companies(self.ctx)  # else there is something to fold first
                continue
            elif stage is None:
                self._judge()
                return
            else:
                self._timed(partial(self._settle_batch, stage))
            if limit_seconds is not None and (is_stopping() or clock.monotonic() - began > limit_seconds):
                return

    def _first_waiting(self) -> str | None:
        """The first kind of work that waits: later stages depend on earlier ones. None = nothing does."""
        with reading(self.ctx.engine) as conn:
            row = conn.execute(_WAITS).one()
        return next((stage for stage, waits in zip((_FOLD, *STAGES), row, strict=True) if waits), None)

    def _ready(self) -> bool:
        """Whether all first pulls are complete; once they are, they stay it."""
        return self._may_settle or ready_to_settle(self.ctx)

    def _open_first(self) -> int:
        """One batch of documents that wait for the opening in force: nothing else is folded before they have it."""
        if not self.openings.is_unfinished:
            return 0
        with reading(self.ctx.engine) as conn:
            self.openings.is_unfinished = is_unfinished(conn)
        return self._timed(partial(self._settle_batch, OPENING)) if self.openings.is_unfinished else 0

    def _begin_books(self) -> bool:
        """True when an opening was put into the log, or something landed that has to be folded before it."""
        if self.openings.is_idle or not self.openings.due():
            return False
        batch = retrying(
            lambda: begin_books(self.ctx, self.lease, self.openings),
            sleep=self.ctx.clock.sleep,
            jitter=self.ctx.ids.jitter,
        )
        if batch is None:
            return False
        self.summary.add(batch)
        self.summary.folded += 1
        return True

    def _judge(self) -> None:
        """Nothing is left to do: the run has ended, and what it made ready is held against the change limits."""
        with reading(self.ctx.engine) as conn:
            if not is_counting(conn):
                return
        limits = {name: one.max_changes_per_run for name, one in self.ctx.config.connections.items()}
        with unit(self.ctx.engine, "settle.commit") as conn:
            leases.guard(conn, self.lease)
            parked = judge_run(conn, limits, self.ctx.clock.now())
        for connection, count in sorted(parked.items()):
            self.summary.counts["parked"] = self.summary.counts.get("parked", 0) + count
            log.warning("changes wait for an approver", connection=connection, changes=count)

    def _timed(self, work: Callable[[], int]) -> int:
        done = retrying(work, sleep=self.ctx.clock.sleep, jitter=self.ctx.ids.jitter)
        self.ctx.statistics.after(done)
        if done and self.progress is not None:
            self.progress({"step": "apply", "folded": self.summary.folded, "settled": self.summary.settled})
        return done

    def _note(self, kinds: Sequence[str], watch: Stopwatch) -> None:
        """What a transaction took, from holding its lock to its commit; the wait for the lock is not its cost."""
        forget_some()
        self.sizer.note(kinds, watch.cost())
        self.summary.batches += 1
        self.summary.longest_seconds = max(self.summary.longest_seconds, watch.lasted())

    def _fold_batch(self) -> int:
        with unit(self.ctx.engine, "apply.commit") as conn:
            watch = Stopwatch(self.ctx.clock, conn.dialect.name)
            leases.guard(conn, self.lease)
            waiting = _waiting(conn, self.sizer.most())
            kinds = [kind for _, kind in waiting[: self.sizer.fit([kind for _, kind in waiting])]]
            seqs = [seq for seq, _ in waiting[: len(kinds)]]
            if not seqs:
                return 0
            batch = open_batch(
                conn,
                self.ctx.config,
                self.profiles,
                body={"phase": "fold", "seqs": ranges(seqs), **self.openings.mark},
                now=self.ctx.clock.now(),
            )
            fold(batch, seqs)
            conn.execute(_FOLDED, {"seqs": seqs})
            batch.flush()
            self.summary.add(batch)
        self._note(kinds, watch)
        self.summary.folded += len(seqs)
        return len(seqs)

    def _settle_batch(self, stage: str) -> int:
        kind = f"settle {stage}"
        with unit(self.ctx.engine, "settle.commit") as conn:
            watch = Stopwatch(self.ctx.clock, conn.dialect.name)
            leases.guard(conn, self.lease)
            if stage != OPENING and conn.execute(_ANY_PENDING).first() is not None:
                return 1  # something landed meanwhile: fold it first
            limit = self.sizer.size(kind)
            body = {"phase": "settle", "stage": stage, "limit": limit, "fresh": fresh_companies(self.ctx)}
            if stage == "customer":
                body["messages"] = note_messages(conn, limit)
            batch = open_batch(
                conn,
                self.ctx.config,
                self.profiles,
                body=body,
                now=self.ctx.clock.now(),
            )
            done = settle(batch, stage, limit)
            batch.flush()
            self.summary.add(batch)
        self._note([kind] * done, watch)
        self.summary.settled += done
        return done


def _waiting(conn: Connection, most: int) -> list[tuple[int, str]]:
    """The first inputs that wait, each with the kind of work it is: its stream, or what else it is."""
    names: dict[tuple[str, str | None, str | None], str] = {}
    out = []
    for seq, kind, connection, stream in conn.execute(_PENDING, {"most": most}).all():
        key = (kind, connection, stream)
        if key not in names:
            names[key] = f"fold {connection}/{stream}" if kind == "landed" else kind
        out.append((seq, names[key]))
    return out


def ranges(seqs: list[int]) -> list[list[int]]:
    """Consecutive numbers as [first, last] pairs, for the mark."""
    out: list[list[int]] = []
    for seq in seqs:
        if out and out[-1][1] == seq - 1:
            out[-1][1] = seq
        else:
            out.append([seq, seq])
    return out


def spread(pairs: list[list[int]]) -> list[int]:
    """The numbers behind `ranges`."""
    return [seq for first, last in pairs for seq in range(first, last + 1)]


def ready_to_settle(ctx: Context) -> bool:
    """True once every configured stream of every connection has been read to its end at least once.

    Deciding earlier would chase customers for invoices whose payments have not been read yet.
    """
    return not unread(ctx)


def unread(ctx: Context) -> list[str]:
    """The connections that have a stream which was never read to its end, by name."""
    wanted = {(name, stream) for name in ctx.config.connections for stream in ctx.streams(name)}
    with reading(ctx.engine) as conn:
        done = conn.execute(_FIRST_READ).all()
    return sorted({name for name, _ in wanted.difference((name, stream) for name, stream in done)})


def run_tick(ctx: Context) -> bool:
    """Append one tick per company and business date; True when a new day began somewhere."""
    now = ctx.clock.now()
    began = False
    for company, day in business_dates(ctx.config, now).items():
        key = f"ticked_on:{company}"
        with unit(ctx.engine, "apply.commit") as conn:
            last = conn.execute(select(meta.c.value).where(meta.c.key == key)).scalar()
            if last is not None and last >= day.isoformat():
                continue
            if last is None:
                conn.execute(insert(meta).values(key=key, value=day.isoformat()))
            else:
                conn.execute(meta.update().where(meta.c.key == key).values(value=day.isoformat()))
            append_input(conn, "tick", now, {"company": company, "on": day.isoformat()})
            began = True
    return began


def tick_due(ctx: Context) -> bool:
    """True when some company's business day has not been ticked yet."""
    days = business_dates(ctx.config, ctx.clock.now())
    with reading(ctx.engine) as conn:
        held = dict(conn.execute(_TICKED).all())
    return any(held.get(f"ticked_on:{company}", "") < day.isoformat() for company, day in days.items())


def append_answer(conn: Connection, now: Any, body: dict[str, Any], actor: str) -> int:
    """Put a person's answer into the input log; answers its seq."""
    return append_input(conn, "answer", now, body, actor=actor)


def fresh_companies(ctx: Context) -> list[str]:
    """Companies whose book of record was read to its end within the last day: only then may anyone be reminded."""
    oldest = ctx.clock.now() - FRESH
    with reading(ctx.engine) as conn:
        rows = conn.execute(_READ).all()
    stale = {row.connection for row in rows if row.completed_at is None or row.completed_at < oldest}
    read = {row.connection for row in rows}
    return [
        name
        for name, company in ctx.config.companies.items()
        if company.book_of_record in read and company.book_of_record not in stale
    ]


def backlog(ctx: Context) -> dict[str, int]:
    """How much waits to be folded and settled."""
    with reading(ctx.engine) as conn:
        waiting = conn.execute(select(func.count()).select_from(pending)).scalar_one()
        stale = conn.execute(select(func.count()).select_from(dirty)).scalar_one()
        last = conn.execute(select(func.max(inputs.c.seq))).scalar()
    return {"pending": int(waiting), "dirty": int(stale), "last_seq": int(last or 0)}
