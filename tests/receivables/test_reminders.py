"""Reminders: one message per group, once per item and step, and a stored reason whenever none is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.receivables.reminders import (
    ReminderDecision,
    ReminderFacts,
    ReminderItem,
    ReminderPolicy,
    decide_reminders,
    recheck,
)

DUE = date(2026, 3, 31)
STEP = date(2026, 4, 7)
POLICY = ReminderPolicy()
GOOD = ReminderFacts(is_fresh=True, has_record=True)
GROUP = ("cn", "cus", "CNY")


def days(n: int) -> timedelta:
    return timedelta(days=n)


def item(
    name: str = "i1", amount: int = 100000, due: date = DUE, currency: str = "CNY", **more: object
) -> ReminderItem:
    plain = ReminderItem(f"{name}:1", name, f"INV-{name}", "cn", "cus", currency, due, amount)
    return replace(plain, **more)  # type: ignore[arg-type]


def decide(*items: ReminderItem, facts: ReminderFacts = GOOD, as_of: date = STEP) -> ReminderDecision:
    (only,) = decide_reminders(items, {GROUP: facts}, POLICY, as_of)
    return only


def after(sent: ReminderDecision, on: date) -> ReminderFacts:
    """The facts once a reminder has been sent."""
    assert sent.send
    return replace(
        GOOD,
        sent_keys=frozenset({sent.key}),
        reminded_items=frozenset(item_id for item_id, _ in sent.items),
        last_sent_on=on,
    )


def test_sent_seven_days_after_due_and_not_a_day_before() -> None:
    early = decide(item(), as_of=STEP - days(1))
    assert (early.send, early.why_not, early.key, early.next_change_on) == (False, "not_due", "", STEP)
    due = decide(item())
    assert (due.send, due.why_not, due.items, due.level) == (True, "", (("i1:1", 100000),), 1)
    assert due.key.startswith("cn/cus/CNY/L1/")
    assert due.key.endswith("/1")


def test_second_run_sends_nothing() -> None:
    first = decide(item())
    second = decide(item(), facts=after(first, STEP), as_of=STEP + days(30))
    assert (second.send, second.why_not, second.key) == (False, "already_sent", first.key)


def test_restart_after_missed_days_sends_one_message_and_the_cooldown_holds() -> None:
    restart = date(2026, 4, 20)
    one = decide(item("i1"), item("i2", due=DUE + days(2)), as_of=restart)
    assert [item_id for item_id, _ in one.items] == ["i1:1", "i2:1"]
    later = item("i3", due=date(2026, 4, 15))
    facts = after(one, restart)
    waits = decide(item("i1"), item("i2"), later, facts=facts, as_of=date(2026, 4, 24))
    assert (waits.why_not, waits.next_change_on) == ("cooldown", date(2026, 4, 25))
    goes = decide(item("i1"), item("i2"), later, facts=facts, as_of=date(2026, 4, 25))
    assert goes.send
    assert len(goes.items) == 3


def test_paying_one_of_two_reminded_items_does_not_remind_of_the_other_again() -> None:
    first = decide(item("i1"), item("i2"))
    left = decide(item("i2"), facts=after(first, STEP), as_of=STEP + days(60))
    assert left.key != first.key
    assert (left.send, left.why_not) == (False, "already_sent")


def test_part_payment_does_not_change_the_key() -> None:
    assert decide(item(amount=100000)).key == decide(item(amount=40000)).key
    assert decide(item("i1"), item("i2")).key == decide(item("i2"), item("i1")).key
    newer = decide_reminders([item()], {GROUP: GOOD}, ReminderPolicy(version="2"), STEP)[0]
    assert newer.key != decide(item()).key


@pytest.mark.parametrize(
    ("one", "facts", "why"),
    [
        (item(disputed_minor=100000), GOOD, "disputed"),
        (item(promised_until=STEP), GOOD, "promised"),
        (item(amount=19999), GOOD, "below_minimum"),
        (item(), replace(GOOD, is_paused=True), "paused"),
        (item(), replace(GOOD, is_paused=True, paused_until=STEP), "paused"),
        (item(), replace(GOOD, credits_minor=100000), "net_credit"),
        (item(), replace(GOOD, is_fresh=False), "stale_data"),
        (item(), replace(GOOD, has_record=False), "no_record"),
        (item(), replace(GOOD, last_sent_on=STEP - days(4)), "cooldown"),
    ],
)
def test_each_reason_not_to_send(one: ReminderItem, facts: ReminderFacts, why: str) -> None:
    decision = decide(one, facts=facts)
    assert (decision.send, decision.why_not, decision.also) == (False, why, ())


def test_reasons_end_where_they_should() -> None:
    assert decide(item(amount=20000)).send
    assert decide(item(promised_until=STEP - days(1))).send
    assert decide(item(), facts=replace(GOOD, is_paused=True, paused_until=STEP - days(1))).send
    assert decide(item(), facts=replace(GOOD, credits_minor=99999)).send
    assert decide(item(), facts=replace(GOOD, last_sent_on=STEP - days(5))).send


def test_only_the_undisputed_part_is_claimed() -> None:
    part = decide(item(disputed_minor=40000))
    assert (part.send, part.items, part.amount_minor) == (True, (("i1:1", 60000),), 60000)


def test_all_reasons_are_kept_and_unknown_facts_are_the_safe_ones() -> None:
    (only,) = decide_reminders([item(amount=5)], {}, POLICY, STEP)
    assert (only.why_not, only.also) == ("below_minimum", ("stale_data", "no_record"))


def test_minimum_is_per_currency() -> None:
    rows = [item("a", 3000, currency="USD"), item("b", 2999, currency="EUR"), item("c", 1, currency="GBP")]
    facts = {("cn", "cus", code): GOOD for code in ("USD", "EUR", "GBP")}
    out = {one.currency: one.why_not for one in decide_reminders(rows, facts, POLICY, STEP)}
    assert out == {"USD": "", "EUR": "below_minimum", "GBP": ""}


def test_groups_never_mix() -> None:
    rows = [item("a"), item("b", company_id="hk"), item("c", customer_id="cus2"), item("d", currency="USD")]
    out = decide_reminders(rows, {}, POLICY, STEP)
    assert [(one.company_id, one.customer_id, one.currency) for one in out] == [
        ("cn", "cus", "CNY"),
        ("cn", "cus", "USD"),
        ("cn", "cus2", "CNY"),
        ("hk", "cus", "CNY"),
    ]
    assert all(len(one.items) == 1 for one in out)
    assert len({one.key for one in out}) == 4


def test_never_after_payment() -> None:
    assert decide_reminders([item(amount=0)], {GROUP: GOOD}, POLICY, STEP) == ()
    planned = decide(item("i1"), item("i2"))
    assert recheck(planned, [item("i1"), item("i2")], GOOD, POLICY, STEP).send
    gone = recheck(planned, [item("i1", 0), item("i2", 0)], GOOD, POLICY, STEP)
    assert (gone.send, gone.why_not) == (False, "settled")
    one_paid = recheck(planned, [item("i1", 0), item("i2")], GOOD, POLICY, STEP)
    assert (one_paid.send, one_paid.why_not) == (False, "settled")
    in_part = recheck(planned, [item("i1", 50), item("i2")], GOOD, POLICY, STEP)
    assert (in_part.send, in_part.why_not) == (False, "settled")
    unapplied = recheck(planned, [item("i1"), item("i2")], replace(GOOD, credits_minor=200000), POLICY, STEP)
    assert (unapplied.send, unapplied.why_not) == (False, "net_credit")


items_strategy = st.lists(
    st.tuples(
        st.integers(-20, 20), st.integers(0, 60000), st.integers(0, 60000), st.one_of(st.none(), st.integers(-9, 9))
    ),
    max_size=5,
)
facts_strategy = st.builds(
    ReminderFacts,
    credits_minor=st.sampled_from([0, 0, 5000, 60000]),
    last_sent_on=st.one_of(st.none(), st.integers(0, 9).map(lambda n: STEP - days(n))),
    is_paused=st.booleans(),
    paused_until=st.one_of(st.none(), st.integers(-3, 9).map(lambda n: STEP + days(n))),
    is_fresh=st.just(True),
    has_record=st.just(True),
)


@given(rows=items_strategy, facts=facts_strategy, share=st.integers(0, 100))
@settings(deadline=None, derandomize=True, database=None, max_examples=300)
def test_message_claims_only_what_is_owed_and_waits_for_the_announced_day(
    rows: list[tuple[int, int, int, int | None]], facts: ReminderFacts, share: int
) -> None:
    items = [
        item(
            f"i{n}",
            amount,
            STEP + days(due),
            disputed_minor=disputed,
            promised_until=STEP + days(promised) if promised is not None else None,
        )
        for n, (due, amount, disputed, promised) in enumerate(rows)
    ]
    for one in decide_reminders(items, {GROUP: facts}, POLICY, STEP):
        by_id = {row.item_id: row for row in items}
        for item_id, amount in one.items:
            row = by_id[item_id]
            assert 0 < amount <= row.open_minor
            assert row.due_on + days(7) <= STEP
            assert row.promised_until is None or row.promised_until < STEP
        assert one.send == (one.why_not == "")
        assert not one.send or one.amount_minor > facts.credits_minor
        last = (one.next_change_on or STEP + days(200)) - days(1)
        day = STEP + days((last - STEP).days * share // 100)
        again = decide_reminders(items, {GROUP: facts}, POLICY, day)[0]
        assert (again.send, again.why_not, again.also, again.key) == (one.send, one.why_not, one.also, one.key)
        if one.send:
            sent = after(one, STEP)
            assert not decide_reminders(items, {GROUP: replace(sent, last_sent_on=None)}, POLICY, day)[0].send
