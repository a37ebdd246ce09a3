"""Values of the configuration: what one may be, and the words for one that may not."""

from __future__ import annotations

import re
from datetime import date, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

from tieout.core.cron import Cron
from tieout.core.dates import parse_on, zone
from tieout.core.errors import TieoutError
from tieout.core.money import is_currency

ROBOTS = ("wecom", "dingtalk", "feishu")  # vendors that post into a group
_INTERVAL = re.compile(r"^(\d+)\s*(s|m|h|d)$")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _interval(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    found = _INTERVAL.match(value.strip()) if isinstance(value, str) else None
    if found is None or int(found.group(1)) == 0:
        raise ValueError('write a duration such as "30s", "5m", "2h" or "1d"')
    return timedelta(seconds=int(found.group(1)) * _UNITS[found.group(2)])


def _day(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_on(value)
    except TieoutError as error:
        raise ValueError(error.message) from None


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _currency(value: str) -> str:
    if not is_currency(value):
        raise ValueError(f"{value!r} is not a currency code of ISO 4217")
    return value


def _timezone(value: str) -> str:
    try:
        zone(value)
    except TieoutError as error:
        raise ValueError(str(error)) from None
    return value


def _cron(value: str) -> str:
    try:
        Cron.parse(value)
    except TieoutError as error:
        raise ValueError(str(error)) from None
    return value


def _target(value: str) -> str:
    if value != "file" and not re.fullmatch(r"mail:[^\s@]+@[^\s@]+|chat:\S+", value):
        raise ValueError(f'{value!r} is no target: write "file", "mail:name@example.com" or "chat:CONNECTION"')
    return value


def _not_ours(value: str) -> str:
    if value == "ours":
        raise ValueError(
            '"ours" is not possible yet: payments follow the book of record. Leave it out or write "source"'
        )
    return value


def _not_kept(value: int) -> int:
    raise ValueError("nothing is pruned yet, every landed version is kept: leave this key out")


Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Targets = Annotated[tuple[Annotated[str, AfterValidator(_target)], ...], BeforeValidator(_listed)]
Frozen = AfterValidator(MappingProxyType)
CurrencyCode = Annotated[str, AfterValidator(_currency)]
TimeZone = Annotated[str, AfterValidator(_timezone)]
CronText = Annotated[str, AfterValidator(_cron)]
Interval = Annotated[timedelta, BeforeValidator(_interval)]
Day = Annotated[date | None, BeforeValidator(_day)]
CashApplication = Annotated[Literal["source", "ours"], AfterValidator(_not_ours)]
LandingKeep = Annotated[int, AfterValidator(_not_kept)]
Language = Literal["zh-CN", "en"]
PushMode = Literal["plan", "auto", "off"]
# What reports and formats there are; `tieout.reports` makes them.
ReportName = Literal["aging", "statement", "cash", "credit", "dunning", "reconcile"]
FormatName = Literal["json", "csv", "xlsx", "html", "pdf"]
Formats = Annotated[tuple[FormatName, ...], BeforeValidator(_listed)]
EVERYBODY = "all"  # statements of every customer with a balance
