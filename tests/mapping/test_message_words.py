"""The words of messages: both languages, and a sandbox that plain values cannot be talked out of."""

from __future__ import annotations

from datetime import date

import pytest

from mapping.message_words import LANGUAGES, NAMES, OF_TONE, message_words, render
from mapping.reminder_text import ReminderLine, ReminderView
from tieout.core.errors import ConfigError
from tieout.receivables.dunning.policy import TONES

VIEW = ReminderView(
    key="k",
    customer_name="{{ 7*7 }} & Co",
    company_name="示例科技有限公司",
    currency="CNY",
    amount_minor=150_00,
    step="L1",
    lines=[ReminderLine("INV-1", date(2026, 3, 31), 100_00), ReminderLine("INV-2", date(2026, 4, 10), 50_00)],
    as_of=date(2026, 4, 7),
    task_due_on=date(2026, 4, 10),
    parent_module="",
    parent_id="",
)


def test_a_claim_in_both_languages() -> None:
    english = message_words(VIEW, "en", tone="firm", pay_by="2026-04-21")
    assert english.subject == "Payment reminder: 150.00 CNY overdue"
    assert "- INV-1: due 2026-03-31, 100.00 CNY, 7 days overdue\n" in english.text
    assert "- INV-2: due 2026-04-10, 50.00 CNY\n" in english.text
    assert "Please pay by 2026-04-21." in english.text
    assert "{{ 7*7 }} & Co" in english.text, "values are never templates"
    chinese = message_words(VIEW, "zh-CN", tone="firm")
    assert chinese.subject == "催款提醒：逾期 150.00 CNY"
    assert "逾期 7 天" in chinese.text
    assert chinese.version != english.version


def test_every_tone_has_a_template_and_every_template_renders() -> None:
    assert set(OF_TONE) == set(TONES)
    for language in LANGUAGES:
        for name in NAMES:
            assert "150.00" in message_words(VIEW, language, tone="", template=name).text


@pytest.mark.parametrize(
    "attack",
    [
        "{{ customer.__class__ }}",
        "{{ ''.join(['a']) }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 10 ** 100000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ customer | attr('upper') }}",
        "{% for x in range(1000000000) %}x{% endfor %}",
        "{{ cycler }}",
        "{{ nothing }}",
        "{% include 'other' %}",
        "{% for x in lines %}",
    ],
)
def test_a_template_can_only_show_values(attack: str) -> None:
    values = {"customer": "c", "lines": [1]}
    with pytest.raises(ConfigError, match="cannot be used"):
        render(f"Subject\n{attack}\n", values, origin="own")


def test_size_is_capped_while_the_text_is_made() -> None:
    rows = {"lines": ["x" * 1000] * 100}
    with pytest.raises(ConfigError, match="more than"):
        render("S\n{% for a in lines %}{% for b in lines %}{{ b }}{% endfor %}{% endfor %}", rows, origin="own")
    with pytest.raises(ConfigError, match="longer than"):
        render("S\n" + "x" * 20_000, {}, origin="own")
    with pytest.raises(ConfigError, match="subject"):
        render("only a subject", {}, origin="own")
