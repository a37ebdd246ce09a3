"""Cron strings of five fields, read in a named time zone: which slots a schedule has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from tieout.core.dates import require_aware, zone
from tieout.core.errors import ConfigError

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_NAMES = {
    3: dict(zip("jan feb mar apr may jun jul aug sep oct nov dec".split(), range(1, 13), strict=True)),
    4: dict(zip("sun mon tue wed thu fri sat".split(), range(7), strict=True)),
}
_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
_HORIZON_DAYS = 366 * 8  # 29 February recurs within eight years


@dataclass(frozen=True, slots=True)
class Cron:
    """The minutes a cron string names.

    Day of month and day of week are alternatives when both are given (crontab(5)).
    """

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Read a cron string; ConfigError names the field that cannot be read."""
        parts = _SHORT.get(text.strip(), text).split()
        if len(parts) != 5:
            raise ConfigError(
                f"cron {text!r} has {len(parts)} fields instead of 5.",
                hint='Write "minute hour day month weekday", for example "0 7 * * *".',
            )
        minutes, hours, days, months, weekdays = (_values(part, index, text) for index, part in enumerate(parts))
        return cls(
            text=text,
            minutes=minutes,
            hours=hours,
            days=days,
            months=months,
            weekdays=frozenset(day % 7 for day in weekdays),
            any_day=parts[2].startswith("*"),
            any_weekday=parts[4].startswith("*"),
        )

    def _has_day(self, month: int, day: int, weekday: int) -> bool:
        if month not in self.months:
            return False
        by_day, by_weekday = day in self.days, weekday in self.weekdays
        if self.any_day or self.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday

    def next_after(self, instant: datetime, zone_name: str) -> datetime:
        """The first slot after the instant, as UTC; a local time that a clock change skips is not a slot."""
        tz = zone(zone_name)
        local = require_aware(instant).astimezone(tz)
        for ahead in range(_HORIZON_DAYS):
            day = local.date() + timedelta(days=ahead)
            if not self._has_day(day.month, day.day, day.isoweekday() % 7):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    slot = datetime.combine(day, time(hour, minute), tzinfo=tz).astimezone(UTC)
                    exists = slot.astimezone(tz).replace(tzinfo=None) == datetime.combine(day, time(hour, minute))
                    if exists and slot > instant:
                        return slot
        raise ConfigError(f"cron {self.text!r} names a day that never comes.")


def _values(part: str, index: int, text: str) -> frozenset[int]:
    name, low, high = _FIELDS[index]
    names = _NAMES.get(index, {})
    problem = ConfigError(f"cron {text!r}: {part!r} is not a {name} ({low} to {high}).")

    def number(word: str) -> int:
        if word.lower() in names:
            return names[word.lower()]
        if not _is_number(word) or not low <= int(word) <= high:
            raise problem
        return int(word)

    out: set[int] = set()
    for item in part.split(","):
        span, slash, step_text = item.partition("/")
        if slash and (not _is_number(step_text) or int(step_text) < 1):
            raise problem
        step = int(step_text) if slash else 1
        if span == "*":
            first, last = low, high
        elif "-" in span:
            left, _, right = span.partition("-")
            first, last = number(left), number(right)
        else:
            first = number(span)
            last = high if slash else first
        if first > last:
            raise problem
        out.update(range(first, last + 1, step))
    return frozenset(out)


def _is_number(word: str) -> bool:
    return word.isdecimal() and len(word) <= 4
