"""The queue server of a world: waiting and started jobs by id, in any order the simulator likes; it may lose them all.

Stands in for Redis behind `sync.queue`, with RQ's rule that matters: a second job under an id that waits or runs is
refused. The payload of a job is kept as it would be sent, for the search for secrets.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import redis

from sync.queue import STUCK_AFTER, queue_of
from tests.sim.process import current

URL = "redis://sim.invalid:6379/0"
_TURNS = 5


class Doorbell:
    """Jobs by (drain, turn)."""

    def __init__(self) -> None:
        self.waiting: dict[tuple[str, int], str] = {}  # job -> queue
        self.started: dict[tuple[str, int], datetime] = {}
        self.payloads: list[str] = []

    def enqueue(self, queue: str, name: str, own_turn: int | None, now: datetime) -> None:
        """Put one job for a drain into a queue, unless one waits or runs under an id that may be used."""
        for turn in range(_TURNS):
            if turn == own_turn:
                continue
            job = (name, turn)
            if job in self.waiting:
                return
            began = self.started.get(job)
            if began is None:
                self.waiting[job] = queue
                self.payloads.append(f"{queue} {name} {turn}")
                return
            if now - began <= STUCK_AFTER:
                return

    def take(self, job: tuple[str, int], now: datetime) -> None:
        """A worker begins a job."""
        del self.waiting[job]
        self.started[job] = now

    def finish(self, job: tuple[str, int]) -> None:
        """A job ended, well or not."""
        self.started.pop(job, None)

    def again(self, job: tuple[str, int]) -> None:
        """Its horse died: the worker counts it as failed and queues it once more."""
        self.started.pop(job, None)
        self.waiting[job] = queue_of(job[0])

    def maintain(self, now: datetime) -> None:
        """Forget started jobs whose worker must be dead, as RQ's maintenance does."""
        for job, began in list(self.started.items()):
            if now - began > timedelta(minutes=10):
                del self.started[job]

    def lose_everything(self) -> None:
        """The server was restarted without persistence."""
        self.waiting.clear()
        self.started.clear()


def enqueue(queue: Any, name: str, own_turn: int | None, now: datetime) -> None:
    """Takes the place of the function of `sync.queue` that speaks to the server."""
    process = current()
    if process is None:
        return
    world = process.world
    if world.strikes("redis_down", "ring"):
        raise redis.ConnectionError("connection refused")
    world.doorbell.enqueue(queue.name, name, own_turn, now)
    if world.strikes("redis_reply_lost", "ring"):
        raise redis.TimeoutError("timed out while reading the reply")
