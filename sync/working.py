"""The worker class: RQ's, that ends the slice it is in when it is asked to end, and so gives its leases back."""

from __future__ import annotations

from rq import SimpleWorker

from sync import slices


class Worker(SimpleWorker):
    """A SimpleWorker whose first signal also cuts the running slice; a second one ends it at once, as in RQ."""

    def handle_warm_shutdown_request(self) -> None:
        """Called by RQ's handler of the first SIGINT or SIGTERM, in the process that runs the job."""
        slices.stop()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]  # RQ's own method has no types
