"""0002: two apply lanes at once on PostgreSQL, sharing the work by SKIP LOCKED, instead of one leased lane."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import DBAPIError

from sync import apply
from sync.fold.batch import Batch
from sync.service import Service, open_service
from sync.settle import run as settling
from sync.sizing import Sizer
from tests.flow.alternatives.place import Size, database, folder
from tests.flow.books import books, differences, examples, receive
from tests.flow.made import Made
from tieout.core import faults
from tieout.store import leases
from tieout.store.among import among
from tieout.store.leases import Lease
from tieout.store.tables import dirty, inputs, pending

BATCHES = (8, 16, 24)
PAYMENTS = 24  # at most
TRIES = 40  # times a lane is started again after a refusal


@dataclass(frozen=True, slots=True)
class Lanes:
    """What became of the mornings: transactions the database refused, facts unlike one lane's, and our own checks."""

    transactions: int = 0
    refused: int = 0
    differing: int = 0
    rebuild: int = 0
    breaches: int = 0

    def __add__(self, other: Lanes) -> Lanes:
        return Lanes(*(left + right for left, right in zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        return (
            f"{self.refused} of {self.transactions} transactions refused, {self.differing} facts end differently, "
            f"{self.rebuild} differences of the rebuild, {self.breaches} breaches of verify"
        )


@dataclass(frozen=True, slots=True)
class Found:
    """The same payments through one lane, and through two under both isolation levels; once per batch size."""

    mornings: int
    payments: int
    one: Lanes
    committed: Lanes
    serializable: Lanes

    def __str__(self) -> str:
        return (
            f"{self.mornings} mornings of {self.payments} payments. One lane: {self.one}. Two, read committed: "
            f"{self.committed}. Two, serializable: {self.serializable}"
        )


def run(size: Size, server: str, batches: Sequence[int] = BATCHES) -> Found:
    with database(server) as kept, database(server) as url, folder() as home:
        made = Made(home, kept, size.customers, size.invoices)
        found = [Lanes(), Lanes(), Lanes()]
        for batch in batches:
            with _morning(made, url) as (service, count), batches_of(batch):
                done = service.apply().batches
                payments, stands = count, books(service)
                found[0] += _judged(service, stands, done, 0)
            for at, isolation in ((1, ""), (2, "SERIALIZABLE")):
                refused: Counter[str] = Counter()
                with _morning(made, url) as (service, _), batches_of(batch), two_lanes(refused):
                    done = _both(service, isolation, refused)
                    found[at] += _judged(service, stands, done, sum(refused.values()))
        return Found(len(batches), payments, *found)


def _judged(service: Service, stands: dict[str, set[str]], done: int, refused: int) -> Lanes:
    again = service.rebuild_check().differences
    return Lanes(done + refused, refused, len(differences(books(service), stands)), len(again), len(service.verify()))


def _both(service: Service, isolation: str, refused: Counter[str]) -> int:
    """Both lanes until nothing is left to do; how many transactions were committed."""
    done: list[int] = []
    begin = threading.Barrier(2)
    with open_service(service.config, transport=service.ctx.transport, clock=service.ctx.clock) as other:
        lanes = [
            threading.Thread(target=_drain, args=(one, isolation, refused, done, begin)) for one in (service, other)
        ]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
    return sum(done) + apply.run_apply(service.ctx).batches  # and what a lane left that gave up


@contextmanager
def _morning(made: Made, url: str) -> Iterator[tuple[Service, int]]:
    """An installation after its first sync, with a morning's payments landed and nothing of them applied."""
    with folder() as home:
        world, service = made.copy(home, url)
        with service:
            world.clock.advance(3600)
            chosen = [one for one in examples(service, with_account=False) if one.open_minor > 100][:PAYMENTS]
            for one in chosen:
                receive(world, one.number, "1.00")
            world.clock.advance(120)
            service.pull(["kingdee"])
            yield service, len(chosen)
        world.close()


@contextmanager
def batches_of(count: int) -> Iterator[None]:
    """Batches of one size, whatever they cost."""
    with (
        patch.object(Sizer, "size", lambda *_: count),
        patch.object(Sizer, "most", lambda _: count),
        patch.object(Sizer, "fit", lambda _, kinds: len(kinds[:count])),
    ):
        yield


def _drain(service: Service, isolation: str, refused: Counter[str], done: list[int], begin: threading.Barrier) -> None:
    plain = service.ctx.engine
    if isolation:
        service.ctx.engine = plain.execution_options(isolation_level=isolation)
    begin.wait()
    try:
        for _ in range(TRIES):
            try:
                done.append(apply.run_apply(service.ctx).batches)
                return
            except DBAPIError as error:  # what `retrying` does not try again
                refused[type(error.orig).__name__] += 1
    finally:
        service.ctx.engine = plain


@contextmanager
def two_lanes(refused: Counter[str]) -> Iterator[None]:
    """Every process is a lane of its own; rows that another one works on are passed over."""
    acquire = leases.acquire
    meeting = threading.Barrier(2)

    def own_lease(engine: Any, name: str, owner: str, **more: Any) -> Lease | None:
        return acquire(engine, f"{name}:{owner}", owner, **more)

    def overlap(point: str) -> None:
        if point in ("before:apply.commit", "before:settle.commit"):
            try:
                meeting.wait(0.05)  # so that both have their batch open, as under load
            except threading.BrokenBarrierError:
                meeting.reset()

    def retrying(work: Callable[[], int], **_: Any) -> int:
        for _ in range(TRIES):
            try:
                return work()
            except DBAPIError as error:
                refused[type(error.orig).__name__] += 1
        return work()

    with ExitStack() as stack:
        stack.enter_context(patch.object(apply.leases, "acquire", own_lease))
        stack.enter_context(patch.object(apply, "_waiting", _waiting))
        stack.enter_context(patch.object(apply, "settle", _settle))
        stack.enter_context(patch.object(apply, "retrying", retrying))
        faults.set_hook(overlap)
        stack.callback(faults.set_hook, None)
        yield


def _waiting(conn: Connection, most: int) -> list[tuple[int, str]]:
    """The first inputs that nobody works on."""
    i = inputs.c
    rows = conn.execute(
        select(i.seq, i.kind, i.connection, i.stream)
        .join(pending, pending.c.seq == i.seq)
        .order_by(pending.c.seq)
        .limit(most)
        .with_for_update(of=pending, skip_locked=True)
    )
    return [(row.seq, f"fold {row.connection}/{row.stream}" if row.kind == "landed" else row.kind) for row in rows]


def _settle(batch: Batch, stage: str, limit: int) -> int:
    """The first dirty keys that nobody works on."""
    d = dirty.c
    query = select(d.key).where(d.kind == stage).order_by(d.key).limit(limit).with_for_update(skip_locked=True)
    keys: Sequence[str] = list(batch.conn.execute(query).scalars())
    if keys:
        batch.conn.execute(delete(dirty).where(d.kind == stage, among(d.key, list(keys))))
        settling._WORK[stage](batch, keys)
    return len(keys)
