"""Cron slots: compared with counting minutes by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.core.cron import Cron
from tieout.core.dates import zone
from tieout.core.errors import ConfigError

START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone_name", "expected"),
    [
        ("0 7 * * *", "Asia/Shanghai", "2026-11-24T23:00:00+00:00"),
        ("*/15 * * * *", "UTC", "2026-11-24T16:15:00+00:00"),
        ("0 0 1 * *", "UTC", "2026-12-01T00:00:00+00:00"),
        ("0 9 * * mon-fri", "Asia/Shanghai", "2026-11-25T01:00:00+00:00"),
        ("0 0 13 * fri", "UTC", "2026-11-27T00:00:00+00:00"),  # the 13th or a Friday, whichever comes first
        ("30 6 29 2 *", "UTC", "2028-02-29T06:30:00+00:00"),
        ("0 0 * * 7", "UTC", "2026-11-29T00:00:00+00:00"),  # 7 is Sunday, as 0 is
        ("5,35 8-10/2 * jan,dec *", "UTC", "2026-12-01T08:05:00+00:00"),
        ("10/20 * * * *", "UTC", "2026-11-24T16:10:00+00:00"),
        ("@monthly", "UTC", "2026-12-01T00:00:00+00:00"),
    ],
)
def test_known_slots(text: str, zone_name: str, expected: str) -> None:
    assert Cron.parse(text).next_after(START, zone_name).isoformat() == expected


def test_a_slot_is_after_the_instant_never_at_it() -> None:
    cron = Cron.parse("0 * * * *")
    assert cron.next_after(START, "UTC") == START + timedelta(hours=1)
    assert cron.next_after(START - timedelta(microseconds=1), "UTC") == START


def test_a_local_time_that_a_clock_change_skips_is_no_slot() -> None:
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)  # Berlin goes from 02:00 to 03:00 on 29 March
    assert Cron.parse("30 2 * * *").next_after(before, "Europe/Berlin").isoformat() == "2026-03-30T00:30:00+00:00"


@settings(max_examples=60)
@given(
    st.integers(0, 59),
    st.sets(st.integers(0, 23), min_size=1, max_size=3),
    st.sets(st.integers(0, 6), min_size=1, max_size=7),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Asia/Shanghai", "Asia/Kolkata"]),
)
def test_the_next_slot_is_what_counting_minutes_finds(
    minute: int, hours: set[int], weekdays: set[int], after: datetime, zone_name: str
) -> None:
    text = f"{minute} {','.join(map(str, hours))} * * {','.join(map(str, weekdays))}"
    at = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while True:
        local = at.astimezone(zone(zone_name))
        if local.minute == minute and local.hour in hours and local.isoweekday() % 7 in weekdays:
            break
        at += timedelta(minutes=1)
    assert Cron.parse(text).next_after(after, zone_name) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "a * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "*/x * * * *",
        "1,, * * * *",
        "-1 * * * *",
    ],
)
def test_what_is_no_cron_string_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="cron"):
        Cron.parse(text)


def test_a_day_that_never_comes() -> None:
    with pytest.raises(ConfigError, match="never comes"):
        Cron.parse("0 0 30 2 *").next_after(START, "UTC")
