"""A report before it is rendered: facts and tables of typed values, words in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from tieout.core.dates import iso_utc
from tieout.core.money import exponent, format_minor, is_currency, to_decimal

Words = tuple[str, str]  # English, Chinese
Kind = Literal["text", "date", "integer", "money", "percent"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key in the rows and its name. `money` holds minor units of the row's currency.

    `currency_key` names the column that holds the currency of a money column; `percent` holds thousandths.
    """

    key: str
    words: Words
    kind: Kind = "text"
    currency_key: str = "currency"
    width: int = 0  # in characters; 0 = by kind


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; `total_rows` at the end are sums and shown as such."""

    key: str
    words: Words
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    total_rows: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A report of a day as known at a point: the same arguments give the same report for ever."""

    name: str
    words: Words
    as_of: date
    known: str  # the point of knowledge as it can be asked for again
    known_at: datetime | None
    tables: Sequence[Table]
    facts: Sequence[tuple[Words, str]] = ()
    notes: Sequence[Words] = field(default=())
    is_valid: bool = True  # a reconciliation that does not add up is not

    def table(self, key: str = "") -> Table:
        """The table of a key; the first without one."""
        return next((one for one in self.tables if one.key == key), self.tables[0])


def say(words: Words, language: str) -> str:
    """The words in a language (`zh-CN`, else English)."""
    return words[1] if language == "zh-CN" else words[0]


def title(report: Report, language: str) -> str:
    """The heading of a report."""
    return say(report.words, language)


def about(report: Report, language: str) -> list[tuple[str, str]]:
    """What stands over every rendering: the day, the point of knowledge, and the report's own facts."""
    out = [
        (say(("As of", "截止日期"), language), report.as_of.isoformat()),
        (say(("Known at", "知悉点"), language), report.known),
    ]
    if report.known_at is not None:
        out.append((say(("Last commit", "最后记账"), language), iso_utc(report.known_at)[:19] + "Z"))
    return out + [(say(words, language), value) for words, value in report.facts]


def number(column: Column, row: Mapping[str, Any]) -> Decimal | int | None:
    """The value of a number column in major units; None where there is none."""
    value = row.get(column.key)
    if value is None or value == "":
        return None
    if column.kind == "money":
        currency = str(row.get(column.currency_key) or "")
        return to_decimal(int(value), currency) if is_currency(currency) else int(value)
    return Decimal(int(value)) / 1000 if column.kind == "percent" else int(value)


def places(column: Column, row: Mapping[str, Any]) -> int:
    """Decimal places of a money cell."""
    currency = str(row.get(column.currency_key) or "")
    return exponent(currency) if is_currency(currency) else 0


def text(column: Column, row: Mapping[str, Any]) -> str:
    """The value of a cell for people."""
    value = row.get(column.key)
    if value is None or value == "":
        return ""
    if column.kind == "money":
        currency = str(row.get(column.currency_key) or "")
        return format_minor(int(value), currency, code=False) if is_currency(currency) else str(value)
    if column.kind == "percent":
        return f"{Decimal(int(value)) / 10:.1f} %"
    return value.isoformat() if isinstance(value, date) else str(value)
