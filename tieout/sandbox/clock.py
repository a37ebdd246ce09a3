"""The sandbox's own clock: it runs with real time, or stands still and moves when told."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from tieout.core.clock import SystemClock


class SandboxClock:
    """Aware UTC instants for every vendor of one sandbox; may be set, advanced, frozen and run again."""

    def __init__(self, start: datetime | None = None, running: bool = True) -> None:
        self._real = SystemClock()
        self._lock = threading.Lock()
        self._base = _aware(start) if start is not None else self._real.now()
        self._mark = self._real.monotonic()
        self._running = running

    @property
    def running(self) -> bool:
        return self._running

    def now(self) -> datetime:
        with self._lock:
            return self._now()

    def advance(self, seconds: float) -> None:
        """Move by so many seconds; negative steps are refused, vendors' clocks do not go back."""
        if seconds < 0:
            raise ValueError("the sandbox clock does not go back; use set")
        with self._lock:
            self._base += timedelta(seconds=seconds)

    def set(self, dt: datetime) -> None:
        """Jump to an aware instant."""
        with self._lock:
            self._base = _aware(dt)
            self._mark = self._real.monotonic()

    def freeze(self) -> None:
        with self._lock:
            self._base = self._now()
            self._running = False

    def run(self) -> None:
        with self._lock:
            self._base = self._now()
            self._mark = self._real.monotonic()
            self._running = True

    def _now(self) -> datetime:
        if not self._running:
            return self._base
        return self._base + timedelta(seconds=self._real.monotonic() - self._mark)


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("the sandbox clock needs an aware instant")
    return instant.astimezone(UTC)
