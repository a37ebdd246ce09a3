"""Credit reasons in words."""

import re
from pathlib import Path

import pytest

import tieout.receivables.credit as credit
from mapping.credit_words import _WORDS, credit_words

OVERDUE = {"code": "overdue", "params": {"oldest_due_on": "2026-10-01", "overdue_minor": {"USD": 100, "CNY": 11200000}}}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "overdue: 112,000.00 CNY, 1.00 USD (oldest due 2026-10-01)"),
        ("zh-CN", "逾期：112,000.00 CNY, 1.00 USD（最早到期日 2026-10-01）"),
    ],
)
def test_amounts_are_shown_exactly_with_their_currency(language: str, text: str) -> None:
    assert credit_words(OVERDUE, "CNY", language) == text


def test_limit_reasons_use_the_currency_that_credit_is_judged_in() -> None:
    reason = {"code": "over_limit", "params": {"exposure_minor": 51000, "limit_minor": 50000}}
    assert credit_words(reason, "JPY", "en") == "exposure 51,000 JPY is over the limit 50,000 JPY"


def test_every_code_of_the_credit_rules_has_words_in_both_languages() -> None:
    codes = set(re.findall(r'Reason\("(\w+)"', Path(credit.__file__).read_text(encoding="utf-8")))
    assert codes
    assert codes <= _WORDS["en"].keys()
    assert _WORDS["en"].keys() == _WORDS["zh-CN"].keys()
