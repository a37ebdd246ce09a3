"""The scheduler: wakes the sweep every few seconds; several may run, one leads."""

from __future__ import annotations

import threading

from sqlalchemy.exc import SQLAlchemyError

from sync.alive import SCHEDULER
from sync.connecting import close_context, open_context
from sync.context import Context
from sync.secrets import check_key
from sync.sweep import run_housekeeping, run_sweep
from tieout.core import logging
from tieout.core.clock import Clock
from tieout.core.config import Config
from tieout.core.errors import StaleWrite, TieoutError
from tieout.store import connections as connection_store
from tieout.store import leases
from tieout.store.leases import Lease

log = logging.get("scheduler")
EVERY_SECONDS = 3.0
LEASE_SECONDS = 15.0
HOUSEKEEPING_SECONDS = 3600.0


class Scheduler:
    """One process' try at leading: `tick` sweeps if it leads, `stop` lets another one lead at once."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._owner = ctx.ids.new("own")
        self._lease: Lease | None = None
        self._cleaned_at: float | None = None

    @property
    def is_leading(self) -> bool:
        return self._lease is not None

    def tick(self) -> list[str]:
        """Take or keep the lead, then sweep; answers what was rung for, nothing if another process leads."""
        ctx = self._ctx
        if not self._lead():
            return []
        names = run_sweep(ctx)
        now = ctx.clock.monotonic()
        if self._cleaned_at is None or now - self._cleaned_at >= HOUSEKEEPING_SECONDS:
            self._cleaned_at = now
            run_housekeeping(ctx)
        return names

    def stop(self) -> None:
        """Give the lead back."""
        if self._lease is not None:
            leases.release(self._ctx.engine, self._lease)
            self._lease = None

    def _lead(self) -> bool:
        ctx = self._ctx
        if self._lease is not None:
            try:
                self._lease = leases.renew(ctx.engine, self._lease, ttl_seconds=LEASE_SECONDS, clock=ctx.clock)
            except StaleWrite:
                self._lease = None
                log.warning("another scheduler leads now")
            return self._lease is not None
        self._lease = leases.acquire(ctx.engine, SCHEDULER, self._owner, ttl_seconds=LEASE_SECONDS, clock=ctx.clock)
        if self._lease is not None:
            connection_store.ensure(ctx.engine, {name: conf.vendor for name, conf in ctx.config.connections.items()})
            log.info("this scheduler leads")
        return self._lease is not None


def run(config: Config, stop: threading.Event, *, clock: Clock | None = None, every: float = EVERY_SECONDS) -> None:
    """Sweep until `stop` is set; a sweep that fails is told and tried again."""
    ctx = open_context(config, clock=clock)
    check_key(ctx)
    scheduler = Scheduler(ctx)
    try:
        while not stop.is_set():
            try:
                scheduler.tick()
            except (TieoutError, SQLAlchemyError) as error:
                log.error("a sweep failed", why=str(error).splitlines()[0])
            stop.wait(every)
    finally:
        try:
            scheduler.stop()
        except SQLAlchemyError as error:
            log.warning("the lead could not be given back", why=type(error).__name__)
        close_context(ctx)
