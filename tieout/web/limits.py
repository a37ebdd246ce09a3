"""How often something may be tried: counted per process in sliding windows, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from threading import Lock

from tieout.core.clock import Clock

MAX_KEYS = 10_000


class Listing:
    """Which of many failures are written down one by one: `each` of a key and `most` of all keys in `seconds`.

    The rest is counted and told with the next one that is written. Each API process counts for itself.
    """

    def __init__(self, clock: Clock, each: int, most: int, seconds: float) -> None:
        self._each, self._all = Attempts(clock, each, seconds), Attempts(clock, most, seconds)
        self._left = 0
        self._lock = Lock()

    def next(self, key: str) -> int | None:
        """How many went unlisted before this one; None = do not list this one either."""
        with self._lock:
            if self._each.wait(key) or self._all.wait(""):
                self._left += 1
                return None
            self._each.count(key)
            self._all.count("")
            left, self._left = self._left, 0
            return left


class Attempts:
    """At most `most` counted attempts per key in `seconds`; keys that were not seen for longest are dropped first.

    Each API process counts for itself, so a deployment of n processes allows up to n times as many.
    """

    def __init__(self, clock: Clock, most: int, seconds: float) -> None:
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def wait(self, key: str) -> int:
        """Seconds until the key may try again; 0 = now."""
        with self._lock:
            seen = self._seen.get(key)
            if seen is None:
                return 0
            now = self._clock.monotonic()
            self._forget(seen, now)
            return 0 if len(seen) < self._most else max(1, int(seen[0] + self._seconds - now) + 1)

    def count(self, key: str) -> None:
        """Count one attempt."""
        with self._lock:
            now = self._clock.monotonic()
            seen = self._seen.setdefault(key, deque(maxlen=self._most))
            self._forget(seen, now)
            seen.append(now)
            self._seen.move_to_end(key)
            while len(self._seen) > MAX_KEYS:
                self._seen.popitem(last=False)

    def clear(self, key: str) -> None:
        """Forget a key after a success."""
        with self._lock:
            self._seen.pop(key, None)

    def _forget(self, seen: deque[float], now: float) -> None:
        while seen and seen[0] <= now - self._seconds:
            seen.popleft()
