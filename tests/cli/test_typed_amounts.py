"""Amounts of credit commands are read as those of the forms are: a decimal comma is refused, never guessed."""

from __future__ import annotations

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
