"""Doorbells: Redis only wakes workers; what is to be done stands in SQL, so a lost ring costs latency only (D3).

A ring bumps a generation in SQL and enqueues one job per drain. The job id is the drain's, so a second ring while one
is waiting is refused by RQ: the bumped generation makes the drain that is running look once more.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from sync.context import Context
from tieout.core import faults, logging
from tieout.store import doorbells

if TYPE_CHECKING:  # loaded where a server is asked: most commands ring nobody
    import redis
    from rq import Queue

log = logging.get("queue")
QueueName = Literal["fast", "bulk"]
JOB = "sync.jobs.run"
JOB_SECONDS = 600  # far beyond any slice, whose last call may have to wait for its time-out and retries
FAILURE_TTL = 60  # a failed job's id must not block the next ring for long
STUCK_AFTER = timedelta(
    seconds=30
)  # a slice lasts about 2 s; beside one whose call hangs a second job finds its lease held
LOST_AFTER = timedelta(seconds=10)
_TURNS = 5
_NOT_A_JOB_ID = re.compile(r"[^A-Za-z0-9_-]")
_clients: dict[str, redis.Redis] = {}
_silent: set[str] = set()


def client(url: str) -> redis.Redis:
    """A client that asks once: a retry of an enqueue whose reply was lost would queue the job again and again."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

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
    return "bulk" if name.split(":")[0] in ("pull", "reconcile", "report", "deliver", "verify") else "fast"


def job_id(name: str, turn: int = 0) -> str:
    """The RQ job id of a drain; other turns are used while the first id is taken by a job that cannot start again."""
    return f"drain-{_NOT_A_JOB_ID.sub('-', name)}" + (f"-{turn}" if turn else "")


def ring(ctx: Context, name: str, queue: QueueName | None = None) -> bool:
    """Wake the workers for a drain (`apply`, `push:zoho`, …); True if a job is waiting or running now.

    Never fails because of Redis: the sweep rings again for everything that stands in SQL.
    """
    doorbells.bump(ctx.engine, name, ctx.clock.now())
    return enqueue(ctx.config.redis_url, name, queue or queue_of(name), now=ctx.clock.now())


def enqueue(url: str, name: str, queue: QueueName, *, now: datetime, own_turn: int | None = None) -> bool:
    """Put one job for a drain into a queue unless one is waiting or running; `own_turn` = the job that asks."""
    if _is_absent(url):
        return False
    import redis
    from rq import Queue

    faults.hit("before:queue.enqueue")
    try:
        _enqueue(Queue(queue, connection=client(url), serializer="json"), name, own_turn, now)
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


def _enqueue(queue: Queue, name: str, own_turn: int | None, now: datetime) -> None:
    from rq.exceptions import DuplicateJobError

    for turn in range(_TURNS):
        if turn == own_turn:
            continue
        try:
            queue.enqueue_call(
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
            if not _is_stuck(queue, job_id(name, turn), now):
                return
        else:
            return
    log.warning("every job id of a drain is taken by a job that does not end", drain=name)


def _is_stuck(queue: Queue, identity: str, now: datetime) -> bool:
    """True for a job that blocks its id but will not run soon: failed, lost by a killed worker, or hanging.

    RQ keeps a started job of a killed SimpleWorker for its whole time-out, and one lost between taking and starting
    until a maintenance pass; its id must not be silent for so long.
    """
    from rq.exceptions import NoSuchJobError
    from rq.job import Job, JobStatus

    try:
        job = Job.fetch(identity, connection=queue.connection, serializer="json")
    except NoSuchJobError:
        return True  # it ended this moment; the next id is free
    status = job.get_status(refresh=False)
    if status == JobStatus.QUEUED:
        since = job.enqueued_at
        return since is not None and now - _aware(since) > LOST_AFTER and job.get_position() is None
    if status == JobStatus.STARTED:
        since = job.started_at
        return since is None or now - _aware(since) > STUCK_AFTER
    return True


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _is_absent(url: str) -> bool:
    """True where the embedded server's socket does not exist: `tieout sync` alone needs no Redis and says nothing."""
    parts = urlsplit(url)
    return parts.scheme == "unix" and not Path(unquote(parts.path)).exists()


def waiting(url: str) -> dict[str, Any]:
    """Jobs waiting by queue, for health; an empty mapping if the server does not answer."""
    if _is_absent(url):
        return {}
    import redis
    from rq import Queue

    try:
        return {name: Queue(name, connection=client(url), serializer="json").count for name in ("fast", "bulk")}
    except (redis.RedisError, OSError):
        return {}
