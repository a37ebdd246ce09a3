"""The next day on which a dunning decision may differ, and which reasons are told beside the first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from tests.receivables.test_dunning import DUE, GOOD, POLICY, STEP, after, days, decide, item
from tieout.receivables.dunning.items import Block

(FIRST,) = (one for one in POLICY.steps if one.id == "L1")
ONE_STEP = replace(POLICY, steps=(FIRST,), cooldown_days=0)


def test_when_the_last_step_went_out_nothing_more_will_change() -> None:
    rows = [item()]
    sent = decide(*rows, policy=ONE_STEP)
    assert (sent.send, sent.next_change_on) == (True, None)
    again = decide(*after(sent, rows, STEP), as_of=STEP + days(1), policy=ONE_STEP)
    assert (again.why_not, again.next_change_on, again.also) == ("already_sent", None, ())


def test_a_pause_of_the_customer_ends_the_day_after_its_last() -> None:
    paused = replace(GOOD, blocks=(Block("paused", STEP + days(3)), Block("legal", STEP + days(9)), Block("paused")))
    made = decide(item(), facts=paused, policy=ONE_STEP)
    assert (made.why_not, made.next_change_on) == ("paused", STEP + days(4))
    over = decide(item(), facts=replace(GOOD, blocks=(Block("paused", STEP - days(1)),)), policy=ONE_STEP)
    assert (over.send, over.next_change_on) == (True, None), "a day that has come is none to wait for"


def test_what_only_delays_a_message_is_no_news_while_there_is_none() -> None:
    early = DUE + days(1)
    for facts in (
        replace(GOOD, is_waiting=True),
        replace(GOOD, is_fresh=False),
        replace(GOOD, sent_on=[early]),
        replace(GOOD, sent_on=[date(2026, 4, 1)] * POLICY.max_per_month),
        replace(GOOD, credits_minor=5),
    ):
        made = decide(item(), facts=facts, as_of=early)
        assert (made.why_not, made.also, made.next_change_on) == ("not_due", (), STEP)


def test_a_cooldown_that_ends_today_holds_nothing_back_and_is_no_day_to_come() -> None:
    policy = replace(ONE_STEP, cooldown_days=5)
    made = decide(item(), facts=replace(GOOD, sent_on=[STEP - days(5)]), policy=policy)
    assert (made.send, made.next_change_on) == (True, None)
    held = decide(item(), facts=replace(GOOD, sent_on=[STEP - days(4)]), policy=policy)
    assert (held.why_not, held.next_change_on) == ("cooldown", STEP + days(1))


def test_a_month_is_full_at_its_number_of_messages_and_without_one_never() -> None:
    sent = [date(2026, 4, 1)] * 2
    assert decide(item(), facts=replace(GOOD, sent_on=sent), policy=replace(ONE_STEP, max_per_month=3)).send
    full = decide(item(), facts=replace(GOOD, sent_on=sent), policy=replace(ONE_STEP, max_per_month=2))
    assert full.why_not == "monthly_limit"
    assert decide(item(), facts=replace(GOOD, sent_on=sent), policy=replace(ONE_STEP, max_per_month=0)).send
    march = [date(2026, 3, 1)] * 2 + [date(2025, 4, 1)] * 2
    assert decide(item(), facts=replace(GOOD, sent_on=march), policy=replace(ONE_STEP, max_per_month=2)).send


def test_all_reasons_that_hold_are_told_in_their_order_each_once() -> None:
    facts = replace(
        GOOD,
        blocks=(Block("legal"),),
        credits_minor=100000,
        is_waiting=True,
        is_fresh=False,
        channels=frozenset(),
        sent_on=[date(2026, 4, 6)] * POLICY.max_per_month,
    )
    made = decide(item(), facts=facts)
    assert (made.why_not, made.also) == (
        "legal",
        ("net_credit", "waiting", "cooldown", "monthly_limit", "stale_data", "no_record"),
    )
    blocked = decide(item("i", 100000, DUE, Block("legal")), facts=replace(GOOD, blocks=(Block("legal"),)))
    assert (blocked.why_not, blocked.also) == ("legal", ())


def test_a_claim_that_credits_cover_is_not_also_below_the_least_amount() -> None:
    for credit, why in ((100000, "net_credit"), (99999, "below_minimum")):
        made = decide(item(), facts=replace(GOOD, credits_minor=credit))
        assert (made.why_not, made.also) == (why, ())


def test_a_claim_names_every_item_that_is_due_also_behind_one_that_is_left_out() -> None:
    rows = [item("a", 1, DUE - days(30), Block("disputed")), item("b", 2, DUE - days(20)), item("c", 4, DUE - days(20))]
    policy = replace(POLICY, steps=(FIRST,), min_amount_minor={})
    sent = decide(*rows, as_of=STEP - days(10), policy=policy)
    assert [line.item_id for line in sent.lines] == ["b:1", "c:1"]
    made = decide(*after(sent, rows, STEP - days(10)), item("d", 8), policy=policy)
    assert [(line.item_id, line.amount_minor, line.is_new, line.step) for line in made.lines] == [
        ("b:1", 2, False, "L1"),
        ("c:1", 4, False, "L1"),
        ("d:1", 8, True, "L1"),
    ]
    assert made.amount_minor == 14
