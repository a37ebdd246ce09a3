"""Dates and instants: nothing naive, nothing guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.core import dates
from tieout.core.dates import DateError

DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 12, 31))
INSTANTS = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata"])


@given(DAYS)
def test_a_calendar_date_reads_back(day: date) -> None:
    assert dates.parse_on(day.isoformat()) == day
    assert dates.parse_on(f"{day.isoformat()}T00:00:00") == day
    assert dates.parse_on(f" {day.isoformat()} 00:00:00.000 ") == day


@pytest.mark.parametrize("text", ["2026-02-30", "2026-1-1", "26-01-01", "2026-01-01T08:00:00", "20260101", "", "now"])
def test_what_is_no_calendar_date_is_refused(text: str) -> None:
    with pytest.raises(DateError):
        dates.parse_on(text)


@given(INSTANTS)
def test_an_instant_reads_back_to_the_microsecond(instant: datetime) -> None:
    assert dates.parse_at(dates.iso_utc(instant)) == instant


@given(INSTANTS, INSTANTS)
def test_the_text_form_sorts_as_time_does(left: datetime, right: datetime) -> None:
    assert (dates.iso_utc(left) < dates.iso_utc(right)) == (left < right)


@given(INSTANTS, st.integers(min_value=-12 * 60, max_value=14 * 60))
def test_an_offset_changes_the_writing_not_the_instant(instant: datetime, minutes: int) -> None:
    there = instant.astimezone(timezone(timedelta(minutes=minutes)))
    assert dates.parse_at(there.isoformat()) == instant


@pytest.mark.parametrize("text", ["2026-11-01T00:00:00", "2026-11-01", "yesterday", ""])
def test_an_instant_without_offset_is_refused(text: str) -> None:
    with pytest.raises(DateError):
        dates.parse_at(text)


def test_naive_datetimes_are_refused_everywhere() -> None:
    naive = datetime(2026, 11, 1)
    for call in (
        dates.require_aware,
        dates.iso_utc,
        lambda at: dates.business_on(at, "UTC"),
        lambda at: dates.format_local(at, "UTC"),
    ):
        with pytest.raises(DateError, match="naive"):
            call(naive)


def test_a_zoneless_vendor_stamp_is_read_in_its_named_zone() -> None:
    assert dates.parse_local("2026-11-01T08:00:00", "Asia/Shanghai") == datetime(2026, 11, 1, tzinfo=UTC)
    assert dates.parse_local("2026-11-01T08:00:00+00:00", "Asia/Shanghai") == datetime(2026, 11, 1, 8, tzinfo=UTC)
    with pytest.raises(DateError, match="unknown time zone"):
        dates.parse_local("2026-11-01T08:00:00", "Asia/Nowhere")


@given(
    st.datetimes(datetime(1992, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # no summer time in Shanghai since
)
def test_a_vendor_filter_reads_back(instant: datetime) -> None:
    written = dates.format_local(instant, "Asia/Shanghai")
    assert dates.parse_local(written, "Asia/Shanghai") == instant.replace(microsecond=0)


@given(INSTANTS, ZONES)
def test_a_business_date_is_within_a_day_of_the_instant(instant: datetime, zone: str) -> None:
    assert abs(dates.business_on(instant, zone) - instant.date()) <= timedelta(days=1)


def test_the_business_date_turns_at_local_midnight() -> None:
    assert dates.business_on(datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC), "Asia/Shanghai") == date(2026, 10, 31)
    assert dates.business_on(datetime(2026, 10, 31, 16, tzinfo=UTC), "Asia/Shanghai") == date(2026, 11, 1)


@given(DAYS, st.integers(min_value=-240, max_value=240))
def test_months_clamp_to_the_last_day(day: date, months: int) -> None:
    moved = dates.add_months(day, months)
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == months
    assert moved.day == day.day or (moved.day < day.day and (moved + timedelta(days=1)).day == 1)


def test_the_end_of_january() -> None:
    assert dates.add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert dates.add_months(date(2028, 1, 31), 1) == date(2028, 2, 29)
    assert dates.add_months(date(2026, 3, 31), -1) == date(2026, 2, 28)


@given(DAYS, st.integers(min_value=-500, max_value=500))
def test_overdue_starts_the_day_after_the_due_date(due: date, ahead: int) -> None:
    assert dates.days_overdue(due, dates.next_day(due, ahead)) == max(0, ahead)
