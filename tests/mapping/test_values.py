"""One raw value to one of ours: amounts are exact, nothing is guessed, and what is refused is named by its path."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mapping import values
from tieout.core.errors import MappingError


def refusal(call: Callable[[], object]) -> tuple[str, str, str]:
    with pytest.raises(MappingError) as refused:
        call()
    return refused.value.message, refused.value.path, str(refused.value.code)


@pytest.mark.parametrize(
    ("value", "empty"),
    [
        (None, True),
        ("", True),
        (" \t", True),
        ([], True),
        ("x", False),
        (0, False),
        (False, False),
        ({}, False),
        ([None], False),
    ],
)
def test_a_source_says_nothing_with_null_blank_text_and_an_empty_list(value: Any, empty: bool) -> None:
    assert values.is_empty(value) is empty


def test_text_is_trimmed_whole_numbers_are_their_digits_and_truth_is_no_text() -> None:
    assert [values.text(one, "A") for one in (" x ", 7, -7, "a\x00b")] == ["x", "7", "-7", "a␀b"]
    assert [values.key_text(one, "A") for one in (True, False, " x ", 0)] == ["true", "false", "x", "0"]
    for bad in (True, Decimal("1.5"), None, ["x"]):
        assert refusal(lambda bad=bad: values.text(bad, "A.B")) == (f"A.B is not text: {bad!r}", "A.B", "not_text")
    assert refusal(lambda: values.key_text(None, "A"))[2] == "not_text"


@pytest.mark.parametrize(("length", "shown"), [(58, "'" + "x" * 58 + "'"), (59, "'" + "x" * 56 + "...")])
def test_a_long_value_is_shown_by_its_beginning(length: int, shown: str) -> None:
    message, *_ = refusal(lambda: values.truth("x" * length, "A"))
    assert message == f"A is not true or false: {shown}"


@pytest.mark.parametrize(
    ("value", "currency", "text_allowed", "minor"),
    [
        (Decimal("12345678901234567.89"), "CNY", False, 1234567890123456789),
        (Decimal("1.100"), "CNY", False, 110),
        (7, "JPY", False, 7),
        (Decimal("-0.001"), "KWD", False, -1),
        (" 1.10 ", "CNY", True, 110),
        (Decimal("1.10"), "CNY", True, 110),
        ("-1e2", "CNY", True, -10000),
    ],
)
def test_an_amount_is_exact(value: Any, currency: str, text_allowed: bool, minor: int) -> None:
    assert values.minor(value, currency, "A", text_allowed=text_allowed) == minor


@pytest.mark.parametrize(
    ("value", "text_allowed"),
    [
        ("1.10", False),
        ("1,10", True),
        ("NaN", True),
        ("Infinity", True),
        ("", True),
        (True, False),
        (True, True),
        (None, True),
        ([1], True),
        (1.5, False),
    ],
)
def test_what_is_no_amount_is_refused(value: Any, text_allowed: bool) -> None:
    assert refusal(lambda: values.minor(value, "CNY", "A", text_allowed=text_allowed)) == (
        f"A is not an amount: {value!r}", "A", "not_amount"
    )  # fmt: skip


def test_an_amount_its_currency_cannot_hold_is_refused_with_its_path() -> None:
    assert refusal(lambda: values.minor(Decimal("1.005"), "CNY", "A", text_allowed=False)) == (
        "A: amount 1.005 has more than 2 decimal places for CNY", "A", "too_precise"
    )  # fmt: skip
    assert refusal(lambda: values.minor(Decimal("1e30"), "CNY", "A", text_allowed=False))[1:] == ("A", "too_large")
    assert refusal(lambda: values.currency(" RMB ", "A")) == ("A: unknown currency 'RMB'", "A", "unknown_currency")
    assert values.currency(" CNY ", "A") == "CNY"


def test_a_rate_is_positive_and_as_stated_but_for_zeros_at_the_end() -> None:
    for value, text in (
        (Decimal("7.1200"), "7.12"),
        (100, "100"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("0.5"), "0.5"),
    ):
        assert values.rate(value, "A", text_allowed=False) == text
    assert values.rate(" 7.10 ", "A", text_allowed=True) == "7.1"
    for bad in (0, Decimal("-0.1")):
        assert refusal(lambda bad=bad: values.rate(bad, "A", text_allowed=False)) == (
            f"A: {bad!r} is no exchange rate", "A", "not_rate"
        )  # fmt: skip
    assert refusal(lambda: values.rate("7.1", "A", text_allowed=False))[2] == "not_amount"


@pytest.mark.parametrize(
    ("text", "stamp", "day"),
    [
        ("2026-11-01", False, date(2026, 11, 1)),
        (" 2026-11-01 00:00:00 ", False, date(2026, 11, 1)),
        ("2026-11-01", True, date(2026, 11, 1)),
        ("2026-11-01 23:59", True, date(2026, 11, 1)),
        ("2026-11-01T23:59:59.999", True, date(2026, 11, 1)),
        ("2026-10-31T15:59:59Z", True, date(2026, 10, 31)),
        ("2026-10-31T16:00:00Z", True, date(2026, 11, 1)),
        ("2026-11-01T00:00:00+00:00", True, date(2026, 11, 1)),
    ],
)
def test_a_day_is_the_day_of_the_business(text: str, stamp: bool, day: date) -> None:
    assert values.day(text, "A", zone_name="Asia/Shanghai", stamp=stamp) == day


@pytest.mark.parametrize(
    ("text", "stamp", "words"),
    [
        ("2026-11-01 08:00:00", False, "A: '2026-11-01 08:00:00' is not a calendar date (yyyy-mm-dd)"),
        ("2026-02-30 08:00", True, "A: '2026-02-30' is not a calendar date"),
        ("2026/11/01", True, "A: '2026/11/01' is not a calendar date (yyyy-mm-dd)"),
        ("2026-11-01 soon", True, "A: '2026-11-01 soon' is not an ISO 8601 instant"),
    ],
)
def test_what_is_no_day_is_refused(text: str, stamp: bool, words: str) -> None:
    assert refusal(lambda: values.day(text, "A", zone_name="Asia/Shanghai", stamp=stamp)) == (words, "A", "not_date")


def test_truth_is_only_true_and_false() -> None:
    assert [values.truth(one, "A") for one in (True, False)] == [True, False]
    for bad in (1, "true", None):
        assert refusal(lambda bad=bad: values.truth(bad, "A")) == (
            f"A is not true or false: {bad!r}",
            "A",
            "not_boolean",
        )


def test_an_owner_has_what_is_said_of_name_id_and_mail() -> None:
    assert values.owner({"id": 7, "name": " Li ", "email": "", "phone": "x"}, "A") == {"id": "7", "name": "Li"}
    assert values.owner({"email": "li@example.com", "name": None}, "A") == {"email": "li@example.com"}
    assert refusal(lambda: values.owner("Li", "A")) == ("A is not an owner: 'Li'", "A", "not_owner")
    assert refusal(lambda: values.owner({"name": ["Li"]}, "A")) == ("A.name is not text: ['Li']", "A.name", "not_text")
