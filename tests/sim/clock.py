"""Time in a world: one true time that moves when somebody waits, and clocks that may be wrong about it."""

from __future__ import annotations

from datetime import datetime, timedelta

from tieout.sandbox.clock import SandboxClock


class TrueTime:
    """Seconds since a start; never goes back."""

    def __init__(self, start: datetime) -> None:
        self.start = start
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    def advance(self, seconds: float) -> None:
        if seconds > 0:
            self.seconds += seconds

    def reach(self, seconds: float) -> None:
        """Go on to an instant, unless it has passed."""
        self.seconds = max(self.seconds, seconds)


class ProcessClock:
    """The product's clock in one process: true time and a skew. Sleeping moves the time of everybody."""

    def __init__(self, time: TrueTime, skew: float = 0.0) -> None:
        self._time = time
        self.skew = skew

    def now(self) -> datetime:
        now = self._time.now()
        return now + timedelta(seconds=self.skew) if self.skew else now

    def monotonic(self) -> float:
        return self._time.seconds

    def worked(self) -> float:
        return self._time.seconds

    def sleep(self, seconds: float) -> None:
        self._time.advance(seconds)


class VendorClock(SandboxClock):
    """A vendor's clock: true time and a skew of its own."""

    def __init__(self, time: TrueTime, skew: float = 0.0) -> None:
        super().__init__(time.start, running=False)
        self._time = time
        self._skew = skew

    def now(self) -> datetime:
        return self._time.now() + timedelta(seconds=self._skew)

    def advance(self, seconds: float) -> None:
        self._time.advance(seconds)
