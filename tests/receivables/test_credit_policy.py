"""Credit thresholds as people order them: what is taken, what is refused with words, and the version made of them."""

from __future__ import annotations

from typing import Any

import pytest

from tieout.core.errors import TieoutError
from tieout.receivables.credit import CreditPolicy
from tieout.receivables.credit_policy import PolicyError, policy_of

RANGES = {
    "hold_above_percent": (1, 1000),
    "release_at_percent": (1, 1000),
    "watch_above_percent": (1, 1000),
    "hold_days": (1, 3650),
    "min_days_on_hold": (0, 365),
    "max_broken_promises": (1, 1000),
}
# What else has to be ordered so that a threshold at its end of the range agrees with the others.
BESIDE: dict[str, dict[str, int]] = {
    "hold_above_percent": {"release_at_percent": 1},
    "release_at_percent": {"hold_above_percent": 1000},
    "watch_above_percent": {"hold_above_percent": 1000},
}


def test_nothing_ordered_is_the_shipped_policy_under_its_own_version() -> None:
    assert policy_of({}) == CreditPolicy()
    assert policy_of({"hold_days": 30, "watch_above_percent": None}).version == "1"


@pytest.mark.parametrize("name", RANGES)
def test_each_threshold_is_taken_to_both_ends_of_its_range_and_not_beyond(name: str) -> None:
    low, high = RANGES[name]
    for value in (low, high):
        assert getattr(policy_of({**BESIDE.get(name, {}), name: value}), name) == value
    for wrong in (low - 1, high + 1, True, "5", 5.0, *([] if name == "watch_above_percent" else [None])):
        with pytest.raises(PolicyError) as refused:
            policy_of({name: wrong})
        assert refused.value.message == f"{name} must be a whole number from {low} to {high}, not {wrong!r}"


def test_an_unknown_threshold_is_named_with_those_there_are() -> None:
    for name in ("hold_day", "version"):
        with pytest.raises(PolicyError, match=f"there is no threshold '{name}'") as refused:
            policy_of({name: 1})
        assert refused.value.hint == (
            "Thresholds: hold_above_percent, hold_days, max_broken_promises, min_days_on_hold, min_overdue_minor, "
            "release_at_percent, watch_above_percent."
        )
        assert (isinstance(refused.value, TieoutError), refused.value.code) == (True, "credit_policy")


def test_thresholds_that_contradict_each_other_say_which_to_lower() -> None:
    with pytest.raises(PolicyError) as late:
        policy_of({"hold_above_percent": 89})
    assert late.value.message == "a hold would end above the level at which it begins"
    assert late.value.hint == "Lower release_at_percent."
    assert policy_of({"hold_above_percent": 90}).release_at_percent == 90
    with pytest.raises(PolicyError) as after:
        policy_of({"watch_above_percent": 101})
    assert after.value.message == "the warning would come after the hold"
    assert after.value.hint == "Lower watch_above_percent."
    assert policy_of({"watch_above_percent": 100}).watch_above_percent == 100


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "min_overdue_minor is a table: currency and minor units"),
        ({"CNY": -1}, "min_overdue_minor of CNY must be minor units, not -1"),
        ({"CNY": 10**15 + 1}, f"min_overdue_minor of CNY must be minor units, not {10**15 + 1}"),
        ({"CNY": 1, "USD": True}, "min_overdue_minor of USD must be minor units, not True"),
        ({"CNY": "1"}, "min_overdue_minor of CNY must be minor units, not '1'"),
    ],
)
def test_minimums_are_minor_units_per_currency(value: Any, words: str) -> None:
    with pytest.raises(PolicyError) as refused:
        policy_of({"min_overdue_minor": value})
    assert refused.value.message == words


def test_minimums_of_a_currency_that_does_not_exist_are_refused_and_nought_is_one() -> None:
    with pytest.raises(TieoutError, match="XQQ"):
        policy_of({"min_overdue_minor": {"XQQ": 1}})
    assert policy_of({"min_overdue_minor": {"CNY": 0, "USD": 10**15}}).min_overdue_minor == {"CNY": 0, "USD": 10**15}


def test_the_version_follows_from_what_is_in_force_however_it_was_ordered() -> None:
    first = policy_of({"hold_days": 45})
    assert (first.hold_days, len(first.version)) == (45, 12)
    assert policy_of({"hold_days": 45, "hold_above_percent": 100}) == first
    assert first.version == "1e0e114a5109"  # it stands in stored decisions: the same thresholds keep their name
    assert policy_of({"hold_days": 46}).version not in {first.version, "1", ""}
