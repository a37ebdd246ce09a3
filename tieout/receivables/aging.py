"""Aging: open items by days overdue, with credits and unapplied cash always visible beside them.

Source: receivables reference, section 3: half-open buckets without gaps, each instalment by its own due date, unapplied
cash and credit notes in their own columns and never netted into a bucket.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

AGING_VERSION = "aging-1"
NO_BUCKET = ""  # nothing is open


@dataclass(frozen=True, slots=True)
class AgingScheme:
    """Upper ends of the buckets in days overdue; the last bucket has none. `edges` start at 0 (= current) and rise."""

    edges: Sequence[int] = (0, 30, 60, 90, 180, 365)

    def __post_init__(self) -> None:
        if not self.edges or self.edges[0] != 0 or list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"aging edges must start at 0 and rise: {self.edges}")

    @property
    def codes(self) -> tuple[str, ...]:
        """Bucket names in order: current, 1-30, 31-60, 61-90, 91-180, 181-365, >365 by default."""
        return _codes(tuple(self.edges))

    def bucket(self, due_on: date, as_of: date) -> str:
        """The bucket of a due date as of a day; due today is current."""
        days = (as_of - due_on).days
        return self.codes[sum(days > edge for edge in self.edges)]

    def next_change_on(self, due_on: date, as_of: date) -> date | None:
        """The next day on which an item of this due date is in another bucket; None in the last one."""
        days = (as_of - due_on).days
        following = [edge for edge in self.edges if edge >= days]
        return due_on + timedelta(days=following[0] + 1) if following else None


@lru_cache(maxsize=64)
def _codes(edges: tuple[int, ...]) -> tuple[str, ...]:
    return ("current", *(f"{low + 1}-{high}" for low, high in pairwise(edges)), f">{edges[-1]}")


DEFAULT_SCHEME = AgingScheme()


class AgedItem(Protocol):
    """What aging needs of an open item: whose it is, its currency, due date and signed open amount."""

    @property
    def customer_id(self) -> str: ...

    @property
    def currency(self) -> str: ...

    @property
    def due_on(self) -> date: ...

    @property
    def open_minor(self) -> int: ...


@dataclass(frozen=True, slots=True)
class AgingItem:
    """A plain AgedItem."""

    customer_id: str
    currency: str
    due_on: date
    open_minor: int


@dataclass(frozen=True, slots=True)
class AgingRow:
    """One customer (or `*` for all) and currency: amounts in minor units per bucket code, credits and cash < 0."""

    customer_id: str
    currency: str
    buckets: Mapping[str, int]
    credits_minor: int
    unapplied_minor: int
    weighted_days_all: tuple[int, int]  # Σ(open × days overdue), Σ open
    weighted_days_overdue: tuple[int, int]  # the same over overdue items only

    @property
    def open_minor(self) -> int:
        return sum(self.buckets.values()) + self.credits_minor

    @property
    def balance_minor(self) -> int:
        """Open items less unapplied cash: what must tie to the ledger."""
        return self.open_minor + self.unapplied_minor

    @property
    def overdue_minor(self) -> int:
        return sum(amount for code, amount in self.buckets.items() if code != "current")


def age(
    items: Iterable[AgedItem],
    unapplied: Mapping[tuple[str, str], int],
    as_of: date,
    *,
    scheme: AgingScheme = DEFAULT_SCHEME,
) -> Sequence[AgingRow]:
    """Aging rows per (customer, currency), then one `*` row per currency; sorted, currencies never added.

    `items` carry what is open as of the day (see `as_of.open_at`); `unapplied` maps (customer, currency) to unapplied
    cash as a negative amount, as the ledger has it.
    """
    sums: dict[tuple[str, str], _Sums] = defaultdict(lambda: _Sums(scheme))
    for item in items:
        for customer_id in (item.customer_id, "*"):
            sums[customer_id, item.currency].add(item, as_of)
    for (customer_id, currency), amount in unapplied.items():
        for owner in (customer_id, "*"):
            sums[owner, currency].unapplied += amount
    order = sorted(sums, key=lambda key: (key[0] == "*", key))
    return tuple(sums[key].row(*key) for key in order)


class _Sums:
    def __init__(self, scheme: AgingScheme) -> None:
        self._scheme = scheme
        self.buckets = dict.fromkeys(scheme.codes, 0)
        self.credits = self.unapplied = 0
        self.days_all = self.days_overdue = self.open_overdue = 0

    def add(self, item: AgedItem, as_of: date) -> None:
        if item.open_minor < 0:
            self.credits += item.open_minor
            return
        self.buckets[self._scheme.bucket(item.due_on, as_of)] += item.open_minor
        days = max(0, (as_of - item.due_on).days)
        self.days_all += item.open_minor * days
        if days:
            self.days_overdue += item.open_minor * days
            self.open_overdue += item.open_minor

    def row(self, customer_id: str, currency: str) -> AgingRow:
        total = sum(self.buckets.values())
        return AgingRow(
            customer_id,
            currency,
            self.buckets,
            self.credits,
            self.unapplied,
            (self.days_all, total),
            (self.days_overdue, self.open_overdue),
        )
