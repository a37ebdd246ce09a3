"""Calendar dates and instants: naive datetimes are refused, vendor zones are named."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tieout.core.errors import TieoutError


class DateError(TieoutError):
    """A date or instant cannot be read without guessing."""

    code = "bad_date"


_MIDNIGHT = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:[T ]00:00:00(?:\.0+)?)?$")


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The time zone of a IANA name; unknown names raise DateError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise DateError(f"unknown time zone {name!r}", hint="Use an IANA name such as Asia/Shanghai.") from None


def parse_on(text: str) -> date:
    """A `yyyy-mm-dd` calendar date; a midnight time part (Kingdee style) is accepted, any other refused."""
    match = _MIDNIGHT.match(text.strip())
    if match is None:
        raise DateError(f"{text!r} is not a calendar date (yyyy-mm-dd)")
    try:
        return date.fromisoformat(match.group(1))
    except ValueError:
        raise DateError(f"{text!r} is not a calendar date") from None


def parse_at(text: str) -> datetime:
    """An ISO 8601 instant with an offset, as UTC; an instant without offset is refused."""
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError:
        raise DateError(f"{text!r} is not an ISO 8601 instant") from None
    if value.tzinfo is None:
        raise DateError(f"{text!r} has no time zone offset")
    return _utc(value, text)


def parse_local(text: str, zone_name: str) -> datetime:
    """A zone-less vendor stamp read in the named zone, as UTC (Kingdee, Yonyou)."""
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError:
        raise DateError(f"{text!r} is not a date and time") from None
    if value.tzinfo is not None:
        return _utc(value, text)
    return _utc(value.replace(tzinfo=zone(zone_name)), text)


def _utc(value: datetime, text: str) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:  # the last day of year 9999, the first of year 1
        raise DateError(f"{text!r} lies beyond the calendar") from None


def format_local(instant: datetime, zone_name: str) -> str:
    """`2026-11-01 00:00:00` in the named zone, for vendors whose filters have no offset."""
    return require_aware(instant).astimezone(zone(zone_name)).strftime("%Y-%m-%d %H:%M:%S")


def require_aware(instant: datetime) -> datetime:
    """The instant in UTC; a naive datetime raises DateError."""
    if instant.tzinfo is None:
        raise DateError("naive datetime refused: an instant needs a time zone")
    return instant.astimezone(UTC)


def iso_utc(instant: datetime) -> str:
    """`2026-11-01T00:00:00.000000Z`: sortable text of an instant, microseconds always written."""
    known = instant if instant.tzinfo is UTC else require_aware(instant)
    return known.isoformat(timespec="microseconds")[:-6] + "Z"


def business_on(instant: datetime, zone_name: str) -> date:
    """The calendar date of an instant in the company's business time zone."""
    return require_aware(instant).astimezone(zone(zone_name)).date()


def add_months(day: date, months: int) -> date:
    """Month arithmetic that clamps: 31 January + 1 month = 28 or 29 February."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def days_overdue(due_on: date, as_of: date) -> int:
    """max(0, as_of - due): due today is not overdue (receivables reference, section 1)."""
    return max(0, (as_of - due_on).days)


def next_day(day: date, days: int = 1) -> date:
    """The date so many days later."""
    return day + timedelta(days=days)
