"""Which version is newer is an order: no arrival sequence may change the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tieout.core.versions import Newer, SourceVersion, compare

START = datetime(2026, 11, 1, tzinfo=UTC)


def version(stamp: int | None, read: int = 0, counter: int | None = None) -> SourceVersion:
    return SourceVersion(
        None if stamp is None else START + timedelta(seconds=stamp), counter, START + timedelta(seconds=read)
    )


def test_the_first_version_is_current_and_an_echo_is_none() -> None:
    assert compare(version(1), "a", None, "") is Newer.YES
    assert compare(version(9), "a", version(1), "a") is Newer.SAME


def test_the_source_stamp_decides_not_the_time_of_reading() -> None:
    assert compare(version(2, read=0), "b", version(1, read=9), "a") is Newer.YES
    assert compare(version(1, read=9), "b", version(2, read=0), "a") is Newer.NO


def test_equal_stamps_are_decided_by_the_counter_or_by_asking_again() -> None:
    assert compare(version(1, counter=2), "b", version(1, counter=1), "a") is Newer.YES
    assert compare(version(1, counter=1), "b", version(1, counter=2), "a") is Newer.NO
    assert compare(version(1, read=5), "b", version(1), "a") is Newer.REFETCH
    assert compare(version(1, read=5), "b", version(1), "a", fetched_by_id=True) is Newer.YES
    assert compare(version(1, read=0), "b", version(1, read=5), "a", fetched_by_id=True) is Newer.NO


def test_a_stamp_that_went_backwards_counts_when_the_record_was_just_asked_for() -> None:
    assert compare(version(1, read=9), "b", version(5, read=3), "a", fetched_by_id=True) is Newer.YES
    assert compare(version(1, read=2), "b", version(5, read=3), "a", fetched_by_id=True) is Newer.NO
    assert compare(version(1, read=9), "b", version(5, read=3), "a") is Newer.NO, "an old page is an old page"


def test_without_a_stamp_the_later_read_wins() -> None:
    assert compare(version(None, read=2), "b", version(None, read=1), "a") is Newer.YES
    assert compare(version(None, read=1), "b", version(9, read=2), "a") is Newer.NO


@given(
    st.lists(st.tuples(st.integers(0, 30), st.text("abc", min_size=1, max_size=3)), min_size=1, max_size=8),
    st.randoms(),
)
def test_any_order_of_arrival_ends_with_the_same_version(seen: list[tuple[int, str]], shuffler: object) -> None:
    """Stamps are unique per content here; equal stamps are refetched, which has its own test."""
    versions = dict(seen)

    def end(order: list[tuple[int, str]]) -> str:
        current: tuple[int, str] | None = None
        for stamp, text in order:
            known = version(current[0]) if current else None
            if compare(version(stamp), f"{stamp}{text}", known, f"{current[0]}{current[1]}" if current else "") is (
                Newer.YES
            ):
                current = (stamp, text)
        assert current is not None
        return current[1]

    order = list(versions.items())
    first = end(order)
    shuffler.shuffle(order)  # type: ignore[attr-defined]
    assert end(order) == first == versions[max(versions)]
