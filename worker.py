"""Builds the RQ worker: one queue per process, JSON jobs, short leases.

A SimpleWorker runs each job in its own process: our jobs are slices of about two seconds whose every call has its own
timeout, and forking would cost more than the slice (reference figures: 11-16 ms of CPU a job against 2-3). Listening
to exactly one queue makes a job recoverable when the process dies between taking and starting it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis

    from sync.working import Worker
    from tieout.core.config import Config

QUEUES = ("fast", "bulk")
WORKER_TTL = 45  # seconds; an idle worker looks for abandoned jobs every WORKER_TTL - 15
MAINTENANCE_INTERVAL = 30
MONITORING_INTERVAL = 10


def connect(url: str) -> Redis:
    """A client that never retries by itself: a repeated push of a lost reply would run a job several times."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Redis.from_url(url, retry=Retry(NoBackoff(), 0), retry_on_timeout=False, socket_connect_timeout=5)


def build_worker(queue: str, connection: Redis) -> Worker:
    """The worker of one queue. Asked to end, it ends the slice it is in and gives its leases back."""
    from rq import Queue

    made: Worker = import_module("sync.working").Worker(
        [Queue(queue, connection=connection, serializer="json")],
        connection=connection,
        serializer="json",
        worker_ttl=WORKER_TTL,
        maintenance_interval=MAINTENANCE_INTERVAL,
        job_monitoring_interval=MONITORING_INTERVAL,
        log_job_description=False,
    )
    return made


def main(queue: str, config: Config, *, burst: bool = False) -> None:
    """Work until told to stop (`burst`: until the queue is empty)."""
    from tieout.core import logging

    logging.configure()  # before RQ sets up its own loggers
    import_module("sync.jobs").configure(config)
    with connect(config.redis_url) as connection:
        connection.ping()  # one that was never there is an error; one that goes away later comes back
        import_module("sync.working").work(lambda: build_worker(queue, connection), burst=burst)
