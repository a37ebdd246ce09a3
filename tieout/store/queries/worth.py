"""Amounts of several currencies as one number to sort by: converted at the stored rates where one counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, literal, select

from tieout.core.money import exponent, is_currency
from tieout.receivables.rates import DatedRate, RateBook
from tieout.store.tables import balances, rates

_SCALE = 10_000  # of a hundredth of the major unit: a rate keeps four digits


@dataclass(frozen=True, slots=True)
class Worth:
    """How amounts are compared: in `currency`; `bare` are the currencies without a rate, which count as they stand."""

    currency: str = ""
    factors: dict[str, int] = field(default_factory=dict)
    bare: Sequence[str] = ()

    def of(self, amount: Any, currency: ColumnElement[str]) -> ColumnElement[int]:
        """An amount in minor units of `currency` as a whole number, the same for equal money."""
        whens = [(currency == code, literal(factor, BigInteger)) for code, factor in sorted(self.factors.items())]
        factor = case(*whens, else_=literal(_SCALE, BigInteger)) if whens else literal(_SCALE, BigInteger)
        return cast(amount, BigInteger) * factor


PLAIN = Worth()  # side by side


def worth(conn: Connection, quote: str, as_of: date, currencies: Sequence[str] = ()) -> Worth:
    """What one unit of each currency counts for in `quote` on a day; side by side where no rate counts.

    Without `currencies`, those of the balances and of the rates.
    """
    stated = _stated(conn)
    if not currencies:
        held = conn.execute(select(balances.c.currency).distinct()).scalars()
        currencies = [*held, *(code for one in stated for code in (one.base, one.quote))]
    book = RateBook(stated, quote)
    factors: dict[str, int] = {}
    bare = []
    for code in sorted(set(currencies)):
        found = None if code == quote else book.convert(code, quote, as_of)
        if found is None and code != quote:
            bare.append(code)
        rate = Decimal(1) if found is None else found.times / found.per
        factors[code] = _factor(code, rate)
    return Worth(quote, factors, tuple(bare))


def side_by_side(currencies: Sequence[str]) -> Worth:
    """Major units of every currency count alike."""
    return Worth("", {code: _factor(code, Decimal(1)) for code in currencies}, tuple(currencies))


def _factor(code: str, rate: Decimal) -> int:
    places = exponent(code) if is_currency(code) else 2
    return max(1, int((rate * _SCALE).scaleb(2 - places).to_integral_value(ROUND_HALF_UP)))


def _stated(conn: Connection) -> list[DatedRate]:
    r = rates.c
    query = select(r.base, r.quote, r.rate, r.rate_on, r.until_on, r.source, r.rank).where(r.is_active.is_(True))
    return [DatedRate(one.base, one.quote, Decimal(one.rate), *one[3:]) for one in conn.execute(query)]
