"""Policies as YAML: the shipped one, and the line of every mistake."""

from __future__ import annotations

from datetime import date

import pytest

from tieout.receivables.dunning.policy_file import PolicyError, load_policy, shipped_text

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
