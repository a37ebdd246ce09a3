"""How many items one transaction may hold: learnt per kind of work, so that none lasts too long (D2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tieout.core.clock import Clock

LIMIT_SECONDS = 0.25  # no write transaction may last longer
TARGET_SECONDS = 0.08  # aimed at: an item may cost three times what those before it did
FIRST, LARGEST = 25, 600  # items: while nothing is known of a kind, and ever
GROWTH = 1.6  # at most so much larger than the batch before
RELIEF = 0.7  # a cost that turns out lower sinks by at most this factor a batch, one that is higher counts at once
# A batch's wall time counts up to so many times what this thread computed: a database server's share fits into it.
# What is beyond is waiting for a processor, which smaller batches do not shorten; they only add overhead of their own.
WAITING = 3.0


class Stopwatch:
    """Times one batch: how long its transaction lasted, and what of that its items are to blame for (seconds)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began, self._worked = clock.monotonic(), clock.worked()

    def lasted(self) -> float:
        return self._clock.monotonic() - self._began

    def cost(self) -> float:
        return min(self.lasted(), WAITING * (self._clock.worked() - self._worked))


class Sizer:
    """What one item of each kind costs in seconds, from the batches so far; a guess before the first.

    Kinds are streams (folding, landing) and settle stages: they differ by a factor of ten and more. A batch's own
    overhead is in the figure of its items, which settles where the whole batch takes `TARGET_SECONDS`.
    """

    def __init__(self) -> None:
        self._cost: dict[str, float] = {}
        self._last: dict[str, int] = {}

    def cost(self, kind: str) -> float:
        """Seconds an item of a kind is expected to take."""
        return self._cost.get(kind, TARGET_SECONDS / FIRST)

    def size(self, kind: str) -> int:
        """How many items of one kind fit."""
        return self.fit([kind] * LARGEST)

    def fit(self, kinds: Sequence[str]) -> int:
        """How many of these items, in their order, fit into one batch; at least one if there is any."""
        room, held = TARGET_SECONDS, Counter[str]()
        for at, kind in enumerate(kinds[:LARGEST]):
            room -= self.cost(kind)
            held[kind] += 1
            if at and (room < 0 or held[kind] > self._most(kind)):
                return at
        return min(len(kinds), LARGEST)

    def most(self) -> int:
        """No batch holds more now, whatever its kinds: so much need be looked at to fill one."""
        return min(LARGEST, 4 * FIRST + sum(int(held * GROWTH) for held in self._last.values()))

    def note(self, kinds: Iterable[str], seconds: float) -> None:
        """A batch of these items took so long."""
        held = Counter(kinds)
        expected = sum(self.cost(kind) * count for kind, count in held.items())
        if not expected:
            return
        ratio = max(seconds / expected, RELIEF)
        for kind, count in held.items():
            self._cost[kind] = self.cost(kind) * ratio
            self._last[kind] = max(count, int(self._last.get(kind, 0) * RELIEF))

    def _most(self, kind: str) -> int:
        return max(FIRST, int(self._last.get(kind, 0) * GROWTH))
