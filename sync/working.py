"""The worker class: RQ's, that ends the slice it is in when it is asked to end, and so gives its leases back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rq import SimpleWorker
from sqlalchemy.exc import SQLAlchemyError

from sync import jobs, slices
from sync.queue import JOB
from tieout.core import logging

if TYPE_CHECKING:
    from rq import Queue
    from rq.executions import Execution
    from rq.job import Job

log = logging.get("worker")


class Worker(SimpleWorker):
    """A SimpleWorker whose first signal also cuts the running slice; a second one ends it at once, as in RQ."""

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
        slices.stop()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]  # RQ's own method has no types
