"""Work calendars: on which days a message may go out, make-up workdays (调休) included.

Source of the Chinese days off and make-up workdays: the yearly notice of the State Council, as kept by the
`chinesecalendar` package. A year that is not loaded is known by its weekends only, and the calendar says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from chinese_calendar import constants

WEEKENDS, CHINA = "weekends", "CN"
NAMES = (CHINA, WEEKENDS)
FESTIVALS = {"spring_festival": "Spring Festival"}  # quiet spans by name: all its days off, in every loaded year
_SATURDAY = 5
_LONGEST_REST = 60  # days; a calendar that rests longer is a mistake


@dataclass(frozen=True, slots=True)
class Span:
    """Calendar days from `from_on` to `to_on`, both included."""

    from_on: date
    to_on: date

    def holds(self, day: date) -> bool:
        return self.from_on <= day <= self.to_on


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Weekends rest, `days_off` rest too, `workdays` (make-up days) work; `quiet` spans are never written in.

    `known_years` empty = the calendar has no yearly data to miss.
    """

    name: str = WEEKENDS
    days_off: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    quiet: Sequence[Span] = ()
    known_years: frozenset[int] = frozenset()

    def is_open(self, day: date) -> bool:
        """True on a working day outside the quiet spans."""
        if any(span.holds(day) for span in self.quiet):
            return False
        if day in self.workdays:
            return True
        return day not in self.days_off and day.weekday() < _SATURDAY

    def following(self, day: date) -> date:
        """The day itself if it is open, else the next open one."""
        for ahead in range(_LONGEST_REST):
            found = day + timedelta(days=ahead)
            if self.is_open(found):
                return found
        return day  # rests for ever: better a message on a quiet day than none

    def is_known(self, day: date) -> bool:
        """False when the days off of this year are not loaded: only its weekends are known."""
        return not self.known_years or day.year in self.known_years


@lru_cache(maxsize=1)
def _china() -> WorkCalendar:
    days_off, workdays = frozenset(constants.holidays), frozenset(constants.workdays)
    return WorkCalendar(CHINA, days_off, workdays, (), frozenset(day.year for day in days_off))


def festival(name: str) -> Sequence[Span]:
    """The days off of a festival, one span a year, in the years that are loaded."""
    years: dict[int, list[date]] = {}
    for day, label in constants.holidays.items():
        if label == FESTIVALS[name]:
            years.setdefault(day.year, []).append(day)
    return tuple(Span(min(days), max(days)) for _, days in sorted(years.items()))


def calendar_of(
    name: str,
    *,
    days_off: Sequence[date] = (),
    workdays: Sequence[date] = (),
    quiet: Sequence[Span | str] = (),
) -> WorkCalendar:
    """A calendar by name with days of one's own added; a name without data of ours rests on weekends only.

    A year for which days off or make-up days are given by hand counts as known.
    """
    base = _china() if name == CHINA else WorkCalendar(name or WEEKENDS)
    by_hand = {day.year for day in (*days_off, *workdays)}
    return WorkCalendar(
        base.name,
        (base.days_off | frozenset(days_off)) - frozenset(workdays),
        (base.workdays | frozenset(workdays)) - frozenset(days_off),
        tuple(span for one in quiet for span in ((one,) if isinstance(one, Span) else festival(one))),
        base.known_years | by_hand if base.known_years else frozenset(),
    )
