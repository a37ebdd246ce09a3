"""The words of a dunning message: templates in Chinese and English, rendered in a sandbox with a size cap.

Templates see plain values only. The sandbox refuses attributes, calls, arithmetic and all filters but a few, and the
text is cut off at a limit while it is made (reliability reference, section 7: filters alone can build gigabytes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mapping.reminder_text import ReminderView
from tieout.core.dates import days_overdue
from tieout.core.errors import ConfigError
from tieout.core.exact_json import digest
from tieout.core.money import format_minor

NAMES = ("courtesy", "claim", "formal")
LANGUAGES = ("zh-CN", "en")
OF_TONE = {
    "courtesy": "courtesy", "notice": "courtesy", "friendly": "claim", "firm": "claim", "formal": "formal",
    "final": "formal",
}  # fmt: skip
STARTS = (*NAMES, "task")  # what a text of one's own can start from; task: what our own people read
SOURCE_LIMIT, TEXT_LIMIT, MAX_LINES = 16_384, 32_768, 100
NAME_LIMIT, NUMBER_LIMIT = 200, 80  # characters of names and of document numbers; the rest is cut off
_FILTERS = ("length", "upper", "lower", "first", "last")
_OPERATORS = frozenset(["+", "-", "*", "/", "//", "%", "**"])


@dataclass(frozen=True, slots=True)
class Words:
    """A rendered message; `version` is a digest of the template it was made from."""

    subject: str
    text: str
    version: str


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = _OPERATORS

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        raise SecurityError(f"templates do not calculate ({operator})")

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return False

    def is_safe_callable(self, obj: Any) -> bool:
        return False


def environment() -> _Sandbox:
    """The template language as message texts have it."""
    env = _Sandbox(
        loader=DictLoader({}), undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    env.globals.clear()
    env.filters = {name: env.filters[name] for name in _FILTERS}
    env.tests = {name: env.tests[name] for name in ("defined", "none")}
    return env


@cache
def source_of(name: str, language: str) -> str:
    """The shipped template of a name and language."""
    if name not in STARTS or language not in LANGUAGES:
        raise ConfigError(f"there is no message template {name!r} in {language!r}", hint=f"Known: {', '.join(STARTS)}.")
    return (files("mapping") / "templates" / "dunning" / language / f"{name}.txt").read_text(encoding="utf-8")


def message_words(
    view: ReminderView, language: str, *, tone: str, template: str = "", pay_by: str = "", source: str = ""
) -> Words:
    """Subject and text of a message; the template is that of the step, else of its tone.

    Raises ConfigError for an unknown template, one that is too long, or one that the sandbox refuses.
    """
    name = template or OF_TONE.get(tone, "claim")
    text = source or source_of(name, language)
    return render(text, values_of(view, pay_by), origin=f"{language}/{name}")


def render(source: str, values: Mapping[str, Any], *, origin: str) -> Words:
    """Render a template whose first line is the subject."""
    if len(source) > SOURCE_LIMIT:
        raise ConfigError(f"template {origin} is longer than {SOURCE_LIMIT} characters")
    made: list[str] = []
    size = 0
    try:
        for piece in environment().from_string(source).generate(**values):
            made.append(piece)
            size += len(piece)
            if size > TEXT_LIMIT:
                raise ConfigError(f"template {origin} makes more than {TEXT_LIMIT} characters")
    except TemplateError as error:
        number = getattr(error, "lineno", None)
        line = f":{number}" if number else ""
        raise ConfigError(f"template {origin}{line} cannot be used: {error.message}") from None
    subject, _, text = "".join(made).partition("\n")
    if not subject.strip() or not text.strip():
        raise ConfigError(f"template {origin} needs a subject in its first line and a text below it")
    return Words(subject.strip()[:255], text.strip() + "\n", digest(source)[:12])


def values_of(view: ReminderView, pay_by: str) -> dict[str, Any]:
    """What a template can show: the same names for every message."""
    lines = sorted(view.lines, key=lambda line: (line.due_on, line.number))
    rows: Sequence[Mapping[str, Any]] = [
        {
            "number": _one_line(line.number, NUMBER_LIMIT),
            "due": line.due_on.isoformat(),
            "days": days_overdue(line.due_on, view.as_of),
            "amount": format_minor(line.amount_minor, view.currency),
        }
        for line in lines[:MAX_LINES]
    ]
    return {
        "customer": _one_line(view.customer_name, NAME_LIMIT),
        "company": _one_line(view.company_name, NAME_LIMIT),
        "amount": format_minor(view.amount_minor, view.currency),
        "count": len(lines),
        "lines": rows,
        "more": max(0, len(lines) - MAX_LINES),
        "pay_by": pay_by,
        "today": view.as_of.isoformat(),
        "step": view.step,
        "act_by": view.task_due_on.isoformat(),
    }


def _one_line(text: str, limit: int) -> str:
    return " ".join(text.split())[:limit]
