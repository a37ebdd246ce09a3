"""How often a tenant may call: 100 calls in 20 seconds per interface, and what its packs allow a day."""

from __future__ import annotations

import threading
from collections import deque
from datetime import date
from zoneinfo import ZoneInfo

from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.fxiaoke.problems import day_is_used, not_purchased, too_fast
from tieout.sandbox.fxiaoke.settings import FxiaokeSettings


class Limits:
    """Counts calls and refuses what goes over; a refused call counts towards nothing. No header tells what is left."""

    def __init__(self, clock: SandboxClock, settings: FxiaokeSettings) -> None:
        self._clock, self._settings = clock, settings
        self._lock = threading.Lock()
        self._recent: dict[str, deque[float]] = {}
        self._day: date | None = None
        self._used = 0

    def spend(self, path: str) -> None:
        """Count one call of an interface; raises FxiaokeProblem when there is no room."""
        settings = self._settings
        with self._lock:
            now = self._clock.now()
            today = now.astimezone(ZoneInfo(settings.zone)).date()
            if today != self._day:
                self._day, self._used = today, 0
            if settings.calls_per_day == 0:
                raise not_purchased()
            if self._used >= settings.calls_per_day:
                raise day_is_used()
            recent = self._recent.setdefault(path, deque())
            stamp = now.timestamp()
            while recent and recent[0] <= stamp - settings.window_seconds:
                recent.popleft()
            if len(recent) >= settings.calls_per_window:
                raise too_fast()
            recent.append(stamp)
            self._used += 1

    def used_today(self) -> int:
        """Calls counted since midnight in the tenant's zone."""
        return self._used
