"""Policies as YAML: the shipped one, and the line of every mistake."""

from __future__ import annotations

import re
from datetime import date, time

import pytest

from tieout.receivables.dunning.calendar import Span
from tieout.receivables.dunning.policy import Policy, Step
from tieout.receivables.dunning.policy_file import SIZE_LIMIT, PolicyError, load_policy, shipped_text

GOOD = """policy: own
calendar: CN
quiet: [spring_festival, {from: 2027-02-01, to: 2027-02-20}]
min_amount: {CNY: "200.50", JPY: 3000}
steps:
  - {id: P3, offset: -3, level: 0, channel: email}
  - {id: L1, offset: 7, level: 1, channel: [crm_task, email], fallback: wecom}
"""


def test_the_shipped_policy_is_good() -> None:
    policy = load_policy(shipped_text(), "standard.yaml")
    assert [step.id for step in policy.steps] == ["P7", "D0", "L1", "L2", "L3", "L4", "LEGAL"]
    assert policy.min_amount_minor["CNY"] == 20000
    assert policy.steps[-1].approve
    assert [step.id for step in policy.reduced(["crm_task"]).steps] == ["L1", "L2", "L3", "L4", "LEGAL"]


def test_amounts_are_exact_and_the_version_follows_the_content_alone() -> None:
    policy = load_policy(GOOD, "own.yaml")
    assert policy.min_amount_minor == {"CNY": 20050, "JPY": 3000}
    assert load_policy("# a comment\n" + GOOD, "other.yaml").version == policy.version
    assert load_policy(GOOD.replace("offset: 7", "offset: 8"), "own.yaml").version != policy.version
    calendar = policy.work_calendar("")
    assert not calendar.is_open(date(2027, 2, 19))
    assert calendar.is_known(date(2026, 1, 1))


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("calendar: CN", "calendar: XX", 2, "no calendar 'XX'"),
        ("calendar: CN", "calender: CN", 2, "no key 'calender'"),
        ("spring_festival", "easter", 3, "no festival"),
        ("to: 2027-02-20", "to: 2027-01-20", 3, "must not end before"),
        ("JPY: 3000", "JPY: 30.5", 4, "JPY"),
        ("JPY: 3000", "XXQ: 3000", 4, "ISO 4217"),
        ("offset: -3, level: 0", "offset: -3, level: 1", 6, "level 0"),
        ("channel: email}", "channel: pigeon}", 6, "no channel 'pigeon'"),
        ("channel: email}", "channel: email, template: poem}", 6, "no template 'poem'"),
        ("offset: 7", "offset: -5", 7, "level 0"),
        ("offset: 7, level: 1", "offset: -5, level: 0", 7, "must lie after P3"),
        ("id: L1", "id: P3", 7, "stands twice"),
        ("offset: 7", "offset: seven", 7, "whole number"),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, line: int, says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(GOOD.replace(old, new), "own.yaml")
    assert f"own.yaml:{line}:" in caught.value.message
    assert says in caught.value.message


def test_levels_never_fall_and_something_must_be_there() -> None:
    with pytest.raises(PolicyError, match="lower level"):
        load_policy(GOOD + "  - {id: L0, offset: 9, level: 0, channel: email}\n", "own.yaml")
    with pytest.raises(PolicyError, match="'steps' is missing"):
        load_policy("policy: own\n", "own.yaml")
    with pytest.raises(PolicyError, match="not valid YAML"):
        load_policy("policy: [", "own.yaml")


FULL = """policy: own
label: Ours
calendar: weekends
days_off: [2027-01-04]
workdays: [2027-01-09]
quiet: [{from: 2027-02-01, to: 2027-02-01}]
any_day: true
send_window: "09:30-17:30"
grace_days: 1
first_time_late_extra_grace: 2
cooldown_days: 3
max_per_month: 4
promise_tolerance_days: 6
plan_grace_days: 7
pay_by_days: 8
min_amount: {CNY: 1}
steps:
  - {id: L1, offset: 1, level: 1, channel: [email, wecom], fallback: [crm_note, crm_task], tone: firm, template: formal,
     approve: true, pay_within: 9, min_amount: {USD: 2}}
"""


