"""Credits of a rolling day and the number of calls at one time (Zoho docs v8 API limits, Kaizen 93 and 203)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.zoho.problems import too_many_requests
from tieout.sandbox.zoho.settings import ZohoSettings

DAY_SECONDS = 86_400


class Limits:
    """Refuses with 429 what goes over; no Retry-After is ever given."""

    def __init__(self, clock: SandboxClock, settings: ZohoSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._lock = threading.Lock()
        self._spent: deque[tuple[float, int]] = deque()
        self._used = 0
        self._calls = 0
        self._heavy = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Hold one of the organisation's concurrent calls."""
        with self._lock:
            if self._calls >= self._settings.limit_concurrency():
                raise too_many_requests()
            self._calls += 1
        try:
            yield
        finally:
            with self._lock:
                self._calls -= 1

    @contextmanager
    def heavy(self, is_heavy: bool) -> Iterator[None]:
        """Hold one of the ten calls for writes of more than ten rows, COQL and the like."""
        if not is_heavy:
            yield
            return
        with self._lock:
            if self._heavy >= self._settings.heavy_concurrency:
                raise too_many_requests()
            self._heavy += 1
        try:
            yield
        finally:
            with self._lock:
                self._heavy -= 1

    def spend(self, cost: int) -> None:
        """Take credits; raises 429 when the day's are gone."""
        with self._lock:
            now = self._forget_old()
            if self._used + cost > self._settings.limit_credits():
                raise too_many_requests()
            self._used += cost
            self._spent.append((now, cost))

    def used(self) -> int:
        """Credits spent in the last 24 hours."""
        with self._lock:
            self._forget_old()
            return self._used

    def headers(self) -> dict[str, str]:
        """X-API-CREDITS-REMAINING, which shows only once half of the day's credits are gone."""
        used, limit = self.used(), self._settings.limit_credits()
        return {"x-api-credits-remaining": str(limit - used)} if used * 2 >= limit else {}

    def _forget_old(self) -> float:
        now = self._clock.now().timestamp()
        while self._spent and self._spent[0][0] <= now - DAY_SECONDS:
            self._used -= self._spent.popleft()[1]
        return now
