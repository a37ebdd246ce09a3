"""The worker class: RQ's, that ends the slice it is in when it is asked to end, and so gives its leases back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.exceptions import StopRequested
from sqlalchemy.exc import SQLAlchemyError

from sync import jobs, slices
from sync.queue import JOB
from tieout.core import logging
from tieout.core.clock import SystemClock

if TYPE_CHECKING:
    from rq import Queue
    from rq.executions import Execution
    from rq.job import Job

log = logging.get("worker")
PAUSE_SECONDS = 1.0


class Worker(SimpleWorker):
    """A SimpleWorker whose first signal also cuts the running slice; a second one ends it at once, as in RQ."""

    is_asked_to_end = False

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Run a job; then, its id being free again, ring for what was asked of its drain while it ended."""
        is_done = super().perform_job(job, queue, execution)
        if is_done and job.func_name == JOB:
            try:
                jobs.look_again(job.args[0])
            except SQLAlchemyError as error:  # the sweep looks in a moment
                log.warning("what was rung meanwhile could not be looked up", why=type(error).__name__)
        return is_done

    def handle_warm_shutdown_request(self) -> None:
        """Called by RQ's handler of the first SIGINT or SIGTERM, in the process that runs the job."""
        self.is_asked_to_end = True
        slices.stop()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]  # RQ's own method has no types


def work(build: Callable[[], Worker], *, burst: bool) -> None:
    """Work until asked to end (`burst`: until the queue is empty); a worker that gave up is followed by another one."""
    while not _works_to_its_end(build, burst=burst) and not burst:
        SystemClock().sleep(PAUSE_SECONDS)


def _works_to_its_end(build: Callable[[], Worker], *, burst: bool) -> bool:
    """Let one worker work; False when it gave up, as RQ's does where the queue server goes away during a job.

    The work itself stands in SQL: what that job had done stays done, and the sweep rings for the rest.
    """
    try:
        made = build()
        made.work(burst=burst, logging_level="WARNING", with_scheduler=False)
    except RedisError as error:  # not even the goodbye was heard
        log.warning("the queue server went away", why=type(error).__name__)
        return False
    except StopRequested:
        return True
    return made.is_asked_to_end
