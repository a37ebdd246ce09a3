"""Promises, payment plans and disputed parts: known answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.receivables.disputes import Dispute, parts_of
from tieout.receivables.promises import Plan, PlanRow, Promise, Receipt, judge_plan, judge_promise


def day(month: int, number: int) -> date:
    return date(2026, month, number)


PROMISE = Promise("p", day(4, 18), day(4, 25), 100_00, tolerance_days=2)
PLAN = Plan("n", day(4, 1), [PlanRow(day(4, 30), 50_00), PlanRow(day(5, 31), 50_00)], grace_days=3)


def test_a_promise_is_judged_after_its_tolerance_by_what_had_come_by_then() -> None:
    assert judge_promise(PROMISE, [], day(4, 27)).value == "open"
    assert judge_promise(PROMISE, [], day(4, 28)).value == "broken"
    assert judge_promise(PROMISE, [Receipt(day(4, 27), 100_00)], day(4, 27)).value == "kept"
    assert judge_promise(PROMISE, [Receipt(day(4, 28), 100_00)], day(4, 28)).value == "broken", "a day too late"
    part = judge_promise(PROMISE, [Receipt(day(4, 26), 99_99)], day(4, 28))
    assert (part.value, part.paid_minor) == ("partly_kept", 99_99)
    returned = [Receipt(day(4, 25), 100_00), Receipt(day(4, 26), -100_00)]
    assert judge_promise(PROMISE, returned, day(4, 28)).value == "broken", "money taken back keeps no promise"


def test_what_was_paid_before_the_promise_does_not_count() -> None:
    promise = replace(PROMISE, before_minor=30_00)
    assert judge_promise(promise, [Receipt(day(4, 1), 30_00)], day(4, 28)).value == "broken"
    assert judge_promise(promise, [Receipt(day(4, 1), 30_00), Receipt(day(4, 20), 100_00)], day(4, 28)).value == "kept"


def test_a_plan_breaks_the_day_after_the_grace_of_a_missed_row() -> None:
    assert judge_plan(PLAN, [], day(5, 3)).value == "active"
    least = Plan("n", day(4, 1), [PlanRow(day(4, 30), 1), PlanRow(day(5, 31), 1)], grace_days=3)
    assert judge_plan(least, [], day(5, 4)).value == "broken"
    assert judge_plan(PLAN, [], day(5, 3)).next_change_on == day(5, 4)
    broken = judge_plan(PLAN, [], day(5, 4))
    assert (broken.value, broken.holds_until, broken.inputs["broken_on"]) == ("broken", None, day(5, 4))
    late = [Receipt(day(5, 4), 50_00)]
    assert judge_plan(PLAN, late, day(5, 5)).value == "broken", "paying later does not mend it"
    on_time = [Receipt(day(5, 3), 50_00)]
    going = judge_plan(PLAN, on_time, day(5, 5))
    assert (going.value, going.holds_until, going.next_change_on) == ("active", day(6, 3), day(6, 4))
    assert judge_plan(PLAN, [*on_time, Receipt(day(5, 20), 50_00)], day(5, 20)).value == "done"


def test_of_a_plan_only_what_came_after_it_was_made_counts() -> None:
    plan = replace(PLAN, before_minor=30_00)
    before = Receipt(day(3, 1), 30_00)
    assert judge_plan(plan, [before], day(5, 4)).value == "broken"
    assert judge_plan(plan, [before, Receipt(day(5, 3), 49_99)], day(5, 4)).value == "broken"
    going = judge_plan(plan, [before, Receipt(day(5, 3), 50_00)], day(5, 4))
    assert (going.value, going.paid_minor, going.due_minor) == ("active", 50_00, 100_00)
    assert judge_plan(plan, [before, Receipt(day(5, 3), 99_99)], day(5, 4)).value == "active"
    done = judge_plan(plan, [before, Receipt(day(5, 3), 100_00)], day(5, 4))
    assert (done.value, done.holds_until, done.next_change_on) == ("done", None, None)
    assert judge_plan(plan, [], day(4, 2)).paid_minor == 0, "what was taken back is no negative payment"


def test_a_word_is_stored_with_all_it_was_judged_by() -> None:
    receipts = [Receipt(day(5, 20), 1), Receipt(day(4, 20), 2)]
    told = [[day(4, 20), 2], [day(5, 20), 1]]
    plan = judge_plan(replace(PLAN, before_minor=1), receipts, day(5, 21))
    assert plan.rule_version == "plan-1"
    assert plan.inputs == {
        "as_of": day(5, 21),
        "rows": [[day(4, 30), 50_00], [day(5, 31), 50_00]],
        "grace_days": 3,
        "before_minor": 1,
        "broken_on": day(5, 4),
        "receipts": told,
    }
    promise = judge_promise(replace(PROMISE, before_minor=1), receipts, day(5, 21))
    assert promise.rule_version == "promise-1"
    assert (promise.paid_minor, promise.due_minor) == (1, 100_00)
    assert promise.inputs == {
        "as_of": day(5, 21),
        "promised_on": day(4, 25),
        "tolerance_days": 2,
        "before_minor": 1,
        "receipts": told,
    }


def test_what_was_called_off_holds_nothing_back_and_moves_no_more() -> None:
    plan = judge_plan(replace(PLAN, is_cancelled=True), [], day(4, 2))
    assert (plan.value, plan.holds_until, plan.next_change_on) == ("cancelled", None, None)
    promise = judge_promise(replace(PROMISE, is_cancelled=True), [Receipt(day(4, 20), 100_00)], day(4, 21))
    assert (promise.value, promise.holds_until, promise.next_change_on) == ("cancelled", None, None)
    going = judge_promise(PROMISE, [], day(4, 21))
    assert (going.holds_until, going.next_change_on) == (day(4, 27), day(4, 28))
    kept = judge_promise(PROMISE, [Receipt(day(4, 20), 100_00)], day(4, 21))
    assert (kept.holds_until, kept.next_change_on) == (None, None)


def test_a_dispute_blocks_its_part_and_an_accepted_one_waits_for_its_credit_note() -> None:
    dispute = Dispute("x", "i", day(4, 10), 40_00)
    assert [(part.id, part.amount_minor, part.is_blocked) for part in parts_of("i", 100_00, [dispute])] == [
        ("i", 60_00, False),
        ("i#x", 40_00, True),
    ]
    assert [part.id for part in parts_of("i", 40_00, [dispute])] == ["i#x"], "payments pay the undisputed part first"
    assert [part.amount_minor for part in parts_of("i", 100_00, [replace(dispute, amount_minor=None)])] == [100_00]
    accepted = replace(dispute, state="accepted")
    assert [part.is_blocked for part in parts_of("i", 100_00, [accepted])] == [False, True]
    credited = replace(accepted, credited_minor=40_00)
    assert [(part.id, part.amount_minor) for part in parts_of("i", 60_00, [credited])] == [("i", 60_00)]
    rejected = replace(dispute, state="rejected", resolved_on=day(5, 5))
    assert [part.is_blocked for part in parts_of("i", 100_00, [rejected])] == [False, False]


@given(
    st.integers(0, 10_000),
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(1, 9_000)),
            st.sampled_from(["open", "accepted", "rejected"]),
            st.integers(0, 9_000),
        ),
        max_size=4,
    ),
)
@settings(max_examples=200)
def test_parts_always_sum_to_what_is_open(open_minor: int, rows: list[tuple[int | None, str, int]]) -> None:
    disputes = [
        Dispute(f"x{n}", "i", day(4, 1 + n), amount, state, credited_minor=credited)  # type: ignore[arg-type]  # drawn
        for n, (amount, state, credited) in enumerate(rows)
    ]
    parts = parts_of("i", open_minor, disputes)
    assert sum(part.amount_minor for part in parts) == open_minor
    assert all(part.amount_minor > 0 for part in parts)
