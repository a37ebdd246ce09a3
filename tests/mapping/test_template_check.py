"""Message texts of users: what cannot be sent is refused when it is saved, with its line."""

from __future__ import annotations

import pytest

from mapping.message_words import LANGUAGES, STARTS, TEXT_LIMIT, source_of
from mapping.template_check import check_template
from tieout.core.errors import ConfigError

HEAD = "Reminder {{ amount }}\n"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", STARTS)
def test_every_shipped_text_is_one_a_user_may_start_from(name: str, language: str) -> None:
    check_template(source_of(name, language), name, limit=30_000)


@pytest.mark.parametrize(
    "body",
    [
        "{{ customer | upper }} {{ lines | length }} {{ pay_by or today }}",
        "{% for line in lines %}{% if line.days > 30 %}!{% elif line.days == 0 %}?{% endif %}{% endfor %}",
        "{{ 'x' ~ count }}{{ 'many' if more > 0 else 'few' }} {% if not pay_by and count != 1 %}a{% endif %}",
        "{% for row in lines if row.days > 0 %}{{ row['due'] }}{% endfor %}.",
    ],
)
def test_values_choices_and_one_loop_are_fine(body: str) -> None:
    check_template(HEAD + body + "\nend", "mine", limit=TEXT_LIMIT)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("{{ custmer }}", "no variable 'custmer'"),
        ("{{ customer.__class__ }}", "no field '__class__'"),
        ("{% for line in lines %}{{ line.tax }}{% endfor %}", "no field 'tax'"),
        ("{% for line in lines %}{{ line }}{% endfor %}", "cannot be shown"),
        ("{{ lines }}", "cannot be shown"),
        ("{{ ''.join(['a']) }}", "a call"),
        ("{{ 'a' * 1000000000 }}", "arithmetic"),
        ("{{ -count }}", "arithmetic"),
        ("{{ customer | attr('upper') }}", "no filter 'attr'"),
        ("{{ lines | upper }}", "does not fit"),
        ("{{ customer[0:2] }}", "no field"),
        ("{% for x in range(10) %}x{% endfor %}", "a call"),
        ("{% for x in customer %}x{% endfor %}", "only `lines`"),
        ("{% for a in lines %}{% for b in lines %}x{% endfor %}{% endfor %}", "inside a loop"),
        ("{% for lines in lines %}x{% endfor %}", "name of its own"),
        ("{% for line in lines %}{{ loop.index }}{% endfor %}", "no variable 'loop'"),
        ("{% if count > pay_by %}x{% endif %}", "compared"),
        ("{% if customer == 'only this one' %}{{ amount > 3 }}{% endif %}", "compared"),
        ("{% if customer in lines %}x{% endif %}", "compared"),
        ("{% set x = 1 %}", "set"),
        ("{% macro m() %}{% endmacro %}", "macro"),
        ("{% include 'other' %}", "include"),
        ("{% import 'os' as os %}", "import"),
        ("{% extends 'x' %}", "extends"),
        ("{% for x in lines %}", "Unexpected end"),
        ("{{ customer | format('%999999999d') }}", "filter"),
        ("{{ {'a': 1} }}", "a mapping"),
    ],
)
def test_everything_else_is_refused_with_its_line(body: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refused:
        check_template(HEAD + "first\n" + body + "\nend", "mine", limit=TEXT_LIMIT)
    assert refused.value.message.startswith("mine:3:") or "end of template" in refused.value.message


def test_a_text_that_a_long_message_or_a_missing_day_would_break_is_refused() -> None:
    with pytest.raises(ConfigError, match="101 items would have"):
        check_template(HEAD + "{% for line in lines %}{{ line.number }}\n{% endfor %}", "mine", limit=5_000)
    with pytest.raises(ConfigError, match="more than"):
        check_template(HEAD + "{% for line in lines %}" + "x" * 1000 + "{% endfor %}", "mine", limit=TEXT_LIMIT)
    with pytest.raises(ConfigError, match="needs a subject"):
        check_template("{% if pay_by %}Pay{% endif %}\n\ntext", "mine", limit=TEXT_LIMIT)
    with pytest.raises(ConfigError, match="longer than"):
        check_template(HEAD + "x" * 20_000, "mine", limit=TEXT_LIMIT)
    check_template(HEAD + "{{ customer }} {{ pay_by }}", "mine", limit=TEXT_LIMIT)
