"""Why a field of a CRM record does not show what it should: each cause with its words, and the surest first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tieout.receivables.breaks import Explanation
from tieout.receivables.record_state import RecordState, explain_field

READ = datetime(2026, 4, 10, 8, tzinfo=UTC)
LATER = READ + timedelta(seconds=1)
NAME = "payment_status"
PLAIN = RecordState("r1")


def why(state: RecordState, *, shows: bool = True) -> Explanation | None:
    return explain_field(NAME, shows, state)


def test_nothing_known_explains_nothing() -> None:
    assert why(PLAIN) is None


def test_what_was_written_after_the_reading_is_no_difference_yet() -> None:
    state = replace(PLAIN, read_at=READ, pushed_at=LATER)
    assert why(state) == Explanation("pushed_after_read", "high", {"pushed_at": LATER, "read_at": READ})
    assert why(replace(state, pushed_at=READ)) is None  # confirmed before or while reading: it should show
    assert why(replace(state, read_at=None)) is None
    assert why(replace(state, pushed_at=None)) is None


def test_an_edit_by_hand_is_told_with_what_we_wrote_and_what_will_write_it_again() -> None:
    state = replace(PLAIN, edited=frozenset({NAME}), written={NAME: "paid", "other": "x"})
    assert why(state) == Explanation("hand_edit", "high", {"field": NAME, "written": "paid"})
    again = replace(state, changed_at=READ, push_id="p1", push_state="ready")
    told = {"field": NAME, "written": "paid", "changed_at": READ, "rewrite": "p1", "rewrite_state": "ready"}
    assert why(again) == Explanation("hand_edit", "high", told)
    assert why(replace(PLAIN, edited=frozenset({"other"}))) is None


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("planned", "push_planned"),
        ("parked", "push_parked"),
        ("ready", "push_pending"),
        ("claimed", "push_in_flight"),
        ("sent", "push_in_flight"),
        ("uncertain", "push_in_flight"),
        ("dead", "push_refused"),
        ("a state of a later version", "push_pending"),
    ],
)
def test_a_waiting_change_explains_the_fields_it_writes(state: str, code: str) -> None:
    waiting = replace(PLAIN, push_id="p1", push_state=state, waiting=frozenset({NAME}))
    assert why(waiting) == Explanation(code, "high", {"push_id": "p1"})
    assert why(replace(waiting, push_error="locked")) == Explanation(code, "high", {"push_id": "p1", "error": "locked"})
    assert why(replace(waiting, waiting=frozenset())) == Explanation(code, "high", {"push_id": "p1"})
    assert why(replace(waiting, waiting=frozenset({"other"}))) is None
    assert why(replace(waiting, push_id="")) is None


def test_what_keeps_a_record_from_being_settled() -> None:
    assert why(replace(PLAIN, is_unsettled=True)) == Explanation("not_settled_yet", "high")
    assert why(replace(PLAIN, conflict_id="c1")) == Explanation("conflict_pending", "high", {"conflict_id": "c1"})
    assert why(replace(PLAIN, is_linked=False)) == Explanation("unbound", "high")
    assert why(PLAIN, shows=False) == Explanation("field_missing", "high", {"field": NAME})
    for hold in ("push_off", "push_paused"):
        assert why(replace(PLAIN, hold=hold)) == Explanation(hold, "high")


def test_the_surest_cause_goes_first() -> None:
    everything = RecordState(
        "r1",
        read_at=READ,
        pushed_at=LATER,
        push_id="p1",
        push_state="ready",
        waiting=frozenset({NAME}),
        edited=frozenset({NAME}),
        conflict_id="c1",
        is_unsettled=True,
        is_linked=False,
        hold="push_off",
    )
    seen = []
    for gone in (
        {"pushed_at": None},
        {"edited": frozenset()},
        {"push_id": ""},
        {"is_unsettled": False},
        {"conflict_id": ""},
        {"is_linked": True},
    ):
        found = why(everything, shows=False)
        assert found is not None
        seen.append(found.code)
        everything = replace(everything, **gone)  # type: ignore[arg-type]
    assert seen == ["pushed_after_read", "hand_edit", "push_pending", "not_settled_yet", "conflict_pending", "unbound"]
    assert why(everything, shows=False) == Explanation("field_missing", "high", {"field": NAME})
    assert why(everything) == Explanation("push_off", "high")
