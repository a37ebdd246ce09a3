"""A round: one pull of a connection over its streams, stored so that slices of it may run in any process (D3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sync.context import Context
from sync.reading import StreamPull
from tieout.core.dates import iso_utc, parse_at
from tieout.store import connections as connection_store
from tieout.store import runs
from tieout.store.landing import LandCounts


@dataclass
class Round:
    """What was asked of a pull, what is left of it, and what it did so far."""

    connection: str
    run_id: str
    full: bool
    since: datetime | None
    sweep: bool | None
    accept_deletes: bool
    actor: str  # who accepts the deletions
    left: list[str] = field(default_factory=list)
    done: list[Mapping[str, Any]] = field(default_factory=list)  # StreamPull.as_dict of the streams so far

    @classmethod
    def begin(
        cls, ctx: Context, connection: str, *, trigger: str, full: bool, since: datetime | None, sweep: bool | None,
        accept_deletes: bool, actor: str,
    ) -> Round:  # fmt: skip
        """A new round and its run: the one that somebody queued for this connection, else a new one."""
        run_id = runs.take(ctx.engine, ctx.clock, "sync", connection) or runs.start(
            ctx.engine, ctx.ids, ctx.clock, kind="pull", connection=connection, trigger=trigger
        )
        return cls(connection, run_id, full, since, sweep, accept_deletes, actor)

    @classmethod
    def load(cls, ctx: Context, connection: str) -> Round | None:
        """The round that is under way, if any."""
        held = connection_store.load(ctx.engine, connection).get("pull_round")
        if not held:
            return None
        since = parse_at(held["since"]) if held["since"] else None
        return cls(
            connection, held["run"], held["full"], since, held["sweep"], held["accept_deletes"],
            held.get("actor", "system"), list(held["left"]), list(held["done"]),
        )  # fmt: skip

    def results(self) -> list[StreamPull]:
        """What the slices so far did, by stream."""
        names = LandCounts().as_dict()
        return [
            StreamPull(one["stream"], LandCounts(**{name: one[name] for name in names}), one["pages"], one["error"])
            for one in self.done
        ]

    def save(self, ctx: Context, streams: Sequence[StreamPull]) -> None:
        """Where the round stands now; its run shows the counts."""
        self.done = [stream.as_dict() for stream in streams]
        body = {
            "run": self.run_id,
            "full": self.full,
            "since": iso_utc(self.since) if self.since else None,
            "sweep": self.sweep,
            "accept_deletes": self.accept_deletes,
            "actor": self.actor,
            "left": self.left,
            "done": self.done,
        }
        connection_store.save_round(ctx.engine, self.connection, body, self.run_id, _counts(streams))

    def finish(
        self, ctx: Context, streams: Sequence[StreamPull] = (), *, error: str = "", is_noted: bool = False
    ) -> None:
        """The round is over, and its run with it; `is_noted` = as the last pull of the connection."""
        counts = _counts(streams or self.results())
        connection_store.end_round(
            ctx.engine, self.connection, self.run_id, ctx.clock, counts=counts, error=error, is_noted=is_noted
        )


def _counts(streams: Sequence[StreamPull]) -> dict[str, Any]:
    return {stream.stream: stream.as_dict() for stream in streams}
