"""One clock in shared memory for the test, the vendors' process and the product's processes: it moves when told."""

from __future__ import annotations

import mmap
import struct
from datetime import UTC, datetime, timedelta

from tieout.core.clock import SystemClock
from tieout.sandbox.clock import SandboxClock

START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
_YIELD_SECONDS = 0.002


class SharedTime:
    """Seconds since START, the same in every process forked after it was made. Waiting moves it for everybody."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 16)
        self._real = SystemClock()

    @property
    def seconds(self) -> float:
        return float(struct.unpack("d", self._memory[:8])[0])

    @seconds.setter
    def seconds(self, value: float) -> None:
        self._memory[:8] = struct.pack("d", value)

    @property
    def victim(self) -> int:
        """The process that a trap of the vendors kills; 0 = none."""
        return int(struct.unpack("q", self._memory[8:])[0])

    @victim.setter
    def victim(self, pid: int) -> None:
        self._memory[8:] = struct.pack("q", pid)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def worked(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass; a moment of real time too, so that who is waited for gets a turn."""
        if seconds > 0:
            self.seconds += seconds
            self._real.sleep(_YIELD_SECONDS)


class VendorClock(SandboxClock):
    """The vendors' side of the shared time."""

    def __init__(self, time: SharedTime) -> None:
        super().__init__(START, running=False)
        self._time = time

    def now(self) -> datetime:
        return self._time.now()

    def advance(self, seconds: float) -> None:
        self._time.seconds += seconds
