"""How many items one transaction may hold: learnt per kind of work, so that none lasts too long (D2).

A batch costs an overhead of its own (its lock, some forty statements, its commit) and something per item. Both are
learnt: were the overhead spread over the items, a slow moment would make batches small, small ones would make items
look dear, and they would shrink to nothing but overhead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tieout.core.clock import Clock

LIMIT_SECONDS = 0.25  # no write transaction may last longer
TARGET_SECONDS = 0.08  # aimed at: an item may cost three times what those before it did
MOST_SECONDS = 0.16  # aimed at where the overhead alone takes half of it: smaller batches would be mostly overhead
FIRST, LARGEST = 25, 600  # items: while nothing is known of a kind, and ever
GROWTH = 1.6  # at most so much larger than the batch before
RELIEF = 0.7  # a cost that turns out lower sinks by at most this factor a batch, one that is higher counts at once
MEMORY = 0.9  # what a batch weighs against the one after it
STEP = 1.5  # every other batch is so much larger: batches of one size tell nothing of the overhead
SURPRISE = 3.0  # a batch counts at most so many times what was expected: one that had to wait is no measure
# A batch's wall time counts up to so many times what this thread computed: a database server's share fits into it.
# What is beyond is waiting for a processor, which smaller batches do not shorten; they only add overhead.
WAITING = {"sqlite": 1.5, "postgresql": 3.0}


class Stopwatch:
    """Times one batch: how long its transaction lasted, and what of that its work is to blame for (seconds)."""

    def __init__(self, clock: Clock, dialect: str) -> None:
        self._clock, self._waiting = clock, WAITING[dialect]
        self._began, self._worked = clock.monotonic(), clock.worked()

    def lasted(self) -> float:
        return self._clock.monotonic() - self._began

    def cost(self) -> float:
        return min(self.lasted(), self._waiting * (self._clock.worked() - self._worked))


class _Cost:
    """Seconds a batch of one kind takes: overhead + each * items, by least squares over the latest batches."""

    def __init__(self) -> None:
        self.overhead, self.each, self.last, self.count = 0.0, TARGET_SECONDS / FIRST, 0, 0
        self._sums = [0.0] * 5  # weight, items, seconds, items squared, items times seconds

    def expected(self, items: int) -> float:
        return self.overhead + self.each * items

    def note(self, items: int, seconds: float) -> None:
        """A batch of nothing else took so long."""
        self.count += 1
        if self.count > 1:
            seconds = min(seconds, SURPRISE * self.expected(items))
        new = (1.0, items, seconds, items * items, items * seconds)
        self._sums = [MEMORY * old + one for old, one in zip(self._sums, new, strict=True)]
        weight, count, took, squares, products = self._sums
        spread = weight * squares - count * count
        if spread > 0.01 * count * count:
            slope = max((weight * products - count * took) / spread, 0.0)
            self.overhead = min(max((took - slope * count) / weight, 0.0), took / weight)
        self.overhead = min(self.overhead, seconds)
        self.scale((seconds - self.overhead) / items)
        self.last = max(items, int(self.last * RELIEF))

    def scale(self, each: float) -> None:
        self.each = max(each, RELIEF * self.each)


class Sizer:
    """What a batch and one item of each kind cost in seconds, from the batches so far; a guess before the first.

    Kinds are streams (folding, landing) and settle stages: they differ by a factor of ten and more.
    """

    def __init__(self) -> None:
        self._costs: dict[str, _Cost] = {}

    def cost(self, kind: str) -> float:
        """Seconds one more item of a kind is expected to take."""
        return self._of(kind).each

    def size(self, kind: str) -> int:
        """How many items of one kind fit."""
        return self.fit([kind] * LARGEST)

    def fit(self, kinds: Sequence[str]) -> int:
        """How many of these items, in their order, fit into one batch; at least one if there is any."""
        held: Counter[str] = Counter()
        overhead = spent = 0.0
        wider = STEP if kinds and self._of(kinds[0]).count % 2 else 1.0
        for at, kind in enumerate(kinds[:LARGEST]):
            cost = self._of(kind)
            held[kind] += 1
            overhead = max(overhead, cost.overhead)  # kinds in one batch share its lock and its commit
            spent += cost.each
            room = min(max(TARGET_SECONDS, 2 * overhead), MOST_SECONDS) - overhead
            if at and (
                spent - cost.each * (wider > 1) > room * wider or held[kind] > max(FIRST, int(cost.last * GROWTH))
            ):
                return at
        return min(len(kinds), LARGEST)

    def most(self) -> int:
        """No batch holds more now, whatever its kinds: so much need be looked at to fill one."""
        return min(LARGEST, 4 * FIRST + sum(int(one.last * GROWTH) for one in self._costs.values()))

    def note(self, kinds: Iterable[str], seconds: float) -> None:
        """A batch of these items took so long."""
        held = Counter(kinds)
        if len(held) == 1:
            ((kind, items),) = held.items()
            self._costs.setdefault(kind, _Cost()).note(items, seconds)
            return
        overhead = min(max((self._of(kind).overhead for kind in held), default=0.0), seconds)
        expected = sum(self.cost(kind) * items for kind, items in held.items())
        if not expected:
            return
        ratio = (seconds - overhead) / expected
        for kind, items in held.items():
            cost = self._costs.setdefault(kind, _Cost())
            cost.scale(cost.each * ratio)
            cost.last = max(items, int(cost.last * RELIEF))

    def _of(self, kind: str) -> _Cost:
        return self._costs.get(kind) or _Cost()
