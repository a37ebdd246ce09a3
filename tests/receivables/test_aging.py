"""Aging buckets, the reproducibility vector and both time axes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.receivables.aging import DEFAULT_SCHEME, AgingItem, AgingScheme, age
from tieout.receivables.as_of import Applied, is_visible, open_at

DUE = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (-5, "current"),
        (0, "current"),
        (1, "1-30"),
        (30, "1-30"),
        (31, "31-60"),
        (60, "31-60"),
        (61, "61-90"),
        (91, "91-180"),
        (180, "91-180"),
        (181, "181-365"),
        (365, "181-365"),
        (366, ">365"),
        (4000, ">365"),
    ],
)
def test_bucket_edges(days: int, bucket: str) -> None:
    assert DEFAULT_SCHEME.bucket(DUE, DUE + timedelta(days=days)) == bucket


def test_scheme_without_gaps_only() -> None:
    assert AgingScheme((0, 15)).codes == ("current", "1-15", ">15")
    for edges in ((), (1, 30), (0, 30, 30), (0, 60, 30)):
        with pytest.raises(ValueError, match="aging edges"):
            AgingScheme(edges)


@given(days=st.integers(-400, 800))
@settings(max_examples=200)
def test_bucket_holds_until_its_next_change(days: int) -> None:
    as_of = DUE + timedelta(days=days)
    bucket = DEFAULT_SCHEME.bucket(DUE, as_of)
    change = DEFAULT_SCHEME.next_change_on(DUE, as_of)
    if change is None:
        assert bucket == ">365"
        return
    assert change > as_of
    assert DEFAULT_SCHEME.bucket(DUE, change - timedelta(days=1)) == bucket
    assert DEFAULT_SCHEME.bucket(DUE, change) != bucket


PARTS = [Applied("i:1", 40000, date(2026, 5, 10), 10), Applied("i:1", 60000, date(2026, 6, 2), 20)]


@pytest.mark.parametrize(
    ("as_of", "bucket", "amount"),
    [("2026-04-30", "1-30", 100000), ("2026-05-31", "61-90", 60000), ("2026-06-30", None, 0)],
)
def test_report_as_of_a_day_comes_out_the_same_for_ever(as_of: str, bucket: str | None, amount: int) -> None:
    day = date.fromisoformat(as_of)
    still_open = open_at(100000, PARTS, day)
    assert still_open == amount
    (row, total) = age([AgingItem("c", "CNY", DUE, still_open)], {}, day)
    assert {code: value for code, value in row.buckets.items() if value} == ({bucket: amount} if bucket else {})
    assert (total.customer_id, total.buckets) == ("*", row.buckets)


def test_weighted_days_overdue_of_the_worked_example() -> None:
    as_of = date(2026, 5, 31)
    items = [
        AgingItem("c", "CNY", as_of - timedelta(days=61), 600),
        AgingItem("c", "CNY", as_of - timedelta(days=10), 300),
        AgingItem("c", "CNY", as_of, 100),
    ]
    row = age(items, {}, as_of)[0]
    assert row.weighted_days_all == (39600, 1000)  # 39.6
    assert row.weighted_days_overdue == (39600, 900)  # 44.0
    assert row.overdue_minor == 900


def test_credits_and_unapplied_cash_stand_beside_the_buckets_and_tie_out() -> None:
    items = [
        AgingItem("a", "CNY", DUE, 1000),
        AgingItem("a", "CNY", DUE, -300),
        AgingItem("a", "USD", DUE, 50),
        AgingItem("b", "CNY", DUE, 70),
    ]
    rows = age(items, {("a", "CNY"): -900, ("z", "EUR"): -5}, date(2026, 4, 1))
    assert [(row.customer_id, row.currency, row.open_minor, row.balance_minor) for row in rows] == [
        ("a", "CNY", 700, -200),
        ("a", "USD", 50, 50),
        ("b", "CNY", 70, 70),
        ("z", "EUR", 0, -5),
        ("*", "CNY", 770, -130),
        ("*", "EUR", 0, -5),
        ("*", "USD", 50, 50),
    ]
    assert rows[0].buckets["1-30"] == 1000
    assert (rows[0].credits_minor, rows[0].unapplied_minor) == (-300, -900)
    more = age([*items, AgingItem("b", "CNY", DUE, -20)], {("a", "CNY"): -900, ("b", "CNY"): -1}, date(2026, 4, 1))
    (whole,) = [row for row in more if (row.customer_id, row.currency) == ("*", "CNY")]
    assert (whole.credits_minor, whole.unapplied_minor) == (-320, -901)


def test_late_recorded_invoice_is_absent_from_what_was_known_then() -> None:
    effective, recorded = date(2026, 3, 1), 20
    assert not is_visible(effective, recorded, date(2026, 3, 10), 10)
    assert is_visible(effective, recorded, date(2026, 3, 10), None)
    assert not is_visible(effective, recorded, date(2026, 2, 28), None)


def test_reversal_counts_from_its_own_date_and_commit() -> None:
    part = Applied("i:1", 400, date(2026, 5, 10), 10, date(2026, 6, 1), 30)
    assert open_at(1000, [part], date(2026, 5, 9)) == 1000
    assert open_at(1000, [part], date(2026, 5, 31)) == 600
    assert open_at(1000, [part], date(2026, 6, 1)) == 1000
    assert open_at(1000, [part], date(2026, 6, 1), 29) == 600
    assert open_at(1000, [part], date(2026, 6, 1), 9) == 1000
    assert open_at(-1000, [part], date(2026, 5, 31)) == -600


@given(
    parts=st.lists(st.tuples(st.integers(1, 100), st.integers(0, 60), st.integers(0, 50)), max_size=8),
    as_of=st.integers(0, 60),
    known=st.integers(0, 50),
)
def test_open_amount_ignores_later_events_and_later_knowledge(
    parts: list[tuple[int, int, int]], as_of: int, known: int
) -> None:
    start = date(2026, 1, 1)
    applied = [Applied("i:1", amount, start + timedelta(days=day), seq) for amount, day, seq in parts]
    day = start + timedelta(days=as_of)
    seen = [part for part in applied if part.effective_on <= day and part.recorded_seq <= known]
    assert open_at(10_000, applied, day, known) == open_at(10_000, seen, date(2027, 1, 1))
