"""Exposure: what a customer could cost us, in the company's functional currency at dated rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from tieout.core.money import round_minor, to_decimal

EXPOSURE_VERSION = "exposure-1"


@dataclass(frozen=True, slots=True)
class Rate:
    """A dated exchange rate: one unit of `currency` is `rate` / `per` units of the target currency (exact decimals)."""

    currency: str
    rate: Decimal
    rate_on: date
    source: str = ""
    per: Decimal = Decimal(1)

    def convert(self, minor: int, target: str) -> int:
        """An amount in minor units of the target currency, rounded once, half up."""
        with localcontext(prec=80):  # a quotient is carried far beyond what could tip the rounding
            return round_minor(to_decimal(minor, self.currency) * self.rate / self.per, target)


@dataclass(frozen=True, slots=True)
class ExposurePart:
    """One currency: open receivables (incl. not due, net of credit notes), unapplied cash (<= 0), converted."""

    currency: str
    open_minor: int
    unapplied_minor: int
    rate: Decimal
    rate_on: date | None  # None: the functional currency itself
    converted_minor: int
    per: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class MissingRate:
    """A currency left out of the exposure because no rate was handed in."""

    currency: str
    open_minor: int
    unapplied_minor: int
    reason: str = "rate_missing"


@dataclass(frozen=True, slots=True)
class Exposure:
    """Exposure in minor units of the functional currency; incomplete while a rate is missing."""

    currency: str
    amount_minor: int
    parts: Sequence[ExposurePart]
    missing: Sequence[MissingRate]
    stages: Mapping[str, int]
    rule_version: str = EXPOSURE_VERSION

    @property
    def is_complete(self) -> bool:
        return not self.missing


def exposure_of(
    open_minor: Mapping[str, int],
    unapplied_minor: Mapping[str, int],
    functional_currency: str,
    rates: Mapping[str, Rate],
    *,
    stages: Mapping[str, int] | None = None,
) -> Exposure:
    """Exposure = open receivables (incl. not due) less unapplied cash, plus other stages handed in.

    `open_minor` and `unapplied_minor` are per currency; unapplied cash is negative, as the ledger has it. `stages` are
    further signed amounts in functional minor units (orders accepted +, delivered not invoiced +, notes not cleared +,
    security −). Each currency is converted once and rounded half up; one without a rate is named and left out.
    Source: receivables reference, section 8.3.
    """
    parts: list[ExposurePart] = []
    missing: list[MissingRate] = []
    for code in sorted(open_minor.keys() | unapplied_minor.keys()):
        owed, cash = open_minor.get(code, 0), unapplied_minor.get(code, 0)
        if code == functional_currency:
            parts.append(ExposurePart(code, owed, cash, Decimal(1), None, owed + cash))
        elif code in rates:
            rate = rates[code]
            converted = rate.convert(owed + cash, functional_currency)
            parts.append(ExposurePart(code, owed, cash, rate.rate, rate.rate_on, converted, rate.per))
        elif owed or cash:
            missing.append(MissingRate(code, owed, cash))
    extra = dict(sorted((stages or {}).items()))
    total = sum(part.converted_minor for part in parts) + sum(extra.values())
    return Exposure(functional_currency, total, tuple(parts), tuple(missing), extra)
