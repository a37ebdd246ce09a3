"""Zoho's times: whole seconds with the organisation's offset, `2026-01-05T12:49:25+08:00`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def stamp(instant: datetime, zone: str) -> str:
    """The wire form of an instant; fractions of a second are cut off."""
    return instant.astimezone(ZoneInfo(zone)).replace(microsecond=0).isoformat()


def epoch(text: str) -> int:
    """Seconds since 1970 of a wire stamp; raises ValueError without an offset."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return int(parsed.timestamp())


def parse_header(text: str) -> int:
    """If-(Un)Modified-Since as epoch seconds: ISO with offset, or the RFC date of HTTP; raises ValueError."""
    try:
        return epoch(text.strip())
    except ValueError:
        parsed = parsedate_to_datetime(text)
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def is_datetime(text: str) -> bool:
    """Whether Zoho would take it as a date-time: no milliseconds, offset required."""
    if not _DATETIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_date(text: str) -> bool:
    """Whether it is a calendar date `yyyy-MM-dd`."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
