"""Push: send what the outbox holds ready, one write in flight per record, nothing sent twice (D3, D8, D13)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from sync.connecting import connection_of, timeout_seconds, write_rows
from sync.context import Context
from sync.maybe_sent import may_have_been_sent
from sync.queue import ring
from sync.recheck import HOLD, overtaken
from tieout.core import faults, logging
from tieout.core.errors import AuthError, ConfigError, RateLimited, SourceError, TieoutError, UnknownOutcome
from tieout.core.ports import Connector, Receipt, RemoteChange, Seen
from tieout.store import connections as connection_store
from tieout.store import delivery, receipts, restored, runs
from tieout.store.delivery import Claimed
from tieout.store.landing import chunks
from tieout.store.outbox import same_value
from tieout.store.plans import plan_rows
from tieout.store.pushes import OUTCOME_UNKNOWN
from tieout.store.receipts import Result
from tieout.store.session import reading
from tieout.store.tables import remote_seen, source_records

log = logging.get("push")
BATCH = 100
SHORT_WAIT = timedelta(seconds=60)
Progress = Callable[[Mapping[str, Any]], None]


@dataclass
class PushSummary:
    """What one slice of pushing a connection did; `is_more` = something is still due."""

    connection: str
    done: int = 0
    dead: int = 0
    retried: int = 0
    uncertain: int = 0
    superseded: int = 0
    read_back: int = 0
    moved: int = 0
    refused: str = ""  # why nothing (more) was sent
    retry_at: datetime | None = None
    is_more: bool = False
    states: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def ok(self) -> bool:
        return not self.refused and not self.dead

    def as_dict(self) -> dict[str, Any]:
        out = asdict(self)
        del out["states"]
        return {**out, "ok": self.ok}


def run_push(
    ctx: Context,
    connection: str,
    *,
    limit_seconds: float | None = 2.0,
    lane: str = "fast",
    plan_digest: str | None = None,
    progress: Progress | None = None,
) -> PushSummary:
    """One slice of pushing a connection: settle uncertain rows by reading back, then send ready rows in batches.

    `limit_seconds` None = until nothing is due. `plan_digest` sends rows of that stored plan only. Refused while
    pushing is paused or switched off; what the remote refuses is recorded, never raised.
    """
    summary = PushSummary(connection)
    conf = connection_of(ctx, connection)
    held = connection_store.load(ctx.engine, connection)
    now = ctx.clock.now()
    if held.get("push_paused"):
        summary.refused = f"pushing is paused: {held.get('push_paused_why') or 'by an operator'}"
    elif conf.push_mode == "off":
        summary.refused = "push_mode is off"
    elif held.get("backoff_until_at") and held["backoff_until_at"] > now:
        summary.refused, summary.retry_at = "the remote asked to wait", held["backoff_until_at"]
    if summary.refused:
        return summary
    _Push(ctx, connection, summary, lane, plan_digest, progress, held.get("auth_state") == "dead").run(limit_seconds)
    if asdict(summary) != asdict(PushSummary(connection)):
        counts = {k: v for k, v in summary.as_dict().items() if isinstance(v, int) and v}
        runs.note(
            ctx.engine, ctx.ids, ctx.clock, kind="push", connection=connection, started_at=now, counts=counts,
            error=summary.refused,
        )  # fmt: skip
    return summary


def is_push_due(ctx: Context, connection: str) -> bool:
    """Whether a push of this connection would find something to do now."""
    settle = timedelta(seconds=timeout_seconds(ctx, connection))
    return delivery.is_due(ctx.engine, connection, settle=settle, clock=ctx.clock)


class _Push:
    def __init__(
        self,
        ctx: Context,
        connection: str,
        summary: PushSummary,
        lane: str,
        plan_digest: str | None,
        progress: Progress | None,
        was_dead: bool,
    ) -> None:
        self.ctx, self.connection, self.summary, self.lane, self.progress = ctx, connection, summary, lane, progress
        self.owner = ctx.ids.new("own")
        self.timeout = timedelta(seconds=timeout_seconds(ctx, connection))
        self.rows = write_rows(ctx, connection)
        self.lease = self.timeout * 2 + timedelta(seconds=30)
        self.plan = None if plan_digest is None else [row_id for row_id, _ in plan_rows(ctx.engine, plan_digest)]
        self.only: Sequence[str] | None = None
        self.was_dead = was_dead
        self.done_before = 0
        with reading(ctx.engine) as conn:
            self.is_restored = restored.at(conn) is not None
        self._connector: Connector | None = None

    @property
    def connector(self) -> Connector:
        if self._connector is None:
            self._connector = self.ctx.connector(self.connection, self.lane)
        return self._connector

    def run(self, limit_seconds: float | None) -> None:
        deadline = None if limit_seconds is None else self.ctx.clock.monotonic() + limit_seconds
        delivery.expire(self.ctx.engine, self.connection, clock=self.ctx.clock)
        try:
            for part in [None] if self.plan is None else list(chunks(self.plan, 5000)):
                self.only = part
                while not self._drain(deadline):
                    if deadline is not None or not self._waited():
                        return
        finally:
            if self._connector is not None:
                self._connector.close()
        if self.was_dead and self.summary.done:
            connection_store.set_auth_ok(self.ctx.engine, self.connection)

    def _waited(self) -> bool:
        """In the foreground a short wait that was asked for is waited out, as long as things move on in between."""
        summary, now = self.summary, self.ctx.clock.now()
        if summary.retry_at is None or summary.retry_at - now > SHORT_WAIT or summary.done == self.done_before:
            return False
        self.done_before = summary.done
        self.ctx.clock.sleep(max((summary.retry_at - now).total_seconds(), 0.0) + 0.05)
        summary.refused, summary.retry_at = "", None
        return True

    def _drain(self, deadline: float | None) -> bool:
        """True when nothing is left to do, False when told to wait or out of time."""
        for step in (self._resolve, self._send):
            while step():
                if self.summary.refused:
                    return False
                if deadline is not None and self.ctx.clock.monotonic() >= deadline:
                    self.summary.is_more = is_push_due(self.ctx, self.connection)
                    return False
        return True

    # ------------------------------------------------------------- uncertain first
    def _resolve(self) -> bool:
        rows = delivery.claim_uncertain(
            self.ctx.engine,
            self.connection,
            owner=self.owner,
            lease=self.lease,
            settle=self.timeout,
            limit=BATCH,
            clock=self.ctx.clock,
            only=self.only,
        )
        if not rows:
            return False
        try:
            seen = self.connector.read_back([self._change(row, None) for row in rows])
        except TieoutError as error:
            self._stop(error)
            wait = getattr(error, "retry_at", None)
            self._record(
                [Result(row.id, row.fence, "uncertain", error.code, str(error), retry_at=wait) for row in rows]
            )
            return True
        self.summary.read_back += len(rows)
        self._record([_settled(row, found) for row, found in zip(rows, seen, strict=True)])
        return True

    # ------------------------------------------------------------- then what is ready
    def _send(self) -> bool:
        rows = delivery.claim(
            self.ctx.engine,
            self.connection,
            owner=self.owner,
            lease=self.lease,
            limit=min(BATCH, self.rows),
            clock=self.ctx.clock,
            only=self.only,
        )
        if not rows:
            return False
        groups: dict[tuple[str, str], list[Claimed]] = {}
        for row in rows:
            groups.setdefault((row.module, row.operation), []).append(row)
        for group in groups.values():
            late = self.ctx.clock.now() + self.timeout * 2 > group[0].until_at  # a write may begin one time-out in
            if self.summary.refused or late:
                self._record([Result(row.id, row.fence, "give_back") for row in group])
            else:
                self._deliver(group)
        return True

    def _deliver(self, group: Sequence[Claimed]) -> None:
        if self.is_restored and group[0].operation == "create":
            group = self._not_there(group)
            if not group:
                return
        group = self._without_overtaken(group)
        if not group:
            return
        stamps = self._stamps([row for row in group if row.is_guarded])
        changes = [self._change(row, stamps.get(row.remote_id)) for row in group]
        faults.hit("before:push.send")
        try:
            found = self.connector.write(changes)
        except UnknownOutcome as error:
            self._record([Result(row.id, row.fence, "uncertain", error.code, str(error)) for row in group])
            return
        except TieoutError as error:
            # Connectors raise only when nothing at all was sent; later refusals come as receipts.
            self._stop(error)
            wait = getattr(error, "retry_at", None)
            self._record(
                [Result(row.id, row.fence, "give_back", error.code, str(error), retry_at=wait) for row in group]
            )
            return
        faults.hit("after:push.send")
        faults.hit("before:push.read")
        by_id = {receipt.change_id: receipt for receipt in found}
        results = [_result(row, by_id.get(row.id)) for row in group]
        faults.hit("after:push.read")
        self._slow_down(found)
        self._look_again([row for row, result in zip(group, results, strict=True) if _needs_a_look(result)], results)
        self._record(results)

    def _not_there(self, group: Sequence[Claimed]) -> list[Claimed]:
        """After a restore a creation may have been sent before: what the remote holds is done, the rest is sent.

        Where the remote cannot be asked, only what is new since the restore is sent; the rest is for a person.
        """
        try:
            seen = self.connector.read_back([self._change(row, None) for row in group])
        except TieoutError as error:
            self._stop(error)
            wait = getattr(error, "retry_at", None)
            self._record(
                [Result(row.id, row.fence, "give_back", error.code, str(error), retry_at=wait) for row in group]
            )
            return []
        self.summary.read_back += len(group)
        unknown = [row.id for row, found in zip(group, seen, strict=True) if not found.is_known]
        maybe = may_have_been_sent(self.ctx, unknown) if unknown else set()
        there = {row.id for row, found in zip(group, seen, strict=True) if found.found} | maybe
        if there:
            self._record([_settled(row, found) for row, found in zip(group, seen, strict=True) if row.id in there])
        return [row for row in group if row.id not in there]

    def _without_overtaken(self, group: Sequence[Claimed]) -> Sequence[Claimed]:
        """Reminders are held against the books once more; what does not stand is given back for apply to decide."""
        if group[0].operation != "create":
            return group
        found = overtaken(self.ctx, [row.id for row in group])
        if found.held:
            later = self.ctx.clock.now() + HOLD
            back = [Result(r.id, r.fence, "give_back", "recheck", retry_at=later) for r in group if r.id in found.held]
            self._record(back, undecided=sorted(found.undecided))
            ring(self.ctx, "apply")
        return [row for row in group if row.id not in found.held]

    def _change(self, row: Claimed, stamp: datetime | None) -> RemoteChange:
        return RemoteChange(
            change_id=row.id,
            module=row.module,
            operation=row.operation,
            remote_id=row.remote_id,
            fields=row.fields,
            key=row.event_key,
            key_field=row.key_field,
            parent_module=row.parent_module,
            parent_id=row.parent_id,
            version=row.version,
            if_unmodified_since=stamp,
        )

    def _stamps(self, rows: Sequence[Claimed]) -> dict[str, datetime]:
        """The newest modified stamp known of records that are written a second time, so that a late first write loses.

        Only those: the vendor's guard belongs to a whole request, a guarded change travels alone.
        """
        out: dict[str, datetime] = {}
        if not rows:
            return out
        ids = [row.remote_id for row in rows if row.operation == "update"]
        streams = self._streams(rows[0].module)
        s, r = source_records.c, remote_seen.c
        with reading(self.ctx.engine) as conn:
            for part in chunks(ids):
                for key, at in conn.execute(
                    select(r.remote_id, r.remote_modified_at).where(
                        r.connection == self.connection, r.module == rows[0].module, r.remote_id.in_(part)
                    )
                ):
                    if at is not None:
                        out[key] = at
                for key, at in conn.execute(
                    select(s.external_id, func.max(s.modified_at))
                    .where(s.connection == self.connection, s.stream.in_(streams), s.external_id.in_(part))
                    .group_by(s.external_id)
                ):
                    if at is not None:
                        out[key] = max(at, out.get(key, at))
        return out

    def _streams(self, module: str) -> list[str]:
        return [info.name for info in self.connector.streams() if info.remote == module]

    # ------------------------------------------------------------- what came back
    def _look_again(self, rows: Sequence[Claimed], results: list[Result]) -> None:
        """Records that moved or are gone are fetched and landed before anything else is sent to them."""
        by_module: dict[str, list[str]] = {}
        for row in rows:
            by_module.setdefault(row.module, []).append(row.remote_id)
        for module, ids in by_module.items():
            self.summary.moved += len(ids)
            try:
                on_version_moved(self.ctx, self.connection, self._streams(module), ids, self.connector)
            except (SourceError, ConfigError) as error:
                log.warning("could not look again", connection=self.connection, module=module, why=str(error))
                for at, result in enumerate(results):
                    if result.verdict == "version_moved":
                        results[at] = Result(result.id, result.fence, "retry", result.code, result.message)

    def _slow_down(self, found: Sequence[Receipt]) -> None:
        waits = [receipt.retry_at for receipt in found if receipt.outcome == "retry" and receipt.retry_at]
        if waits:
            self.summary.refused, self.summary.retry_at = "the remote asked to wait", max(waits)
            connection_store.set_backoff(self.ctx.engine, self.connection, max(waits), self.ctx.clock)

    def _stop(self, error: TieoutError) -> None:
        self.summary.refused = str(error)
        if isinstance(error, AuthError):
            connection_store.set_auth_dead(self.ctx.engine, self.connection, str(error), self.ctx.clock)
            return
        self.summary.retry_at = error.retry_at if isinstance(error, RateLimited) else None
        connection_store.set_backoff(self.ctx.engine, self.connection, self.summary.retry_at, self.ctx.clock)

    def _record(self, results: Sequence[Result], undecided: Sequence[str] = ()) -> None:
        states = receipts.record(
            self.ctx.engine, self.connection, results, clock=self.ctx.clock, ids=self.ctx.ids, undecided=undecided
        )
        verdicts = {result.id: result.verdict for result in results}
        for row_id, state in states.items():
            self.summary.states[row_id] = state
            if state == "done":
                self.summary.done += 1
            elif state == "dead":
                self.summary.dead += 1
            elif state == "uncertain":
                self.summary.uncertain += 1
            elif state == "superseded":
                self.summary.superseded += 1
            elif verdicts[row_id] != "give_back":
                self.summary.retried += 1
        if self.progress is not None:
            self.progress(
                {"step": "push", "connection": self.connection, "done": self.summary.done, "dead": self.summary.dead}
            )


def on_version_moved(
    ctx: Context, connection: str, streams: Sequence[str], remote_ids: Sequence[str], connector: Connector
) -> None:
    """Fetch records fresh and land them, then let apply look at what is new."""
    from sync.fetching import fetch_and_land

    news = 0
    for stream in streams:
        counts = fetch_and_land(ctx, connection, stream, remote_ids, trigger="moved", connector=connector)
        news += counts.new + counts.drifted
    if news:
        ring(ctx, "apply")


def _needs_a_look(result: Result) -> bool:
    return result.verdict in ("version_moved", "not_found")


def _result(row: Claimed, receipt: Receipt | None) -> Result:
    if receipt is None:
        return Result(row.id, row.fence, "uncertain", "no_receipt", "the remote's answer does not name this change")
    if receipt.outcome == "retry" and receipt.code == "not_sent":
        return Result(row.id, row.fence, "give_back", receipt.code, receipt.message, retry_at=receipt.retry_at)
    return Result(
        row.id,
        row.fence,
        receipt.outcome,
        remote_id=receipt.remote_id,
        code=receipt.code,
        message=receipt.message,
        modified_at=receipt.remote_modified_at,
        retry_at=receipt.retry_at,
        detail=receipt.detail,
    )


def _settled(row: Claimed, seen: Seen) -> Result:
    """What a read-back says: equal values = it happened; else it may be sent (again), unless nobody can say."""
    if not seen.is_known:
        words = "it may have been delivered; it is not sent again unless a person says so (retry)"
        return Result(row.id, row.fence, "rejected", code=OUTCOME_UNKNOWN, message=words)
    if row.operation == "create":
        if seen.found:
            return Result(row.id, row.fence, "done", seen.remote_id, "read_back", modified_at=seen.modified_at)
        return Result(row.id, row.fence, "again", code="not_there")
    if not seen.found:
        return Result(row.id, row.fence, "not_found", row.remote_id, "not_found", "the record is gone")
    same = all(same_value(value, seen.fields.get(name)) for name, value in row.fields.items())
    return Result(
        row.id,
        row.fence,
        "done" if same else "again",
        seen.remote_id or row.remote_id,
        "read_back",
        modified_at=seen.modified_at,
        seen=seen.fields,
    )
