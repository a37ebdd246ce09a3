"""The product in forked processes over real sockets: run, killed at a fault point, run again, looked into."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sync.service import Service, open_service
from tests.crash import endstate
from tests.crash.clock import SharedTime
from tests.crash.endstate import State
from tests.crash.vendors import Vendors, fork
from tests.crash.writeconfig import write_config
from tieout.cli.vendors import vendor_settings
from tieout.core import faults
from tieout.core.config import load

Work = Callable[[Service], object]
CHILD_SECONDS = 90


@dataclass
class Installation:
    """One database and the vendors it is configured for."""

    folder: Path
    url: str
    vendors: Vendors
    time: SharedTime
    redis_url: str
    push_mode: str = "auto"
    deliveries: list[tuple[str, bytes]] = field(default_factory=list)  # notifications Zoho sent

    @contextmanager
    def opened(self) -> Iterator[Service]:
        """The service in this process."""
        path = write_config(
            self.folder / f"tieout-{self.push_mode}.toml",
            database_url=self.url,
            redis_url=self.redis_url,
            connections=self.vendors.connections,
            push_mode=self.push_mode,
        )
        with open_service(load(path, vendor_settings=vendor_settings), clock=self.time) as service:
            yield service

    # ------------------------------------------------------------- processes
    def run(self, work: Work) -> None:
        """Run to the end in a process of its own."""
        status = self._wait(self._child(work, None))
        assert os.WIFEXITED(status), f"signal {os.WTERMSIG(status)}"
        assert os.WEXITSTATUS(status) == 0, "the process failed; its words are above"

    def census(self, work: Work) -> dict[str, int]:
        """How often a run to the end passes each fault point."""
        path = self.folder / "census.json"
        passed: Counter[str] = Counter()

        def counting(service: Service) -> None:
            faults.set_hook(lambda point: passed.update([point]))
            work(service)
            path.write_text(json.dumps(passed))

        self.run(counting)
        found: dict[str, int] = json.loads(path.read_text())
        return found

    def killed(self, work: Work, point: str, occurrence: int) -> bool:
        """Run until SIGKILL at the n-th passing of a point; False if the process ended before."""
        status = self._wait(self._child(work, (point, occurrence)))
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "the process failed; its words are above"
            return False
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True

    def trapped(self, work: Work, *, writes_only: bool, number: int, when: str) -> bool:
        """Run until the vendors kill the process at its n-th request; False if it ended before."""
        self.vendors.trap(writes_only, number, when)
        status = self._wait(self._child(work, None))
        self.vendors.trap(False, 0, "")
        return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL

    def _child(self, work: Work, kill: tuple[str, int] | None) -> int:
        def child() -> None:
            signal.alarm(CHILD_SECONDS)
            self.time.victim = os.getpid()
            with self.opened() as service:
                if kill is not None:
                    faults.kill_at(*kill)
                work(service)

        return fork(child)

    @staticmethod
    def _wait(pid: int) -> int:
        return os.waitpid(pid, 0)[1]

    # ------------------------------------------------------------- what came of it
    def waiting(self) -> dict[str, int]:
        """Work that is not done yet, by kind; empty when all is quiet."""
        with self.opened() as service:
            return endstate.waiting(service)

    def state(self) -> State:
        """Books, CRM and the oracle of writes by natural keys; the books' own proofs are made on the way."""
        with self.opened() as service:
            return endstate.state(service, self.vendors)