def load(old: str = "", new: str = "", text: str = FULL) -> Policy:
    assert old in text
    return load_policy(text.replace(old, new) if old else text, "own.yaml")


def refusal(old: str, new: str, text: str = FULL) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        load(old, new, text)
    assert caught.value.code == "policy"
    return caught.value


def test_every_key_is_read_into_its_field() -> None:
    policy = load()
    version, steps = policy.version, policy.steps
    assert len(version) == 12
    assert policy == Policy(
        "own", version, steps, "weekends", (date(2027, 1, 4),), (date(2027, 1, 9),),
        (Span(date(2027, 2, 1), date(2027, 2, 1)),), True, (time(9, 30), time(17, 30)), 1, 2, 3, 4, 6, 7, 8,
        {"CNY": 100}, "Ours",
    )  # fmt: skip
    assert steps == (
        Step("L1", 1, 1, ("email", "wecom"), ("crm_note", "crm_task"), "firm", "formal", True, 9, {"USD": 200}),
    )


def test_what_is_left_out_has_its_default() -> None:
    policy = load_policy("policy: own\nsteps: [{id: P, offset: 0, level: 0, channel: email}]\n", "own.yaml")
    assert policy == Policy("own", policy.version, (Step("P", 0, 0, ("email",), tone="courtesy"),))
    late = load_policy("policy: own\nsteps: [{id: P, offset: 1, level: 1, channel: email}]\n", "own.yaml")
    assert late.steps == (Step("P", 1, 1, ("email",), tone="friendly"),)


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("grace_days", 0, 90),
        ("first_time_late_extra_grace", 0, 90),
        ("cooldown_days", 0, 90),
        ("max_per_month", 0, 31),
        ("promise_tolerance_days", 0, 60),
        ("plan_grace_days", 0, 60),
        ("pay_by_days", 0, 120),
        ("pay_within", 0, 120),
        ("offset", 1, 3650),
        ("level", 1, 9),
    ],
)
def test_numbers_are_taken_to_both_ends_of_their_range(key: str, low: int, high: int) -> None:
    (found,) = re.findall(rf"\b{key}: \d+", FULL)
    for value in (low, high):
        policy = load(found, f"{key}: {value}")
        assert getattr(policy if hasattr(policy, key) else policy.steps[0], key) == value
    floor = {"offset": -365, "level": 0}.get(key, low)
    for wrong in (high + 1, floor - 1):
        assert (
            f"expected a whole number from {floor} to {high}, got {wrong}" in refusal(found, f"{key}: {wrong}").message
        )
    assert "got 'x'" in refusal(found, f"{key}: x").message


_NAMED = "a policy's name is made of small letters, digits, - and _ (at most 40)"


def test_the_earliest_step_lies_a_year_before_the_due_date() -> None:
    assert load("offset: 1, level: 1", "offset: -365, level: 0").steps[0].offset == -365


