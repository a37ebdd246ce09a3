"""Allocations: caps hold, refusals are whole, and the order of arrival never matters."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.core.money import Money
from tieout.ledger.allocation import AllocationFact, accept, accept_on_credit, accept_on_debit, counted_on
from tieout.ledger.open_items import OpenItem

DAY = date(2026, 1, 1)


def item(document_id: str, line_id: str, due: date, amount: int) -> OpenItem:
    return OpenItem(document_id, line_id, "acc", "cn", "CNY", due, amount)


def fact(allocation_id: str, amount: int, **more: object) -> AllocationFact:
    plain: dict[str, object] = {"from": "pay", "to": "inv", "line": "", "on": DAY, "currency": "CNY"}
    plain.update(more)
    return AllocationFact(
        allocation_id,
        str(plain["from"]),
        str(plain["to"]),
        str(plain["line"]),
        amount,
        plain["on"],  # type: ignore[arg-type]
        str(plain["currency"]),
    )


def test_over_allocation_is_refused_whole_and_nothing_is_written() -> None:
    items = [item("inv", "1", DAY, 10000)]
    result = accept(items, {"pay": Money(99999, "CNY")}, [fact("a", 10001)])
    assert result.refused == {"a": "over_debit"}
    assert result.splits == ()
    assert result.applied == {"inv:1": 0}


def test_credit_is_never_exceeded_and_a_later_smaller_one_may_still_fit() -> None:
    result = accept_on_credit(Money(1000, "CNY"), [fact("c", 100), fact("b", 500), fact("a", 900)])
    assert result.accepted == ("a", "c")
    assert result.applied_minor == 1000
    assert result.refused == {"b": "over_credit"}


def test_fifo_by_due_date_over_instalments() -> None:
    plan = [
        item("inv", "c", date(2026, 3, 10), 900),
        item("inv", "a", date(2026, 1, 10), 800),
        item("inv", "b", date(2026, 2, 10), 500),
    ]
    assert accept_on_debit(plan, [fact("a", 1500)]).applied == {"inv:a": 800, "inv:b": 500, "inv:c": 200}


def test_stated_line_is_filled_first_and_the_rest_stays_in_the_document() -> None:
    plan = [item("inv", "a", date(2026, 1, 10), 800), item("inv", "c", date(2026, 3, 10), 900)]
    exact = accept_on_debit(plan, [fact("a", 900, line="c")])
    assert exact.applied == {"inv:a": 0, "inv:c": 900}
    assert exact.notes == {}
    more = accept_on_debit(plan, [fact("a", 1500, line="c")])
    assert more.applied == {"inv:a": 600, "inv:c": 900}
    assert more.notes == {"a": "line_full"}
    gone = accept_on_debit(plan, [fact("a", 100, line="z")])
    assert gone.applied == {"inv:a": 100, "inv:c": 0}
    assert gone.notes == {"a": "line_unknown"}


def test_reasons_of_refusal() -> None:
    items = [item("inv", "1", DAY, 1000)]
    facts = [
        fact("zero", 0),
        fact("usd", 10, currency="USD"),
        fact("nowhere", 10, to="gone"),
        fact("nobody", 10, **{"from": "ghost"}),
        fact("good", 10),
    ]
    result = accept(items, {"pay": Money(1000, "CNY")}, facts)
    assert result.refused == {
        "zero": "not_positive",
        "usd": "currency",
        "nowhere": "unknown_debit",
        "nobody": "unknown_credit",
    }
    assert result.accepted == {"good"}


def test_currency_of_the_debit_document_is_checked_too() -> None:
    assert accept_on_debit([item("inv", "1", DAY, 1000)], [fact("a", 10, currency="USD")]).refused == {"a": "currency"}


def test_allocation_refused_by_its_credit_takes_no_room_from_others() -> None:
    items = [item("inv", "1", DAY, 1000), item("old", "1", DAY, 1000)]
    facts = [fact("a", 1000, to="old"), fact("b", 1000), fact("c", 1000, **{"from": "pay2"})]
    result = accept(items, {"pay": Money(1000, "CNY"), "pay2": Money(1000, "CNY")}, facts)
    assert result.refused == {"b": "over_credit"}
    assert result.applied == {"inv:1": 1000, "old:1": 1000}


def test_negative_items_take_nothing() -> None:
    assert accept_on_debit([item("cn", "1", DAY, -500)], [fact("a", 1, to="cn")]).refused == {"a": "over_debit"}


def test_allocation_counts_from_when_both_documents_exist() -> None:
    assert counted_on(DAY, DAY + timedelta(days=3), DAY + timedelta(days=2)) == DAY + timedelta(days=3)
    assert counted_on(DAY, DAY + timedelta(days=2), DAY + timedelta(days=3)) == DAY + timedelta(days=3)
    assert counted_on(DAY + timedelta(days=9), DAY, DAY) == DAY + timedelta(days=9)


CREDITS = {"p1": Money(700, "CNY"), "p2": Money(300, "CNY"), "p3": Money(50, "USD")}
ITEMS = [
    item("i1", "a", DAY + timedelta(days=30), 200),
    item("i1", "b", DAY, 100),
    item("i2", "1", DAY + timedelta(days=5), 400),
]
facts_strategy = st.lists(
    st.builds(
        AllocationFact,
        allocation_id=st.integers(0, 999).map(lambda n: f"a{n:03}"),
        from_document_id=st.sampled_from(["p1", "p2", "p3", "p9"]),
        to_document_id=st.sampled_from(["i1", "i2", "i9"]),
        to_line=st.sampled_from(["", "a", "b", "z"]),
        amount_minor=st.integers(-5, 450),
        effective_on=st.integers(0, 6).map(lambda n: DAY + timedelta(days=n)),
        currency=st.sampled_from(["CNY", "CNY", "CNY", "USD"]),
    ),
    max_size=14,
    unique_by=lambda one: one.allocation_id,
)


@given(facts=facts_strategy, data=st.data())
@settings(max_examples=300)
def test_arrival_order_never_changes_the_result_and_caps_hold(facts: list[AllocationFact], data: st.DataObject) -> None:
    result = accept(ITEMS, CREDITS, facts)
    assert accept(ITEMS[::-1], CREDITS, data.draw(st.permutations(facts))) == result
    used: dict[str, int] = defaultdict(int)
    for part in result.splits:
        assert part.amount_minor > 0
        source = next(one for one in facts if one.allocation_id == part.allocation_id)
        used[source.from_document_id] += part.amount_minor
    assert all(amount <= CREDITS[credit].minor for credit, amount in used.items())
    for one in ITEMS:
        assert 0 <= result.applied[one.item_id] <= one.original_minor
    by_id: dict[str, int] = defaultdict(int)
    for part in result.splits:
        by_id[part.allocation_id] += part.amount_minor
    for one_fact in facts:
        whole = by_id.get(one_fact.allocation_id, 0)
        assert whole in (0, one_fact.amount_minor)
        assert (whole > 0) != (one_fact.allocation_id in result.refused)


@given(facts=facts_strategy, cut=st.integers(0, 6))
@settings(max_examples=200)
def test_what_counts_up_to_a_day_does_not_depend_on_later_facts(facts: list[AllocationFact], cut: int) -> None:
    day = DAY + timedelta(days=cut)
    early = accept(ITEMS, CREDITS, [one for one in facts if one.effective_on <= day])
    whole = accept(ITEMS, CREDITS, facts)
    assert tuple(part for part in whole.splits if part.effective_on <= day) == early.splits


@given(facts=facts_strategy)
def test_taking_an_allocation_back_restores_the_state_without_it(facts: list[AllocationFact]) -> None:
    extra = AllocationFact("zzz", "p1", "i2", "", 1, DAY + timedelta(days=7), "CNY")
    before = accept(ITEMS, CREDITS, facts)
    with_extra = accept(ITEMS, CREDITS, [*facts, extra])
    left = accept(ITEMS, CREDITS, [one for one in [*facts, extra] if one.allocation_id != "zzz"])
    assert left == before
    assert tuple(part for part in with_extra.splits if part.allocation_id != "zzz") == before.splits
