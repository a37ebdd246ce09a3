"""Amounts of credit commands are read as those of the forms are: a decimal comma is refused, never guessed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.cli.conftest import Run


@pytest.mark.parametrize(
    "arguments",
    [
        ("limit", "cus_1", "5000,50", "--currency", "EUR", "--reason", "x"),
        ("override", "cus_1", "ok", "--up-to", "5.000", "--currency", "EUR", "--until", "2026-12-20", "--reason", "x"),
    ],
)
def test_a_decimal_comma_orders_nothing(run: Run, service: Any, arguments: tuple[str, ...]) -> None:
    answer = run("credit", *arguments)
    assert answer.exit_code != 0
    assert "is not an amount in EUR. Write it with a decimal point, like 5000.50 or 5,000.50." in answer.stderr


def test_a_dispute_is_settled_in_part_in_its_own_currency(run: Run, service: Any) -> None:
    desk = type(service)()
    desk.is_open = True
    desk.answers["case"] = {"currency": "JPY"}
    service.dunning = desk
    given = ("--accepted", "1,500", "--root-cause", "two boxes", "--team", "logistics", "--pay-by", "2026-12-31")
    assert run("cases", "close", "dsp_1", "partial", *given).exit_code == 0
    name, (case, outcome, _), rest = desk.last
    assert (name, case, outcome, rest["accepted_minor"]) == ("close", "dsp_1", "partial", 1_500)
    assert rest["pay_by_on"] == date(2026, 12, 31)
    assert run("cases", "close", "dsp_1", "partial", "--accepted", "15.00").exit_code != 0
