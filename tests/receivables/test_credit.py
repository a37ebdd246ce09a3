"""Exposure, score, limit and credit status with the worked numbers and the hold timeline."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.receivables.credit import CreditDecision, CreditPolicy, CreditState, OwedItem, credit_status
from tieout.receivables.credit_score import credit_score, days_late_score, tenure_score
from tieout.receivables.exposure import Exposure, Rate, exposure_of
from tieout.receivables.limit import credit_limit
from tieout.receivables.status import Reason

DAY = date(2026, 4, 10)
POLICY = CreditPolicy()
WARNING = CreditPolicy(watch_above_percent=90)


def days(n: int) -> timedelta:
    return timedelta(days=n)


def owed(amount: int) -> Exposure:
    return exposure_of({"CNY": amount}, {}, "CNY", {})


def codes(decision: CreditDecision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_exposure_of_the_worked_example() -> None:
    stages = {"orders": 150, "delivered": 30, "notes": 0, "security": 0}
    exposure = exposure_of({"CNY": 420}, {"CNY": -50}, "CNY", {}, stages=stages)
    assert exposure.amount_minor == 550
    decision = credit_status(None, exposure, 500, [], DAY, POLICY)
    assert (decision.status, codes(decision)) == ("hold", ["over_limit"])


def test_exposure_converts_at_the_dated_rate_and_names_what_it_cannot() -> None:
    rates = {"USD": Rate("USD", Decimal("7.1005"), DAY, "contract"), "JPY": Rate("JPY", Decimal("0.0485"), DAY)}
    exposure = exposure_of({"CNY": 1000, "USD": 10001, "JPY": 333, "EUR": 700}, {"USD": -1, "EUR": -100}, "CNY", rates)
    by_code = {part.currency: part.converted_minor for part in exposure.parts}
    assert by_code == {"CNY": 1000, "USD": 71005, "JPY": 1615}  # 333 yen × 0.0485 = 16.1505
    assert exposure.amount_minor == 73620
    assert [(row.currency, row.open_minor, row.unapplied_minor, row.reason) for row in exposure.missing] == [
        ("EUR", 700, -100, "rate_missing")
    ]
    assert not exposure.is_complete
    assert next(part for part in exposure.parts if part.currency == "USD").rate_on == DAY


def test_settled_currency_without_rate_is_not_missing() -> None:
    assert exposure_of({"EUR": 0}, {}, "CNY", {}).is_complete


TIMELINE = [(495, 0), (510, 0), (480, 0), (445, 0), (445, 1), (505, 1)]


def run(policy: CreditPolicy) -> list[str]:
    state: CreditState | None = None
    out = []
    for amount, after in TIMELINE:
        decision = credit_status(state, owed(amount), 500, [], DAY + days(after), policy)
        state = decision.state
        out.append(decision.status)
    return out


def changes(values: list[str]) -> int:
    return sum(one != two for one, two in pairwise(values))


def test_hold_timeline_has_exactly_three_changes_after_the_first_state() -> None:
    plain = run(POLICY)
    assert plain == ["ok", "hold", "hold", "hold", "ok", "hold"]
    assert changes(plain) == 3
    with_watch = run(WARNING)
    assert with_watch == ["watch", "hold", "hold", "hold", "ok", "hold"]
    assert changes(with_watch) == 3


def test_a_credit_decision_is_stored_whole_with_what_it_was_made_from() -> None:
    items = [late(40), late(31, 30000), OwedItem("f", "USD", DAY + days(9), 5000), late(99, 20000)]
    previous = CreditState("hold", DAY - days(9))
    exposure = exposure_of({"CNY": 510, "EUR": 70}, {"EUR": -3}, "CNY", {})
    made = credit_status(
        previous, exposure, 500, items, DAY, POLICY, grade="C", broken_promises=2, manual_hold="insolvent"
    )
    assert made == CreditDecision(
        status="hold",
        grade="C",
        exposure_minor=510,
        limit_minor=500,
        currency="CNY",
        reasons=(
            Reason("over_limit", {"exposure_minor": 510, "limit_minor": 500}),
            Reason(
                "overdue_beyond_hold_days",
                {"hold_days": 30, "oldest_due_on": DAY - days(40), "overdue_minor": {"CNY": 80000}},
            ),
            Reason("broken_promises", {"count": 2}),
            Reason("manual_hold", {"reason": "insolvent"}),
            Reason("rate_missing", {"currency": "EUR", "open_minor": 70}),
        ),
        inputs={
            "as_of": DAY,
            "previous": ["hold", DAY - days(9)],
            "exposure_minor": 510,
            "exposure_version": "exposure-1",
            "limit_minor": 500,
            "items": [[one.item_id, one.currency, one.due_on, one.undisputed_minor] for one in items],
            "broken_promises": 2,
            "manual_hold": "insolvent",
            "policy_version": "1",
        },
        rule_version="credit-1",
        hold_since=DAY - days(9),
        next_change_on=DAY + days(10),
    )
    assert made.state == previous
    new = credit_status(None, owed(0), None, [], DAY, POLICY)
    assert (new.status, new.grade, new.reasons) == ("ok", "N", (Reason("no_limit_known", {"grade": "N"}),))
    assert (new.inputs["previous"], new.inputs["manual_hold"], new.inputs["broken_promises"]) == (None, "", 0)
    assert (new.next_change_on, new.state) == (None, CreditState("ok"))


def test_the_days_on_which_a_status_may_move_by_itself() -> None:
    def moves(*items: OwedItem) -> date | None:
        return credit_status(None, owed(1), 10**9, items, DAY, POLICY).next_change_on

    assert moves(late(-3)) == DAY + days(4)  # overdue from then on
    assert moves(late(0)) == DAY + days(1)
    assert moves(late(30)) == DAY + days(1)  # held from then on
    assert moves(late(31)) is None
    assert moves(late(-3, 20000)) is None  # too small to count
    assert moves(late(-3, 20001, "CNY"), late(29)) == DAY + days(2)


def test_early_warning_and_what_is_late_are_told_with_their_numbers() -> None:
    made = credit_status(None, owed(451), 500, [late(2), late(1, 7, "GBP")], DAY, WARNING)
    assert made.status == "watch"
    assert made.reasons == (
        Reason("near_limit", {"exposure_minor": 451, "limit_minor": 500, "percent": 90}),
        Reason("overdue", {"oldest_due_on": DAY - days(2), "overdue_minor": {"CNY": 50000, "GBP": 7}}),
    )
    held = credit_status(CreditState("hold", DAY), owed(460), 500, [], DAY, POLICY)
    assert held.reasons == (
        Reason("above_release_level", {"exposure_minor": 460, "limit_minor": 500, "percent": 90}),
        Reason("hold_waits", {"until": DAY + days(1)}),
    )
    unknown = credit_status(CreditState("hold"), owed(1), 500, [], DAY, POLICY)
    assert (unknown.hold_since, unknown.next_change_on) == (DAY, DAY + days(1))  # when it began is not known: now


def test_reasons_of_a_standing_hold_say_what_releases_it() -> None:
    held = CreditState("hold", DAY)
    still = credit_status(held, owed(480), 500, [], DAY, POLICY)
    assert codes(still) == ["above_release_level", "hold_waits"]
    waits = credit_status(held, owed(445), 500, [], DAY, POLICY)
    assert (codes(waits), waits.next_change_on, waits.hold_since) == (["hold_waits"], DAY + days(1), DAY)
    level = credit_status(held, owed(451), 500, [], DAY + days(5), POLICY)
    assert (level.status, codes(level), level.hold_since) == ("hold", ["above_release_level"], DAY)
    free = credit_status(held, owed(450), 500, [], DAY + days(5), POLICY)
    assert (free.status, free.reasons, free.hold_since) == ("ok", (), None)
    again = credit_status(free.state, owed(501), 500, [], DAY + days(9), POLICY)
    assert again.hold_since == DAY + days(9)


def late(n: int, amount: int = 50000, currency: str = "CNY") -> OwedItem:
    return OwedItem(f"i{n}:1", currency, DAY - days(n), amount)


def test_exactly_at_the_limit_is_no_hold_yet() -> None:
    assert credit_status(None, owed(500), 500, [], DAY, WARNING).status == "watch"
    assert credit_status(None, owed(500), 500, [], DAY, POLICY).status == "ok"
    assert credit_status(None, owed(450), 500, [], DAY, WARNING).status == "ok"
    assert credit_status(None, owed(1), 0, [], DAY, POLICY).status == "hold"
    assert credit_status(None, owed(0), 0, [], DAY, POLICY).status == "ok"


def test_overdue_watches_first_and_holds_after_the_hold_days() -> None:
    for n, status in ((0, "ok"), (1, "watch"), (30, "watch"), (31, "hold")):
        decision = credit_status(None, owed(100), 10**9, [late(n)], DAY, POLICY)
        assert (n, decision.status) == (n, status)
    assert codes(decision) == ["overdue_beyond_hold_days"]
    assert decision.reasons[0].params["overdue_minor"] == {"CNY": 50000}
    several = credit_status(None, owed(100), 10**9, [late(40), late(50), late(2)], DAY, POLICY)
    assert several.reasons[0].params == {
        "hold_days": 30,
        "oldest_due_on": DAY - days(50),
        "overdue_minor": {"CNY": 100000},
    }
    soon = credit_status(None, owed(100), 10**9, [late(0)], DAY, POLICY)
    assert soon.next_change_on == DAY + days(1)
    watched = credit_status(None, owed(100), 10**9, [late(10)], DAY, POLICY)
    assert watched.next_change_on == DAY + days(21)


def test_small_or_disputed_amounts_do_not_trigger() -> None:
    assert credit_status(None, owed(1), 10**9, [late(99, 20000)], DAY, POLICY).status == "ok"
    assert credit_status(None, owed(1), 10**9, [late(99, 20001)], DAY, POLICY).status == "hold"
    assert credit_status(None, owed(1), 10**9, [late(99, 0)], DAY, POLICY).status == "ok"
    assert credit_status(None, owed(1), 10**9, [late(99, 1, "GBP")], DAY, POLICY).status == "hold"


def test_hold_stays_while_an_overdue_item_stands_whatever_the_utilisation() -> None:
    decision = credit_status(CreditState("hold", DAY - days(9)), owed(10), 500, [late(40)], DAY, POLICY)
    assert (decision.status, decision.hold_since) == ("hold", DAY - days(9))


def test_people_and_promises_hold_too() -> None:
    by_hand = credit_status(None, owed(10), 500, [], DAY, POLICY, manual_hold="insolvency filed")
    assert (by_hand.status, codes(by_hand)) == ("hold", ["manual_hold"])
    assert credit_status(None, owed(10), 500, [], DAY, POLICY, broken_promises=1).status == "ok"
    assert credit_status(None, owed(10), 500, [], DAY, POLICY, broken_promises=2).status == "hold"


def test_without_a_limit_overdue_alone_decides_and_the_reasons_say_so() -> None:
    calm = credit_status(None, owed(10**9), None, [], DAY, POLICY)
    assert (calm.status, calm.grade, codes(calm)) == ("ok", "N", ["no_limit_known"])
    assert calm.reasons[0].params == {"grade": "N"}
    held = credit_status(None, owed(1), None, [late(31)], DAY, POLICY)
    assert codes(held) == ["overdue_beyond_hold_days", "no_limit_known"]
    freed = credit_status(CreditState("hold", DAY - days(1)), owed(10**9), None, [], DAY, POLICY)
    assert freed.status == "ok"


def test_missing_rate_can_start_a_hold_but_not_end_one() -> None:
    partial = exposure_of({"CNY": 600, "EUR": 1}, {}, "CNY", {})
    assert credit_status(None, partial, 500, [], DAY, POLICY).status == "hold"
    low = exposure_of({"CNY": 10, "EUR": 1}, {}, "CNY", {})
    fresh = credit_status(None, low, 500, [], DAY, POLICY)
    assert (fresh.status, codes(fresh)) == ("ok", ["rate_missing"])
    held = credit_status(CreditState("hold", DAY - days(9)), low, 500, [], DAY, POLICY)
    assert (held.status, codes(held)) == ("hold", ["release_needs_rate", "rate_missing"])


@given(
    amount=st.integers(0, 700),
    limit=st.one_of(st.none(), st.integers(0, 600)),
    items=st.lists(st.tuples(st.integers(-60, 60), st.integers(0, 60000)), max_size=4),
    held=st.one_of(st.none(), st.integers(0, 5)),
    share=st.integers(0, 100),
)
@settings(max_examples=300)
def test_status_and_reasons_hold_until_the_announced_day(
    amount: int, limit: int | None, items: list[tuple[int, int]], held: int | None, share: int
) -> None:
    rows = [OwedItem(f"i{n}", "CNY", DAY + days(due), money) for n, (due, money) in enumerate(items)]
    previous = CreditState("hold", DAY - days(held)) if held is not None else None
    one = credit_status(previous, owed(amount), limit, rows, DAY, POLICY)
    assert credit_status(one.state, owed(amount), limit, rows, DAY, POLICY).status == one.status
    last = (one.next_change_on or DAY + days(400)) - days(1)
    assert last >= DAY
    for day in (DAY + days((last - DAY).days * share // 100), last):
        again = credit_status(one.state, owed(amount), limit, rows, day, POLICY)
        assert (again.status, again.reasons, again.hold_since) == (one.status, one.reasons, one.hold_since)


def test_score_of_the_worked_example_is_a_b() -> None:
    decision = credit_score(
        {
            "on_time_share": Decimal(82),
            "days_late": days_late_score(Decimal(9)),
            "promises_kept": Decimal(80),
            "billing_percentile": Decimal(78),
            "tenure": tenure_score(30),
            "plan_rows_kept": Decimal(90),
            "disputes_not_lost": Decimal(75),
            "statements_in_time": Decimal(1000) / 12,
        }
    )
    assert (decision.score, decision.grade, decision.confidence, decision.missing) == (
        Decimal("82.1"),
        "B",
        Decimal(1),
        (),
    )
    assert next(iter(decision.contributions)) == "on_time_share"


def test_missing_sub_scores_are_reweighted_and_too_few_give_no_guess() -> None:
    ledger_only = credit_score(
        {
            "on_time_share": Decimal(100),
            "days_late": Decimal(100),
            "billing_percentile": Decimal(100),
            "tenure": Decimal(100),
        }
    )
    assert (ledger_only.score, ledger_only.grade, ledger_only.confidence) == (Decimal("100.0"), "A", Decimal("0.61"))
    new = credit_score({"on_time_share": Decimal(100), "days_late": Decimal(100)})
    assert (new.score, new.grade, new.confidence) == (None, "N", Decimal("0.36"))
    assert credit_score({}, cap_at_d=True).grade == "D"
    exactly = {"on_time_share": Decimal(80), "days_late": Decimal(80), "disputes_not_lost": Decimal(80)}
    assert credit_score({**exactly, "tenure": Decimal(80)}).grade == "N"  # 0.495
    edge = {"plan_rows_kept": Decimal("80.05"), "billing_percentile": Decimal("80.05"), "tenure": Decimal("80.05"),
            "statements_in_time": Decimal("80.05")}  # fmt: skip
    assert (credit_score(edge).confidence, credit_score(edge).grade) == (Decimal("0.490"), "N")
    rounded = credit_score({**edge, "disputes_not_lost": Decimal("80.05")})
    assert (rounded.confidence, rounded.score) == (Decimal("0.55"), Decimal("80.1"))  # half up, not to the even digit
    with pytest.raises(ValueError, match="unknown"):
        credit_score({"charm": Decimal(1)})
    with pytest.raises(ValueError, match="within"):
        credit_score({"tenure": Decimal(101)})


def test_contributions_are_ranked_and_equal_ones_by_name() -> None:
    names = ("on_time_share", "days_late", "billing_percentile", "tenure", "disputes_not_lost")
    made = credit_score(dict.fromkeys(names, Decimal(0)) | {"tenure": Decimal(1)})
    assert list(made.contributions) == [
        "tenure", "billing_percentile", "days_late", "disputes_not_lost", "on_time_share",
    ]  # fmt: skip


def test_grade_edges() -> None:
    full = ("on_time_share", "days_late", "promises_kept", "billing_percentile", "tenure")
    for value, grade in ((85, "A"), (84, "B"), (70, "B"), (69, "C"), (55, "C"), (54, "D"), (0, "D")):
        assert credit_score(dict.fromkeys(full, Decimal(value))).grade == grade
    assert credit_score(dict.fromkeys(full, Decimal(99)), cap_at_d=True).grade == "D"


def test_limit_of_the_worked_example() -> None:
    monthly, months = 10_000_000, Decimal(2)
    for grade, limit in (("A", 30_000_000), ("B", 24_000_000), ("C", 16_000_000), ("D", 0)):
        decision = credit_limit(
            "CNY",
            grade,  # type: ignore[arg-type]
            average_monthly_billing_minor=monthly,
            terms_months=months,
        )
        assert (decision.limit_minor, decision.source) == (limit, "computed")


def test_explicit_limit_wins_and_unknown_stays_unknown() -> None:
    assert credit_limit("CNY", "D", explicit_minor=7).source == "explicit"
    assert credit_limit("CNY", "D").limit_minor == 0
    assert credit_limit("CNY", "B").limit_minor is None
    assert (credit_limit("CNY", "N").limit_minor, credit_limit("CNY", "N").source) == (None, "unknown")
    fixed = credit_limit("CNY", "N", new_customer_minor=500000)
    assert (fixed.limit_minor, fixed.source, fixed.rule_version) == (500000, "new_customer", "limit-1")
