"""Rates, limits in force, sub-scores, stable grades and overrides, with worked numbers."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.receivables.credit_history import Due, History, quantiles, sub_scores
from tieout.receivables.credit_score import ScoreDecision, credit_score, days_late_score, tenure_score
from tieout.receivables.exposure import Rate, exposure_of
from tieout.receivables.grade import GradeState, stable_grade
from tieout.receivables.limit import BookLimit, SetLimit, limit_in_force
from tieout.receivables.override import Override, hold_by_hand, overridden
from tieout.receivables.rates import DatedRate, RateBook

DAY = date(2026, 11, 24)
REVIEW = date(2026, 11, 1)


def rate(base: str, quote: str, value: str, on: date, **more: object) -> DatedRate:
    return DatedRate(base, quote, Decimal(value), on, **more)  # type: ignore[arg-type]  # any fields


def days(n: int) -> timedelta:
    return timedelta(days=n)


def test_the_latest_rate_in_force_counts_and_a_stated_one_goes_before_the_books() -> None:
    book = RateBook(
        [
            rate("USD", "CNY", "7.00", DAY - days(20), source="books"),
            rate("USD", "CNY", "7.10", DAY - days(2), source="books"),
            rate("USD", "CNY", "7.12", DAY - days(2), source="file", rank=1),
            rate("USD", "CNY", "9.99", DAY + days(1)),
        ],
        "CNY",
    )
    found = book.convert("USD", "CNY", DAY)
    assert found is not None
    assert found.stored() == [["USD", "CNY", "7.12", "2026-11-22", "file", "direct"]]
    assert book.next_change_on("USD", "CNY", DAY) == DAY + days(1)
    back = book.convert("CNY", "USD", DAY)
    assert back is not None
    assert (back.times, back.per, back.legs[0].inverse) == (1, Decimal("7.12"), True)
    assert back.stored() == [["USD", "CNY", "7.12", "2026-11-22", "file", "inverse"]]


def test_a_rate_nobody_vouches_for_any_more_does_not_count() -> None:
    open_ended = RateBook([rate("USD", "CNY", "7.1", DAY - days(31))], "CNY")
    assert open_ended.convert("USD", "CNY", DAY) is not None
    assert open_ended.next_change_on("USD", "CNY", DAY) == DAY + days(1)
    assert open_ended.convert("USD", "CNY", DAY + days(1)) is None
    dated = RateBook([rate("USD", "CNY", "7.1", date(2026, 1, 1), until_on=DAY)], "CNY")
    assert dated.convert("USD", "CNY", DAY) is not None
    assert dated.convert("USD", "CNY", DAY + days(1)) is None
    assert dated.convert("USD", "CNY", date(2025, 12, 31)) is None


def test_two_foreign_currencies_are_crossed_through_the_home_currency_exactly() -> None:
    book = RateBook([rate("USD", "CNY", "7.12", DAY), rate("EUR", "CNY", "7.795", DAY - days(1))], "CNY")
    found = book.convert("EUR", "USD", DAY)
    assert found is not None
    assert (found.times, found.per, found.rate_on) == (Decimal("7.795"), Decimal("7.12"), DAY - days(1))
    # 1,000.00 EUR × 7.795 / 7.12 = 1,094.803370…
    assert Rate("EUR", found.times, DAY, "", found.per).convert(100_000, "USD") == 109_480
    assert book.convert("EUR", "JPY", DAY) is None
    assert book.next_change_on("EUR", "JPY", DAY) == DAY + days(31)
    assert book.next_change_on("GBP", "JPY", DAY) is None
    turned = RateBook([rate("CNY", "USD", "0.14", DAY), rate("CNY", "EUR", "0.13", DAY)], "CNY")
    there = turned.convert("USD", "EUR", DAY)
    assert there is not None
    assert (there.times, there.per) == (Decimal("0.13"), Decimal("0.14"))
    both = RateBook([rate("USD", "CNY", "7", DAY), rate("CNY", "EUR", "0.13", DAY)], "CNY").convert("USD", "EUR", DAY)
    assert both is not None
    assert (both.times, both.per) == (Decimal("0.91"), 1)
    back = RateBook([rate("CNY", "USD", "0.14", DAY), rate("EUR", "CNY", "7.5", DAY)], "CNY").convert("USD", "EUR", DAY)
    assert back is not None
    assert (back.times, back.per) == (1, Decimal("1.050"))


def test_on_one_day_a_stated_rate_goes_before_an_inverse_and_a_later_inverse_before_it() -> None:
    straight, turned = rate("USD", "CNY", "7.1", DAY), rate("CNY", "USD", "0.15", DAY)
    same_day = RateBook([straight, turned], "CNY").convert("USD", "CNY", DAY)
    assert same_day is not None
    assert not same_day.legs[0].inverse
    later = RateBook([straight, rate("CNY", "USD", "0.15", DAY + days(1))], "CNY").convert("USD", "CNY", DAY + days(1))
    assert later is not None
    assert later.legs[0].inverse
    book = RateBook([straight, rate("USD", "CNY", "7.2", DAY + days(3))], "CNY")
    assert book.next_change_on("USD", "CNY", DAY) == DAY + days(3)
    assert book.next_change_on("USD", "CNY", DAY + days(3)) == DAY + days(32)


@given(minor=st.integers(-(10**14), 10**14), times=st.integers(1, 10**8), per=st.integers(1, 10**8))
@settings(max_examples=200)
def test_conversion_rounds_the_exact_quotient_half_up(minor: int, times: int, per: int) -> None:
    got = Rate("USD", Decimal(times).scaleb(-4), DAY, "", Decimal(per).scaleb(-4)).convert(minor, "CNY")
    numerator = abs(minor) * times
    exact = (2 * numerator + per) // (2 * per)  # half up, away from zero as Decimal has it
    assert got == (exact if minor >= 0 else -exact)


def test_exposure_converts_with_a_divisor() -> None:
    rates = {"USD": Rate("USD", Decimal(1), DAY, "", Decimal("0.14"))}
    assert exposure_of({"USD": 10_000}, {}, "CNY", rates).amount_minor == 71_429


def test_a_person_goes_before_the_books_and_the_latest_before_the_earlier() -> None:
    books = [
        BookLimit("k/l/1", "acc_1", "CNY", 300, 50, DAY - days(1), DAY + days(9)),
        BookLimit("k/l/2", "acc_2", "CNY", 200),
    ]
    summed = limit_in_force([], books, DAY)
    assert (summed.amounts, summed.source, summed.next_change_on) == ({"CNY": 550}, "book_of_record", DAY + days(10))
    assert limit_in_force([], books, DAY + days(10)).amounts == {"CNY": 500}
    off = [*books, BookLimit("k/c/2", "acc_2", "", None, is_managed=False)]
    assert limit_in_force([], off, DAY + days(10)).amounts == {"CNY": 300}
    people = [
        SetLimit("a", "CNY", 900, 1),
        SetLimit("b", "USD", 80, 2, DAY + days(3), DAY + days(5)),
    ]
    assert limit_in_force(people, books, DAY).amounts == {"CNY": 900}
    assert limit_in_force(people, books, DAY).next_change_on == DAY + days(3)
    later = limit_in_force(people, books, DAY + days(3))
    assert (later.amounts, later.inputs["passed_over"]) == ({"USD": 80}, ["a"])
    assert limit_in_force(people, books, DAY + days(6)).amounts == {"CNY": 900}
    none = limit_in_force([], [], DAY)
    assert (none.amounts, none.source, none.next_change_on) == ({}, "none", None)


def test_sub_scores_of_a_worked_history() -> None:
    paid = [
        # 820 of 1,000 on time; the rest 50 days late: weighted 9 days, as in the reference's example.
        Due("1:1", "CNY", date(2026, 3, 1), 500, ((date(2026, 3, 1), 500),)),
        Due("2:1", "CNY", date(2026, 4, 1), 320, ((date(2026, 3, 20), 320),)),
        Due("3:1", "CNY", date(2026, 5, 1), 180, ((date(2026, 6, 20), 180),)),
    ]
    history = History(
        paid,
        billing={"CNY": 1000},
        bills={"CNY": 3},
        first_on=date(2024, 5, 1),
        promises=(4, 5),
        disputes=(3, 4),
    )
    scores, facts = sub_scores(history, {"CNY": [100, 900, 1000, 5000]}, REVIEW)
    assert scores == {
        "on_time_share": Decimal("82.0"),
        "days_late": Decimal("82.0"),
        "promises_kept": Decimal("80.0"),
        "disputes_not_lost": Decimal("75.0"),
        "tenure": Decimal("83.3"),
        "billing_percentile": Decimal("75.0"),
    }
    assert (facts["rows"], facts["months"]) == (3, 12)
    made = credit_score(scores)
    assert (made.grade, made.confidence) == ("B", Decimal("0.760"))


def test_what_is_due_and_not_paid_counts_as_late_and_the_day_of_the_review_does_not_count() -> None:
    dues = [
        Due("1:1", "CNY", date(2026, 9, 2), 100, ((date(2026, 9, 1), 40), (REVIEW, 60))),
        Due("2:1", "CNY", date(2026, 10, 1), 100, ((date(2026, 10, 1), 100),)),
        Due("3:1", "CNY", REVIEW, 100),
    ]
    scores, facts = sub_scores(History(dues), {}, REVIEW)
    assert facts["rows"] == 3  # 40 on time, 60 open for 60 days, 100 on time; what is due on the review is not
    assert scores["on_time_share"] == Decimal("70.0")
    assert scores["days_late"] == Decimal("64.0")  # 100 less twice 60 × 60 / 200


def test_currencies_are_weighted_by_rows_and_never_added() -> None:
    dues = [
        Due("1:1", "JPY", date(2026, 3, 1), 10**9, ((date(2026, 3, 1), 10**9),)),
        Due("2:1", "USD", date(2026, 3, 1), 5, ((date(2026, 3, 9), 5),)),
        Due("3:1", "USD", date(2026, 3, 1), 5, ((date(2026, 3, 9), 5),)),
    ]
    assert sub_scores(History(dues), {}, REVIEW)[0]["on_time_share"] == Decimal("33.3")


def test_few_rows_look_back_two_years_and_nothing_is_no_score() -> None:
    old = [Due("1:1", "CNY", date(2025, 3, 1), 5, ((date(2025, 3, 1), 5),))]
    scores, facts = sub_scores(History(old), {}, REVIEW)
    assert (facts["months"], scores["on_time_share"]) == (24, Decimal("100.0"))
    assert sub_scores(History(), {}, REVIEW)[0] == {}
    plans = [Due(f"{n}:1", "CNY", date(2026, 3, n), 10, ((date(2026, 3, 5), 10),), is_plan=True) for n in range(1, 11)]
    assert sub_scores(History(plans), {}, REVIEW)[0]["plan_rows_kept"] == Decimal("60.0")


def test_the_facts_of_a_review_are_stored_with_it() -> None:
    plan = Due("1:1", "CNY", date(2026, 3, 1), 10, ((date(2026, 3, 1), 10),), is_plan=True)
    history = History([plan], {"USD": 5, "CNY": 7}, {"CNY": 1}, date(2026, 1, 1), (1, 2), (3, 4))
    assert sub_scores(history, {}, REVIEW)[1] == {
        "review_on": REVIEW,
        "months": 24,
        "rows": 1,
        "plan_rows": [1, 1],
        "promises": [1, 2],
        "disputes": [3, 4],
        "billing": {"CNY": 7, "USD": 5},
        "first_on": date(2026, 1, 1),
        "rule": "credit-history-1",
    }


def test_the_window_begins_with_its_first_day_and_ends_before_the_review() -> None:
    first = date(2025, 11, 1)

    def plan(n: int, due_on: date) -> Due:
        return Due(f"{n}:1", "CNY", due_on, 10, is_plan=True)

    dues = [plan(1, first), plan(2, first - days(1)), plan(3, REVIEW), plan(4, REVIEW - days(1)), plan(5, first)]
    assert sub_scores(History(dues), {}, REVIEW)[1]["plan_rows"] == [0, 3]

    def paid(on: date, amount: int = 10) -> Due:
        return Due(f"{on}:1", "CNY", REVIEW + days(9), 10, ((on, amount),))

    rows = [paid(first), paid(first - days(1)), paid(REVIEW), paid(REVIEW - days(1)), paid(first, 1)]
    assert sub_scores(History([*rows, paid(first, 0)]), {}, REVIEW)[1]["rows"] == 3
    unpaid = [Due("1:1", "CNY", REVIEW - days(1), 1, ()), Due("2:1", "CNY", REVIEW - days(1), 1, ((first, 1),))]
    assert sub_scores(History(unpaid), {}, REVIEW)[1]["rows"] == 2  # one minor unit is something too


def test_a_day_late_is_late_and_days_are_weighted_before_anything_is_rounded() -> None:
    dues = [Due("1:1", "CNY", date(2026, 3, 1), 1, ((date(2026, 3, 2), 1),))]
    scores = sub_scores(History(dues), {}, REVIEW)[0]
    assert (scores["on_time_share"], scores["days_late"]) == (Decimal("0.0"), Decimal("98.0"))
    many = [Due("1:1", "CNY", date(2026, 3, 1), 97, ((date(2026, 3, 1), 97),)), Due("2:1", "CNY", date(2026, 3, 1), 3,
            ((date(2026, 3, 3), 3),))]  # fmt: skip
    assert sub_scores(History(many), {}, REVIEW)[0]["days_late"] == Decimal("99.9")  # 0.06 days, not 0.1


def test_currencies_count_by_their_rows_in_both_yardsticks() -> None:
    bills = {"CNY": 10, "USD": 20, "EUR": 0, "JPY": 1}
    yardstick = {"CNY": [5, 10], "USD": [30], "EUR": [1], "JPY": [1], "GBP": []}
    history = History(billing={**bills, "GBP": 9}, bills={"CNY": 3})
    # CNY 100 % by three bills, USD 0 % and JPY 100 % by one each; EUR bought nothing, GBP has no yardstick
    assert sub_scores(history, yardstick, REVIEW)[0] == {"billing_percentile": Decimal("80.0")}
    dues = [
        Due("1:1", "JPY", date(2026, 3, 1), 5, ((date(2026, 3, 1), 5),)),
        Due("2:1", "USD", date(2026, 3, 1), 5, ((date(2026, 3, 9), 5),)),
        Due("3:1", "EUR", date(2026, 3, 1), 5, ((date(2026, 3, 9), 3), (date(2026, 3, 1), 2))),
    ]
    assert sub_scores(History(dues), {}, REVIEW)[0]["on_time_share"] == Decimal("45.0")  # (100 + 0 + 2 × 40) / 4


def test_quantiles_keep_the_ends() -> None:
    assert quantiles([3, 1, 2]) == [1, 2, 3]
    many = quantiles(range(1, 1002))
    assert (len(many), many[0], many[50], many[-1]) == (101, 1, 501, 1001)
    assert quantiles(range(102))[-2:] == [99, 101]


def test_months_as_a_customer_are_whole_ones_and_count_up_to_thirty_six() -> None:
    def tenure(first_on: date) -> Decimal:
        return sub_scores(History(first_on=first_on), {}, REVIEW)[0]["tenure"]

    assert tenure(date(2026, 2, 1)) == Decimal("25.0")
    assert tenure(date(2026, 2, 2)) == Decimal("22.2")  # eight months and 30 days
    assert tenure(date(2023, 11, 1)) == tenure(date(2011, 11, 1)) == Decimal("100.0")
    assert tenure_score(72) == 100
    assert (days_late_score(Decimal(50)), days_late_score(Decimal(51))) == (0, 0)
    assert sub_scores(History(disputes=(0, 9)), {}, REVIEW)[0]["disputes_not_lost"] == Decimal("0.0")
    assert "tenure" not in sub_scores(History(first_on=REVIEW), {}, REVIEW)[0]


def scored(value: str) -> ScoreDecision:
    made = credit_score(
        dict.fromkeys(("on_time_share", "days_late", "promises_kept", "billing_percentile"), Decimal(value))
    )
    assert made.score == Decimal(value)
    return made


@pytest.mark.parametrize(
    ("score", "review", "grade", "since"),
    [
        ("60", REVIEW, "C", None),  # down at once
        ("86", REVIEW, "B", REVIEW),  # better, but not clearly: waits
        ("90", REVIEW, "A", None),  # five points above the floor
        ("75", REVIEW, "B", None),
    ],
)
def test_a_grade_falls_at_once_and_rises_slowly(score: str, review: date, grade: str, since: date | None) -> None:
    state = stable_grade(GradeState("B", date(2026, 10, 1)), scored(score), review)
    assert (state.grade, state.better_since) == (grade, since)


def test_a_better_grade_comes_at_the_second_review_and_not_by_looking_twice() -> None:
    first = stable_grade(GradeState("B", date(2026, 10, 1)), scored("86.0"), REVIEW)
    again = stable_grade(first, scored("86.0"), REVIEW)
    assert (again.grade, again.better_since) == ("B", REVIEW)
    second = stable_grade(again, scored("86.0"), date(2026, 12, 1))
    assert (second.grade, second.better_since) == ("A", None)
    lost = stable_grade(stable_grade(again, scored("80"), date(2026, 12, 1)), scored("86.0"), date(2027, 1, 1))
    assert (lost.grade, lost.better_since) == ("B", date(2027, 1, 1))
    new = stable_grade(GradeState("N", REVIEW), scored("86.0"), REVIEW)
    assert new == GradeState("A", REVIEW)
    assert stable_grade(None, scored("86.0"), REVIEW) == GradeState("A", REVIEW)
    assert (first.review_on, second.review_on) == (REVIEW, date(2026, 12, 1))
    same = stable_grade(first, scored("75"), date(2026, 12, 1))
    assert same == GradeState("B", date(2026, 12, 1))  # as good as before: the wait for better begins anew
    assert stable_grade(GradeState("B", date(2026, 10, 1)), scored("72"), REVIEW) == GradeState("B", REVIEW)
    clear = stable_grade(first, scored("90"), REVIEW)
    assert clear == GradeState("A", REVIEW)


def test_overrides_count_within_their_cap_and_days_and_the_latest_decides() -> None:
    ok = Override("o1", "ok", 1, DAY + days(5), 500, "on its way", "a", "b")
    hold = Override("o2", "hold", 2, DAY + days(9), None, "insolvency", "a", "")
    assert overridden("hold", 500, True, [ok], DAY).status == "ok"
    assert overridden("hold", 500, True, [ok], DAY).next_change_on == DAY + days(6)
    for exposure, complete, on in ((501, True, DAY), (500, False, DAY), (500, True, DAY + days(6))):
        assert overridden("hold", exposure, complete, [ok], on).status == "hold"
    assert overridden("hold", 501, True, [ok], DAY).reasons[0].code == "override_outgrown"
    assert overridden("hold", 1, True, [ok, hold], DAY).status == "hold"
    assert hold_by_hand([ok, hold], DAY) == hold
    assert hold_by_hand([ok, hold], DAY + days(10)) is None
