"""Work calendars: spans with both their ends, festivals by name, days of one's own, and which one a policy goes by."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tieout.receivables.dunning.calendar import Span, WorkCalendar, calendar_of, festival
from tieout.receivables.dunning.policy import Policy
from tieout.receivables.dunning.policy_file import load_policy, shipped_text

SHIPPED = load_policy(shipped_text(), "standard.yaml")
MONDAY = date(2026, 6, 1)
SATURDAY = date(2026, 6, 6)


def policy(calendar: str, **more: object) -> Policy:
    return replace(SHIPPED, calendar=calendar, **{"days_off": (), "workdays": (), "quiet": ()} | more)  # type: ignore[arg-type]


def test_a_span_holds_both_its_ends_and_no_more() -> None:
    span = Span(date(2026, 2, 1), date(2026, 2, 3))
    assert [span.holds(date(2026, 1, 31) + timedelta(days=n)) for n in range(5)] == [False, True, True, True, False]


def test_the_spring_festival_is_one_span_a_year_by_the_notices_of_the_state_council() -> None:
    spans = {span.from_on.year: span for span in festival("spring_festival")}
    assert spans[2025] == Span(date(2025, 1, 28), date(2025, 2, 4))
    assert spans[2026] == Span(date(2026, 2, 15), date(2026, 2, 23))
    assert all((span.to_on - span.from_on).days < 15 for span in spans.values())


def test_a_policy_goes_by_the_calendar_of_the_company_or_by_its_own() -> None:
    national_day = date(2026, 10, 1)  # a Thursday
    assert not policy("company").work_calendar("CN").is_open(national_day)
    assert policy("company").work_calendar("").is_open(national_day)
    assert policy("weekends").work_calendar("CN").is_open(national_day)
    assert not policy("CN").work_calendar("").is_open(national_day)


def test_days_of_ones_own_rest_or_work_whatever_the_week_says() -> None:
    own = policy("weekends", days_off=(MONDAY,), workdays=(SATURDAY,)).work_calendar("")
    assert (own.is_open(MONDAY), own.is_open(SATURDAY)) == (False, True)
    quiet = policy("weekends", workdays=(SATURDAY,), quiet=(Span(SATURDAY, SATURDAY),)).work_calendar("")
    assert not quiet.is_open(SATURDAY)
    china = calendar_of("CN", days_off=[date(2026, 9, 20)], workdays=[date(2026, 10, 1)])
    assert china.is_open(date(2026, 10, 1))
    assert not china.is_open(date(2026, 9, 20))  # a make-up Sunday that this company does not work
    assert china.is_known(date(2026, 1, 1))


def test_a_year_is_known_by_its_notice_or_by_a_day_given_by_hand() -> None:
    assert not calendar_of("CN").is_known(date(2099, 1, 1))
    assert calendar_of("CN", workdays=[date(2099, 1, 3)]).is_known(date(2099, 5, 1))
    assert calendar_of("CN", days_off=[date(2099, 1, 5)]).is_known(date(2099, 5, 1))
    assert calendar_of("weekends", days_off=[MONDAY]).is_known(date(2099, 1, 1))  # nothing yearly to miss
    assert calendar_of("").name == "weekends"
    assert calendar_of("CN").name == "CN"


@pytest.mark.parametrize(("day", "opens"), [(SATURDAY, date(2026, 6, 8)), (MONDAY, MONDAY)])
def test_the_following_open_day(day: date, opens: date) -> None:
    assert calendar_of("weekends").following(day) == opens


def test_sixty_days_are_looked_through_and_then_the_day_itself_is_taken() -> None:
    rests = WorkCalendar(quiet=(Span(MONDAY, MONDAY + timedelta(days=58)),))
    assert rests.following(MONDAY) == MONDAY + timedelta(days=59)  # a Thursday
    longer = WorkCalendar(quiet=(Span(MONDAY, MONDAY + timedelta(days=59)),))
    assert longer.following(MONDAY) == MONDAY
