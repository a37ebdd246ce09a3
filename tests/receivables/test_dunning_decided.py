"""A dunning decision in whole: what it says beside send or not, what it is stored with, and its next day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.receivables.test_dunning import DUE, GOOD, GROUP, POLICY, STEP, WEEKENDS, after, days, decide, item
from tieout.receivables.dunning.items import Block, GroupFacts
from tieout.receivables.dunning.policy import Policy, Step

(FIRST,) = (one for one in POLICY.steps if one.id == "L1")


def with_step(**changes: object) -> Policy:
    """The policy with another first reminder."""
    made: list[Step] = [replace(one, **changes) if one.id == "L1" else one for one in POLICY.steps]  # type: ignore[arg-type]
    return replace(POLICY, steps=tuple(made))


def test_a_message_says_whose_it_is_its_step_its_tone_and_until_when_to_pay() -> None:
    made = decide(item(), policy=with_step(pay_within=5, tone="firm"))
    assert (made.company_id, made.customer_id, made.currency) == GROUP
    assert (made.step, made.level, made.tone, made.pay_by_on) == ("L1", 1, "firm", STEP + days(5))
    assert decide(item(), policy=with_step(pay_within=0)).pay_by_on is None
    assert (made.is_calendar_known, decide(item(), as_of=date(1999, 4, 7)).is_calendar_known) == (
        WEEKENDS.is_known(STEP),
        WEEKENDS.is_known(date(1999, 4, 7)),
    )


def test_where_nothing_is_due_there_is_no_step_level_tone_or_key() -> None:
    made = decide(item(), as_of=STEP - days(1))
    assert (made.step, made.level, made.tone, made.key, made.pay_by_on) == ("", 0, "", "", None)


@pytest.mark.parametrize(
    ("amount", "credits_minor", "minimum", "why"),
    [
        (20_001, 20_001, 0, "net_credit"),
        (20_001, 20_000, 0, ""),
        (20_001, 20_000, 1, ""),
        (20_001, 20_000, 2, "below_minimum"),
        (20_002, 20_000, 2, ""),
    ],
)
def test_the_least_amount_is_asked_for_to_the_cent(amount: int, credits_minor: int, minimum: int, why: str) -> None:
    policy = replace(POLICY, min_amount_minor={"CNY": minimum} if minimum else {})
    made = decide(item("i", amount), facts=replace(GOOD, credits_minor=credits_minor), policy=policy)
    assert (made.why_not, made.send) == (why, not why)


def test_a_block_of_law_is_told_from_a_pause() -> None:
    assert decide(item(), facts=replace(GOOD, blocks=(Block("legal"),))).why_not == "legal"
    assert decide(item(), facts=replace(GOOD, blocks=(Block("paused"),))).why_not == "paused"
    over = replace(GOOD, blocks=(Block("legal", STEP - days(1)), Block("paused", STEP)))
    assert decide(item(), facts=over).why_not == "paused"


def test_a_message_that_went_under_this_key_is_not_sent_again() -> None:
    sent = decide(item())
    again = decide(item(), facts=replace(GOOD, sent_keys=frozenset([sent.key])))
    assert (again.send, again.why_not, again.key) == (False, "already_sent", sent.key)
    assert decide(item(), facts=replace(GOOD, sent_keys=frozenset([""]))).send


def test_the_key_names_the_items_and_since_when_a_part_is_asked_for_again() -> None:
    plain = decide(item("a"), item("b")).key
    assert decide(item("b"), item("a")).key == plain
    assert len({plain, decide(item("a")).key, decide(item("b")).key, decide(item("a"), item("c")).key}) == 4
    assert decide(item("a", 50), item("b"), policy=replace(POLICY, min_amount_minor={})).key == plain


def test_data_that_is_not_fresh_holds_back_a_claim_and_no_courtesy() -> None:
    stale = replace(GOOD, is_fresh=False)
    assert decide(item(), facts=stale).why_not == "stale_data"
    courtesy = with_step(level=0)
    assert decide(item(), facts=stale, policy=courtesy).send


@pytest.mark.parametrize(
    ("channels", "fallback", "why"),
    [
        (("crm_note",), (), "no_record"),
        (("crm_task",), (), "no_record"),
        (("email",), ("crm_note",), "no_record"),
        (("email",), (), "no_contact"),
        (("email",), ("wecom",), "no_contact"),
    ],
)
def test_who_cannot_be_reached_is_told_by_what_is_missing(
    channels: tuple[str, ...], fallback: tuple[str, ...], why: str
) -> None:
    made = decide(
        item(),
        facts=replace(GOOD, channels=frozenset(["feishu"])),
        policy=with_step(channels=channels, fallback=fallback),
    )
    assert (made.why_not, made.channels) == (why, ())


def test_nobody_can_be_reached_where_no_channel_is_known_even_before_anything_is_due() -> None:
    early = decide(item(), facts=GroupFacts(is_fresh=True), as_of=STEP - days(1))
    assert (early.why_not, list(early.also)) == ("not_due", ["no_record"])
    assert list(decide(item(), as_of=STEP - days(1)).also) == []


def test_the_next_day_is_the_first_of_next_month_where_the_month_is_full() -> None:
    one_step = replace(POLICY, steps=(FIRST,), cooldown_days=0)  # no later step comes first
    full = replace(GOOD, sent_on=[date(2026, 4, 1)] * POLICY.max_per_month)
    made = decide(item(), facts=full, policy=one_step)
    assert (made.why_not, made.next_change_on) == ("monthly_limit", date(2026, 5, 1))
    december = date(2026, 12, 31)
    late = decide(
        item(due=december - days(7)),
        facts=replace(GOOD, sent_on=[date(2026, 12, 1)] * POLICY.max_per_month),
        as_of=december,
        policy=replace(one_step, any_day=True),
    )
    assert (late.why_not, late.next_change_on) == ("monthly_limit", date(2027, 1, 1))


def test_what_waits_for_data_or_for_a_message_to_leave_is_looked_at_the_next_day() -> None:
    for facts, why in ((replace(GOOD, is_fresh=False), "stale_data"), (replace(GOOD, is_waiting=True), "waiting")):
        made = decide(item(), facts=facts)
        assert (made.why_not, made.next_change_on) == (why, STEP + days(1))


def test_the_rest_between_two_messages_ends_on_a_working_day_unless_any_day_will_do() -> None:
    friday = date(2026, 4, 3)
    facts = replace(GOOD, sent_on=[friday - days(6)])
    made = decide(item(due=friday - days(7)), facts=facts, as_of=friday, policy=replace(POLICY, cooldown_days=7))
    assert (made.why_not, made.next_change_on) == ("cooldown", date(2026, 4, 6))
    any_day = replace(POLICY, cooldown_days=7, any_day=True)
    made = decide(item(due=friday - days(7)), facts=facts, as_of=friday, policy=any_day)
    assert (made.why_not, made.next_change_on) == ("cooldown", date(2026, 4, 4))


def test_a_decision_keeps_what_it_was_made_from() -> None:
    rows = [item("a", 700, DUE, Block("promised", STEP, "case_1")), item("b")]
    sent = decide(item("b"))
    facts = replace(
        GOOD,
        credits_minor=5,
        sent_on=[STEP - days(40), STEP - days(50)],
        blocks=(Block("paused", STEP - days(2), "case_2"),),
    )
    made = decide(*after(sent, rows, STEP - days(1)), facts=facts)
    assert made.inputs == {
        "as_of": STEP,
        "items": [
            ["a:1", DUE, 700, [["promised", STEP, "case_1"]], None, None, None],
            ["b:1", DUE, 100000, [], ["L1", 1, STEP - days(1)], None, None],
        ],
        "credits_minor": 5,
        "sent_on": [STEP - days(50), STEP - days(40)],
        "blocks": [["paused", STEP - days(2), "case_2"]],
        "is_fresh": True,
        "was_late": facts.was_late,
        "is_waiting": False,
        "channels": ["crm_task"],
        "policy": POLICY.version,
        "calendar": WEEKENDS.name,
    }
