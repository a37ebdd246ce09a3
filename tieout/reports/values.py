"""How values appear in every answer: money with its text, rows as plain dicts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from tieout.core.clock import Clock
from tieout.core.config import Config
from tieout.core.dates import business_on
from tieout.core.money import format_minor, is_currency

Money = dict[str, Any]


def money(minor: int, currency: str) -> Money:
    """`{"minor": 123450, "currency": "CNY", "text": "1,234.50"}`: the integer is the value, the text is for people."""
    text = format_minor(minor, currency, code=False) if is_currency(currency) else str(minor)
    return {"minor": minor, "currency": currency, "text": text}


def money_or_none(minor: int | None, currency: str | None) -> Money | None:
    """Money where both parts are there, else None."""
    return None if minor is None or not currency else money(minor, currency)


def today_by_company(config: Config, clock: Clock) -> dict[str, date]:
    """Each company's business date now; aging and overdue are counted from it."""
    now = clock.now()
    return {name: business_on(now, company.timezone) for name, company in config.companies.items()}


def pick(row: Mapping[Any, Any], *names: str) -> dict[str, Any]:
    """Some columns of a row as a dict."""
    return {name: row[name] for name in names}
