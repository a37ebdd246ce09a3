"""0003: the queue as the truth, one job a change, instead of rows in SQL and a ring."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from rq import Queue

from sync.sweep import due
from tests.flow.alternatives.place import Size, folder, fresh
from tests.flow.books import waiting
from tieout.core.clock import SystemClock
from tieout.runtime import valkey
from tieout.runtime.processes import Supervisor


@dataclass(frozen=True, slots=True)
class Found:
    """Changes that waited to be sent when the queue server was killed, and those that are still sent afterwards."""

    waiting: int
    jobs_left: int  # one job a change, queue server without an append-only file, as it comes
    rung: bool  # the sweep rings for what waits in SQL
    sent: int

    def __str__(self) -> str:
        return (
            f"queue server killed with {self.waiting} changes waiting: {self.jobs_left} left as jobs of their own, "
            f"{self.sent} sent from SQL after the next sweep"
        )


def run(size: Size) -> Found:
    with fresh(size) as (_, service), folder() as home:
        service.pull()
        service.apply()
        changes = waiting(service)
        url = f"unix://{quote(str(home))}/valkey.sock"
        with _server(home, url) as pid:
            connection = valkey.client(url)
            jobs = Queue("fast", connection=connection, serializer="json")
            for change in changes:
                jobs.enqueue("math.gcd", int(change["version"]), 1, job_id=change["id"])
            assert jobs.count == len(changes)
            os.kill(pid, signal.SIGKILL)
            connection.close()
        with _server(home, url):
            connection = valkey.client(url)
            left = Queue("fast", connection=connection, serializer="json").count
            connection.close()
        rung = "push:zoho" in due(service.ctx)
        sent = sum(one.done for one in service.push())
        return Found(len(changes), left, rung, sent)


@contextmanager
def _server(home: Path, url: str) -> Iterator[int]:
    """A Valkey as it comes, no append-only file; answers its process id."""
    (home / "logs").mkdir(exist_ok=True)
    ours = valkey.program(home, url)
    argv = list(ours.argv)
    argv[argv.index("--appendonly") + 1] = "no"
    tree = Supervisor(SystemClock())
    child = tree.start(replace(ours, argv=argv))
    try:
        assert tree.run(lambda: valkey.answers(url), timeout=30), "Valkey did not come up"
        assert child.pid is not None
        yield child.pid
    finally:
        tree.stop()
