"""Credit limits: the worked numbers of each source, what is stored of the choice, and the day on which it changes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from tieout.receivables.credit_score import Grade
from tieout.receivables.limit import BookLimit, LimitDecision, SetLimit, credit_limit, limit_in_force

DAY = date(2026, 11, 24)


def days(n: int) -> timedelta:
    return timedelta(days=n)


def facts(
    explicit: int | None = None, billing: int | None = None, terms: Decimal | None = None, new: int | None = None
) -> dict[str, object]:
    return {
        "explicit_minor": explicit,
        "average_monthly_billing_minor": billing,
        "terms_months": terms,
        "new_customer_minor": new,
    }


def test_what_was_set_goes_before_everything_and_is_stored_with_what_it_passed_over() -> None:
    two = Decimal(2)
    made = credit_limit(
        "CNY", "D", explicit_minor=7, average_monthly_billing_minor=9, terms_months=two, new_customer_minor=8
    )
    assert made == LimitDecision(7, "CNY", "explicit", "D", facts(7, 9, two, 8), "limit-1")


@pytest.mark.parametrize(
    ("grade", "limit"), [("A", 300_000), ("B", 240_000), ("C", 160_000), ("D", 0)]
)  # 1,000.00 a month, two months open
def test_a_limit_is_billing_times_terms_times_the_factor_of_the_grade(grade: Grade, limit: int) -> None:
    made = credit_limit("CNY", grade, average_monthly_billing_minor=100_000, terms_months=Decimal(2))
    assert made == LimitDecision(limit, "CNY", "computed", grade, facts(billing=100_000, terms=Decimal(2)))


def test_a_new_customer_has_the_small_limit_or_none() -> None:
    made = credit_limit("CNY", "N", average_monthly_billing_minor=1, terms_months=Decimal(1), new_customer_minor=500)
    assert made == LimitDecision(500, "CNY", "new_customer", "N", facts(billing=1, terms=Decimal(1), new=500))
    assert credit_limit("CNY", "N") == LimitDecision(None, "CNY", "unknown", "N", facts())


@pytest.mark.parametrize(("billing", "terms"), [(None, Decimal(1)), (1, None)])
def test_without_billing_or_terms_nothing_is_computed_but_prepayment(
    billing: int | None, terms: Decimal | None
) -> None:
    for grade, limit, source in (("B", None, "unknown"), ("D", 0, "computed")):
        made = credit_limit("CNY", grade, average_monthly_billing_minor=billing, terms_months=terms)  # type: ignore[arg-type]
        assert made == LimitDecision(limit, "CNY", source, grade, facts(billing=billing, terms=terms))  # type: ignore[arg-type]


def test_more_returned_than_bought_is_no_negative_limit() -> None:
    assert credit_limit("CNY", "A", average_monthly_billing_minor=-5, terms_months=Decimal(1)).limit_minor == 0


def test_what_the_books_state_is_added_by_currency_and_stored_line_by_line() -> None:
    books = [
        BookLimit("k/3", "acc_3", "USD", None),
        BookLimit("k/2", "acc_2", "CNY", None, 40, DAY, DAY),
        BookLimit("k/1", "acc_1", "CNY", 300),
        BookLimit("k/0", "acc_0", "CNY", 7),
        BookLimit("k/4", "acc_0", "", None, is_managed=False),
    ]
    made = limit_in_force([], books, DAY)
    assert (made.amounts, made.source, made.rule_version) == ({"CNY": 340}, "book_of_record", "limit-choice-1")
    lines = [
        ["k/0", "not_managed"], ["k/1", "CNY", 300], ["k/2", "CNY", 40], ["k/3", "USD", None], ["k/4", "not_managed"],
    ]  # fmt: skip
    assert made.inputs == {"source": "book_of_record", "books": lines}
    assert made.next_change_on == DAY + days(1)
    after = limit_in_force([], books, DAY + days(1))
    assert (after.amounts, after.next_change_on) == ({"CNY": 300}, None)
    assert limit_in_force([], [], DAY).inputs == {"source": "none", "books": []}


def test_a_temporary_limit_counts_from_its_first_to_its_last_day() -> None:
    books = [BookLimit("k/1", "a", "CNY", 100, 50, DAY, DAY + days(2))]
    seen = [limit_in_force([], books, DAY + days(n)) for n in (-1, 0, 2, 3)]
    assert [one.amounts["CNY"] for one in seen] == [100, 150, 150, 100]
    assert [one.next_change_on for one in seen] == [DAY, DAY + days(3), DAY + days(3), None]
    without = [BookLimit("k/1", "a", "CNY", 100, 0, DAY + days(1), DAY + days(2))]
    assert limit_in_force([], without, DAY).next_change_on is None  # days without an amount change nothing


def test_a_limit_of_a_person_counts_on_its_last_day_and_is_stored_with_both_people() -> None:
    people = [
        SetLimit("a", "CNY", 900, 1, author="Li", approver="Wang"),
        SetLimit("b", "USD", 80, 2, DAY, DAY + days(1), "Zhao", "Qian"),
        SetLimit("c", "CNY", 70, 3, DAY + days(1), DAY + days(1), "Zhao", "Qian"),
    ]
    books = [BookLimit("k/1", "x", "CNY", 5)]
    made = limit_in_force(people, books, DAY)
    assert (made.amounts, made.source) == ({"USD": 80}, "person")
    assert made.inputs == {
        "source": "person",
        "id": "b",
        "author": "Zhao",
        "approver": "Qian",
        "amount": ["USD", 80],
        "passed_over": ["a"],
        "books": [["k/1", "CNY", 5]],
    }
    assert made.next_change_on == DAY + days(1)
    last = limit_in_force(people, books, DAY + days(1))
    assert (last.inputs["id"], last.inputs["passed_over"]) == ("c", ["b", "a"])
    assert last.next_change_on == DAY + days(2)
    over = limit_in_force(people, books, DAY + days(2))
    assert (over.amounts, over.next_change_on) == ({"CNY": 900}, None)
    ahead = limit_in_force(people[1:], books, DAY - days(1))
    assert (ahead.amounts, ahead.next_change_on) == ({"CNY": 5}, DAY)
