"""`python -m tests.e2e.dated MODULE [ARGUMENTS]`: runs a module of the product as if it were the fixed day.

The product has no switch for its time: nobody can set one by mistake. Here its one place that reads the machine's time
is moved by a constant, and that of its queue library, in the process that is started and in those it forks. Time passes
as fast as ever.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Self
from zoneinfo import ZoneInfo

from tieout.core.clock import SystemClock

ZONE = "Asia/Shanghai"  # where the business days of the company begin
STARTS_AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # 10:00 there: no run lasts the fourteen hours that are left
TODAY: date = STARTS_AT.astimezone(ZoneInfo(ZONE)).date()
SHIFT = "TIEOUT_E2E_SHIFT_SECONDS"


class DatedClock(SystemClock):
    """The machine's clock, moved by a constant so that it shows STARTS_AT now."""

    def __init__(self) -> None:
        self.shift = STARTS_AT - super().now()

    def now(self) -> datetime:
        return super().now() + self.shift

    def environment(self) -> dict[str, str]:
        """The machine's environment, and what a process needs to be at the same time."""
        return {**os.environ, SHIFT: repr(self.shift.total_seconds())}


def command(argv: Sequence[str]) -> list[str]:
    """The command line of `python -m …`, for a process at the fixed day."""
    return [sys.executable, "-m", __name__, *argv]


def move(seconds: float) -> None:
    """Move the clock of this process for good."""
    real, shift = SystemClock.now, timedelta(seconds=seconds)

    def now(self: SystemClock) -> datetime:
        return real(self) + shift

    SystemClock.now = now  # type: ignore[method-assign]  # the one place that reads the machine's time


def move_queue(seconds: float) -> None:
    """Move RQ's clock in this process: the product compares its times of a job with its own."""
    import rq.utils

    shift = timedelta(seconds=seconds)

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + shift

    shown = vars(sys.modules["datetime"]) | {"datetime": Moved}
    rq.utils.datetime = SimpleNamespace(**shown)  # type: ignore[attr-defined]  # the module its `now` looks into


def main() -> None:
    seconds = float(os.environ[SHIFT])
    move(seconds)
    module, *sys.argv[1:] = sys.argv[1:]
    if {"serve", "worker", "scheduler"}.intersection(sys.argv):
        move_queue(seconds)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
