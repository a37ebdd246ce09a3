"""Dated exchange rates: which one counts on a day, directly, turned round, or across one currency between.

Source: receivables reference, section 8.3 (convert at one dated rate set). A rate counts from its date until the next
one of its pair, at most until its end date, or for `MAX_AGE_DAYS` where none is stated: money is never converted at a
rate nobody vouches for any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

RATES_VERSION = "rates-1"
MAX_AGE_DAYS = 31


@dataclass(frozen=True, slots=True)
class DatedRate:
    """One unit of `base` is `rate` units of `quote` from `rate_on`; `until_on` None = no end stated.

    `rank` settles two statements for one pair and day: the higher counts (people and files over the books).
    """

    base: str
    quote: str
    rate: Decimal
    rate_on: date
    until_on: date | None = None
    source: str = ""
    rank: int = 0

    @property
    def last_on(self) -> date:
        """The last day on which it counts, if no later one of its pair begins before."""
        return self.until_on if self.until_on is not None else self.rate_on + timedelta(days=MAX_AGE_DAYS)


@dataclass(frozen=True, slots=True)
class Leg:
    """One step of a conversion: a stated rate, `inverse` when it is divided by."""

    rate: DatedRate
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Conversion:
    """amount × `times` / `per`, exact; `rate_on` is the oldest date among its legs."""

    times: Decimal
    per: Decimal
    rate_on: date
    legs: Sequence[Leg]

    @property
    def source(self) -> str:
        return ", ".join(dict.fromkeys(leg.rate.source for leg in self.legs if leg.rate.source))

    def stored(self) -> list[list[str]]:
        """The legs as a decision keeps them: `["USD", "CNY", "7.12", "2026-11-01", "import", "direct"]`."""
        return [
            [
                leg.rate.base,
                leg.rate.quote,
                str(leg.rate.rate),
                leg.rate.rate_on.isoformat(),
                leg.rate.source,
                "inverse" if leg.inverse else "direct",
            ]
            for leg in self.legs
        ]


class RateBook:
    """The rates one company may use; `hub` is the currency that two others are crossed through."""

    def __init__(self, rates: Sequence[DatedRate], hub: str) -> None:
        self.hub = hub
        self._pairs: dict[tuple[str, str], list[DatedRate]] = {}
        for rate in sorted(rates, key=lambda one: (one.rate_on, one.rank, one.source, one.rate)):
            self._pairs.setdefault((rate.base, rate.quote), []).append(rate)

    def convert(self, base: str, quote: str, as_of: date) -> Conversion | None:
        """How `base` becomes `quote` on a day; None where no rate counts. The pair itself goes before the hub."""
        leg = self._leg(base, quote, as_of)
        if leg is not None:
            return _conversion(leg)
        if self.hub in (base, quote):
            return None
        first, second = self._leg(base, self.hub, as_of), self._leg(self.hub, quote, as_of)
        return _conversion(first, second) if first is not None and second is not None else None

    def next_change_on(self, base: str, quote: str, as_of: date) -> date | None:
        """The first day after `as_of` on which a rate of this conversion begins or ends."""
        pairs = {(base, quote), (base, self.hub), (self.hub, quote)}
        days: set[date] = set()
        for one, other in pairs:
            for rate in (*self._pairs.get((one, other), ()), *self._pairs.get((other, one), ())):
                days.update((rate.rate_on, rate.last_on + timedelta(days=1)))
        return min((day for day in days if day > as_of), default=None)

    def _leg(self, base: str, quote: str, as_of: date) -> Leg | None:
        """The later of the stated rate and the stated inverse; on the same day the stated one."""
        straight, turned = self._latest(base, quote, as_of), self._latest(quote, base, as_of)
        if straight is not None and (turned is None or straight.rate_on >= turned.rate_on):
            return Leg(straight)
        return Leg(turned, inverse=True) if turned is not None else None

    def _latest(self, base: str, quote: str, as_of: date) -> DatedRate | None:
        begun = [rate for rate in self._pairs.get((base, quote), ()) if rate.rate_on <= as_of <= rate.last_on]
        return begun[-1] if begun else None


def _conversion(*legs: Leg) -> Conversion:
    times = per = Decimal(1)
    for leg in legs:
        if leg.inverse:
            per *= leg.rate.rate
        else:
            times *= leg.rate.rate
    return Conversion(times, per, min(leg.rate.rate_on for leg in legs), legs)
