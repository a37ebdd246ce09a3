"""Dunning decisions: every reason not to send, one message per group, nothing moves before the announced day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.receivables.dunning.calendar import calendar_of
from tieout.receivables.dunning.decide import DunningDecision, decide_dunning, recheck
from tieout.receivables.dunning.items import Block, DunningItem, GroupFacts, History
from tieout.receivables.dunning.policy import Policy
from tieout.receivables.dunning.policy_file import load_policy, shipped_text

POLICY = load_policy(shipped_text(), "standard.yaml").reduced(["crm_task"])
WEEKENDS = calendar_of("weekends")
GROUP = ("cn", "cus", "CNY")
GOOD = GroupFacts(is_fresh=True, channels=frozenset(["crm_task"]))
DUE = date(2026, 3, 31)
STEP = date(2026, 4, 7)


def days(n: int) -> timedelta:
    return timedelta(days=n)


def item(name: str = "i1", amount: int = 100000, due: date = DUE, *blocks: Block, **more: object) -> DunningItem:
    given = {"company_id": "cn", "customer_id": "cus", "currency": "CNY"} | more
    return DunningItem(f"{name}:1", name, name.upper(), due_on=due, claim_minor=amount, blocks=blocks, **given)  # type: ignore[arg-type]  # a test's free keywords


def decide(
    *items: DunningItem, facts: GroupFacts = GOOD, as_of: date = STEP, policy: Policy = POLICY
) -> DunningDecision:
    (only,) = decide_dunning(items, {GROUP: facts}, policy, WEEKENDS, as_of)
    return only


def after(sent: DunningDecision, items: list[DunningItem], on: date) -> list[DunningItem]:
    lines = {line.item_id: line for line in sent.lines}
    return [
        replace(one, last=History(lines[one.id].step, lines[one.id].level, lines[one.id].offset, on))
        if one.id in lines
        else one
        for one in items
    ]


def test_sent_seven_days_after_due_and_not_a_day_before() -> None:
    early = decide(item(), as_of=STEP - days(1))
    assert (early.send, early.why_not, early.next_change_on, early.key) == (False, "not_due", STEP, "")
    due = decide(item())
    assert (due.send, due.step, due.level, due.channels) == (True, "L1", 1, ("crm_task",))
    assert due.key.startswith("cn/cus/CNY/L1/")
    assert due.key.endswith(f"/{POLICY.version}")


def test_the_same_step_is_not_sent_again_even_after_its_siblings_are_paid_or_the_policy_changes() -> None:
    rows = [item("i1"), item("i2")]
    sent = decide(*rows)
    again = after(sent, rows, STEP)
    for left in (again, again[1:]):
        for policy in (POLICY, replace(POLICY, version="other")):
            decision = decide(*left, as_of=STEP + days(3), policy=policy)
            assert (decision.send, decision.why_not) == (False, "already_sent")


def test_a_claim_lists_all_that_is_due_at_the_highest_level_and_a_courtesy_only_what_is_coming() -> None:
    full = load_policy(shipped_text(), "standard.yaml")
    facts = replace(GOOD, channels=frozenset(["crm_task", "email"]))
    old = item("old", 100, DUE - days(60), last=History("L2", 2, 15, DUE - days(45)))
    old = replace(old, blocks=(Block("promised", DUE - days(50)),))
    new = item("new", 100000)
    held = replace(old, last=History("L4", 4, 60, DUE))
    claim = decide(held, new, facts=facts, policy=full)
    assert (claim.step, claim.level, [line.is_new for line in claim.lines]) == ("L4", 4, [False, True])
    assert [line.level for line in claim.lines] == [4, 1], "the new item itself rises by one only"
    courtesy = decide(held, replace(new, due_on=STEP + days(7)), facts=facts, policy=full)
    assert (courtesy.step, [line.item_id for line in courtesy.lines]) == ("P7", ["new:1"])


def test_a_step_that_needs_approval_is_not_reached_by_a_younger_item() -> None:
    legal = replace(item("old", due=DUE - days(120)), last=History("LEGAL", 5, 90, DUE - days(30)))
    decision = decide(legal, item("new"))
    assert (decision.step, decision.needs_approval, len(decision.lines)) == ("L1", False, 2)


@pytest.mark.parametrize(
    ("one", "facts", "why"),
    [
        (item("i", 100000, DUE, Block("disputed")), GOOD, "disputed"),
        (item("i", 100000, DUE, Block("promised", STEP)), GOOD, "promised"),
        (item("i", 100000, DUE, Block("plan", STEP)), GOOD, "plan"),
        (item("i", 100000, DUE, Block("legal")), GOOD, "legal"),
        (item("i", 19999), GOOD, "below_minimum"),
        (item(), replace(GOOD, blocks=(Block("paused"),)), "paused"),
        (item(), replace(GOOD, blocks=(Block("paused", STEP),)), "paused"),
        (item(), replace(GOOD, credits_minor=100000), "net_credit"),
        (item(), replace(GOOD, credits_minor=80001), "below_minimum"),
        (item(), replace(GOOD, is_fresh=False), "stale_data"),
        (item(), replace(GOOD, channels=frozenset()), "no_record"),
        (item(), replace(GOOD, sent_on=[STEP - days(4)]), "cooldown"),
        (item(), replace(GOOD, sent_on=[date(2026, 4, 1)] * 4), "monthly_limit"),
    ],
)
def test_each_reason_not_to_send(one: DunningItem, facts: GroupFacts, why: str) -> None:
    decision = decide(one, facts=facts)
    assert (decision.send, decision.why_not, decision.also) == (False, why, ())


def test_a_day_off_moves_a_step_and_holds_back_a_late_one() -> None:
    saturday = date(2026, 4, 4)
    assert decide(item(due=saturday - days(7)), as_of=saturday).why_not == "not_due"
    late = decide(item(due=saturday - days(8)), as_of=saturday)
    assert (late.why_not, late.next_change_on) == ("day_off", date(2026, 4, 6))
    assert decide(item(due=saturday - days(8)), as_of=saturday, policy=replace(POLICY, any_day=True)).send


def test_a_make_up_saturday_is_a_working_day_and_spring_festival_is_not() -> None:
    china = calendar_of("CN")
    assert china.is_open(date(2026, 2, 14)), "a Saturday that makes up for the holiday"
    assert not china.is_open(date(2026, 2, 17))
    assert china.following(date(2026, 2, 15)) == date(2026, 2, 24)
    (one,) = decide_dunning([item(due=date(2026, 2, 7))], {GROUP: GOOD}, POLICY, china, date(2026, 2, 14))
    assert one.send, "2026-02-07 + 7 falls on a make-up Saturday"
    (one,) = decide_dunning([item(due=date(2026, 2, 8))], {GROUP: GOOD}, POLICY, china, date(2026, 2, 15))
    assert (one.why_not, one.next_change_on) == ("not_due", date(2026, 2, 24))
    assert china.is_known(date(2026, 12, 31))
    assert not china.is_known(date(2099, 1, 1))
    assert calendar_of("CN", days_off=[date(2099, 1, 1)]).is_known(date(2099, 5, 1))


def test_all_reasons_are_kept_and_unknown_facts_are_the_safe_ones() -> None:
    (only,) = decide_dunning([item(amount=5)], {}, POLICY, WEEKENDS, STEP)
    assert (only.why_not, only.also) == ("below_minimum", ("stale_data", "no_record"))


def test_groups_never_mix() -> None:
    rows = [item("a"), item("b", company_id="hk"), item("c", customer_id="cus2"), item("d", currency="USD")]
    out = decide_dunning(rows, {}, POLICY, WEEKENDS, STEP)
    assert len({one.key for one in out}) == 4
    assert all(len(one.lines) == 1 for one in out)


def test_never_after_payment() -> None:
    planned = decide(item("i1"), item("i2"))
    assert recheck(planned, decide(item("i1"), item("i2"))).send
    for now in (None, decide(item("i2")), decide(item("i1", 50000), item("i2"))):
        stopped = recheck(planned, now)
        assert (stopped.send, stopped.why_not) == (False, "settled")
    credited = decide(item("i1"), item("i2"), facts=replace(GOOD, credits_minor=200000))
    assert recheck(planned, credited).why_not == "net_credit"


BLOCKS = st.lists(
    st.builds(
        Block,
        st.sampled_from(["disputed", "promised", "plan", "paused"]),
        st.one_of(st.none(), st.integers(-9, 9).map(lambda n: STEP + days(n))),
    ),
    max_size=2,
)
LAST = st.one_of(
    st.none(),
    st.sampled_from(POLICY.steps).flatmap(
        lambda step: st.integers(0, 40).map(lambda n: History(step.id, step.level, step.offset, STEP - days(n)))
    ),
)
ROWS = st.lists(st.tuples(st.integers(-100, 20), st.integers(1, 60000), BLOCKS, LAST), min_size=1, max_size=5)
FACTS = st.builds(
    GroupFacts,
    credits_minor=st.sampled_from([0, 0, 5000, 60000]),
    sent_on=st.lists(st.integers(0, 40).map(lambda n: STEP - days(n)), max_size=5),
    blocks=BLOCKS,
    is_fresh=st.just(True),
    was_late=st.booleans(),
    channels=st.just(frozenset(["crm_task", "email"])),
)
FULL = load_policy(shipped_text(), "standard.yaml")


@given(rows=ROWS, facts=FACTS, share=st.integers(0, 100), shift=st.integers(0, 6))
@settings(max_examples=300)
def test_a_message_claims_only_what_may_be_claimed_and_nothing_moves_before_the_announced_day(
    rows: list[tuple[int, int, list[Block], History | None]], facts: GroupFacts, share: int, shift: int
) -> None:
    today = STEP + days(shift)
    items = [
        replace(item(f"i{n}", amount, today + days(due), *blocks), last=last)
        for n, (due, amount, blocks, last) in enumerate(rows)
    ]
    one = decide(*items, facts=facts, as_of=today, policy=FULL)
    by_id = {row.id: row for row in items}
    for line in one.lines:
        row = by_id[line.item_id]
        assert line.amount_minor == row.claim_minor
        assert row.block(today) is None, "blocked items are never asked for"
        assert line.level <= row.level + 1
    assert one.send == (one.why_not == "")
    assert not one.send or one.amount_minor > facts.credits_minor
    assert not one.send or WEEKENDS.is_open(today)
    last_day = (one.next_change_on or today + days(200)) - days(1)
    day = today + days((last_day - today).days * share // 100)
    again = decide(*items, facts=facts, as_of=day, policy=FULL)
    if not one.send:
        assert (again.send, again.why_not, again.also, again.key) == (one.send, one.why_not, one.also, one.key)
    if one.send:
        moved = after(one, items, today)
        told = replace(facts, sent_on=[*facts.sent_on, today])
        assert not decide(*moved, facts=told, as_of=today, policy=FULL).send, "one message per run"