@pytest.mark.parametrize(
    ("old", "new", "says", "hint"),
    [
        ("policy: own", "policy: Own", _NAMED, ""),
        ("policy: own", f"policy: {'o' * 41}", _NAMED, ""),
        ("policy: own", 'policy: "own\\n"', _NAMED, ""),
        ("policy: own\n", "", "the key 'policy' is missing", ""),
        ("label: Ours", "lable: Ours", "there is no key 'lable'", "Known: policy, "),
        ("calendar: weekends", "calendar: XX", "there is no calendar 'XX'",
         "Known: company, CN, weekends; other days off are listed under days_off."),
        ("2027-01-04", "2027-13-04", "'2027-13-04' is not a calendar date", ""),
        ("{from: 2027-02-01, to: 2027-02-01}", "easter", "there is no festival 'easter'",
         "Known: spring_festival; or write {from: 2027-02-01, to: 2027-02-20}."),
        ("to: 2027-02-01", "to: 2027-01-31", "a quiet span must not end before it begins", ""),
        ("to: 2027-02-01", "to: 2027-03-18", "a quiet span has at most 45 days", ""),
        (", to: 2027-02-01", "", "the key 'to' is missing", ""),
        ("from: 2027-02-01, ", "", "the key 'from' is missing", ""),
        ("from: 2027-02-01, ", "from: 2027-02-01, until: x, ", "there is no key 'until'", "Known: from, to."),
        ("09:30-17:30", "9-17", 'write a window as "09:30-17:30"', ""),
        ("09:30-17:30", "09:30-24:30", 'write a window as "09:30-17:30"', ""),
        ("09:30-17:30", "17:30-17:30", "a window must begin before it ends", ""),
        ("{CNY: 1}", "{CNY: -1}", "a minimum is not negative", ""),
        ("{CNY: 1}", "{XXQ: 1}", "'XXQ' is not a currency code of ISO 4217", ""),
        ("id: L1", f"id: {'L' * 17}", "a step's id is made of letters, digits, - and _ (at most 16)", ""),
        ("id: L1", 'id: "L1\\n"', "a step's id is made of letters, digits, - and _ (at most 16)", ""),
        ("id: L1, ", "", "the key 'id' is missing", ""),
        ("offset: 1, ", "", "the key 'offset' is missing", ""),
        ("level: 1, ", "", "the key 'level' is missing", ""),
        ("channel: [email, wecom], ", "", "the key 'channel' is missing", ""),
        ("channel: [email, wecom]", "channel: []", "name each channel once, and at least one", ""),
        ("channel: [email, wecom]", "channel: [email, email]", "name each channel once, and at least one", ""),
        ("channel: [email, wecom]", "channel: pigeon", "there is no channel 'pigeon'",
         "Known: crm_task, crm_note, email, wecom, dingtalk, feishu."),
        ("offset: 1", "offset: 0", "a step on or before the due date has level 0: nothing is overdue yet", ""),
        ("tone: firm", "tone: rude", "there is no tone 'rude'",
         "Known: courtesy, notice, friendly, firm, formal, final."),
        ("template: formal", "template: poem", "there is no template 'poem'",
         "Known: courtesy, claim, formal."),
        ("offset: 1, level", "ofset: 1, offset: 1, level", "there is no key 'ofset'", "Known: id, offset, "),
    ],
)  # fmt: skip
def test_a_mistake_says_what_is_wrong_and_what_is_known(old: str, new: str, says: str, hint: str) -> None:
    refused = refusal(old, new)
    assert refused.message.partition(": ")[2] == says
    assert refused.hint == hint if hint.endswith(".") or not hint else refused.hint.startswith(hint)


def test_a_minimum_may_be_nought_or_the_smallest_unit() -> None:
    assert load("{CNY: 1}", '{CNY: 0, USD: "0.01", JPY: 0}').min_amount_minor == {"CNY": 0, "USD": 1, "JPY": 0}


def test_a_quiet_span_has_at_most_forty_five_days_with_both_its_ends() -> None:
    assert load("to: 2027-02-01", "to: 2027-03-17").quiet == (Span(date(2027, 2, 1), date(2027, 3, 17)),)


def test_steps_stand_in_the_order_of_their_offsets() -> None:
    second = "  - {id: L2, offset: 5, level: 1, channel: email}\n"
    assert [step.id for step in load(text=FULL + second).steps] == ["L1", "L2"]
    order = "step L2 must lie after L1: steps stand in the order of their offsets"
    assert refusal("offset: 5", "offset: 1", FULL + second).message.endswith(order)
    twice = refusal("id: L2", "id: L1", FULL + second)
    assert twice.message.endswith("step 'L1' stands twice")
    third = FULL.replace("level: 1", "level: 2") + second
    assert refusal("L2", "L3", third).message.endswith("step L3 must not have a lower level than L1")
    with pytest.raises(PolicyError, match=r"^own\.yaml:2: a policy needs at least one step$"):
        load_policy("policy: own\nsteps: []\n", "own.yaml")


def test_a_text_without_end_is_not_read() -> None:
    long = FULL + "#" * (SIZE_LIMIT - len(FULL))
    assert load_policy(long, "own.yaml").name == "own"
    with pytest.raises(PolicyError, match=r"own\.yaml: a policy has at most 64 KiB"):
        load_policy(long + "#", "own.yaml")
