"""What a book of record says about credit and currencies: limits of customers, dated exchange rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class LimitCandidate:
    """A credit limit of one customer (`party_ref` = its number), in minor units of `currency`.

    A permanent amount and a temporary one that is added on its days; `is_active` False = not approved or switched off.
    """

    external_id: str
    party_ref: str
    currency: str
    amount_minor: int | None = None
    temporary_minor: int | None = None
    temporary_from: date | None = None
    temporary_until: date | None = None
    company_ref: str = ""  # "" = every company of the connection
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class RateCandidate:
    """One unit of `base` is `rate` units of `quote` (exact decimal text) from `rate_on`, to `until_on` if stated."""

    external_id: str
    base: str
    quote: str
    rate: str
    rate_on: date
    until_on: date | None = None
    company_ref: str = ""
    is_active: bool = True
