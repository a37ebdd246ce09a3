"""Doorbells: Redis only wakes workers; what is to be done stands in SQL, so a lost ring costs latency only (D3).

A ring bumps a generation in SQL and enqueues one job per drain. The job id is the drain's, so a second ring while one
is waiting is refused by RQ: the bumped generation makes the drain that is running look once more.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.exceptions import DuplicateJobError

from sync.context import Context
from tieout.core import faults, logging
from tieout.store import doorbells

log = logging.get("queue")
QueueName = Literal["fast", "bulk"]
JOB = "sync.jobs.run"
JOB_SECONDS = 600  # far beyond any slice; a pull of a large stream is one job
FAILURE_TTL = 60  # a failed job's id must not block the next ring for long
_NOT_A_JOB_ID = re.compile(r"[^A-Za-z0-9_-]")
_clients: dict[str, redis.Redis] = {}
_silent: set[str] = set()


def client(url: str) -> redis.Redis:
    """A client that asks once: a retry of an enqueue whose reply was lost would queue the job again and again."""
    if url not in _clients:
        _clients[url] = redis.Redis.from_url(
            url, retry=Retry(NoBackoff(), 0), retry_on_timeout=False, socket_timeout=5, socket_connect_timeout=2
        )
    return _clients[url]


def forget_clients() -> None:
    """Drop the clients of this process: the first thing a forked child does."""
    _clients.clear()


def queue_of(name: str) -> QueueName:
    """The queue of a drain: pulls and reports are bulk, everything a person may wait for is fast."""
    return "bulk" if name.split(":")[0] in ("pull", "reconcile", "report") else "fast"


def job_id(name: str, turn: int = 0) -> str:
    """The RQ job id of a drain. `turn` alternates when a drain rings for itself, because its own id is taken."""
    return f"drain-{_NOT_A_JOB_ID.sub('-', name)}" + ("-again" if turn else "")


def ring(ctx: Context, name: str, queue: QueueName | None = None) -> bool:
    """Wake the workers for a drain (`apply`, `push:zoho`, …); True if a job is waiting now.

    Never fails because of Redis: the sweep rings again for everything that stands in SQL.
    """
    doorbells.bump(ctx.engine, name, ctx.clock.now())
    return enqueue(ctx.config.redis_url, name, queue or queue_of(name))


def enqueue(url: str, name: str, queue: QueueName, *, turn: int = 0) -> bool:
    """Put one job for a drain into a queue, if none is waiting; True if one waits now."""
    if _is_absent(url):
        return False
    faults.hit("before:queue.enqueue")
    try:
        Queue(queue, connection=client(url), serializer="json").enqueue_call(
            JOB,
            args=(name, turn),
            job_id=job_id(name, turn),
            timeout=JOB_SECONDS,
            result_ttl=0,
            failure_ttl=FAILURE_TTL,
            unique=True,
            description=name,
        )
    except DuplicateJobError:
        pass
    except (redis.RedisError, OSError) as error:
        if url not in _silent:
            _silent.add(url)
            log.warning("the queue server does not answer; work waits for the sweep", why=type(error).__name__)
        return False
    if url in _silent:
        _silent.discard(url)
        log.info("the queue server answers again")
    faults.hit("after:queue.enqueue")
    return True


def _is_absent(url: str) -> bool:
    """True where the embedded server's socket does not exist: `tieout sync` alone needs no Redis and says nothing."""
    parts = urlsplit(url)
    return parts.scheme == "unix" and not Path(unquote(parts.path)).exists()


def waiting(url: str) -> dict[str, Any]:
    """Jobs waiting by queue, for health; an empty mapping if the server does not answer."""
    if _is_absent(url):
        return {}
    try:
        return {name: Queue(name, connection=client(url), serializer="json").count for name in ("fast", "bulk")}
    except (redis.RedisError, OSError):
        return {}
