"""Results for people and machines: tables or JSON on standard output, progress and errors on standard error."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tieout.cli.texts import label, system_language, text
from tieout.core import exact_json
from tieout.core.error_words import line
from tieout.core.errors import TieoutError
from tieout.core.money import format_minor, is_currency

OK, FAILED, USAGE, MOVED_ON = 0, 1, 2, 3
WIDE = 240  # columns of a table that goes into a file or pipe: nothing is cut


class Out:
    """Prints one command's result; `exit_code` says how it went."""

    def __init__(self, *, as_json: bool, language: str | None = None) -> None:
        self.as_json = as_json
        self.language = language or system_language()
        self.console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, soft_wrap=False)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, key: str, **values: object) -> None:
        """A sentence for people; silent in JSON mode."""
        if not self.as_json:
            self.console.print(escape(text(self.language, key, **values)), soft_wrap=True)
            self.console.file.flush()

    def line(self, words: str) -> None:
        """A line that needs no translation; silent in JSON mode."""
        if not self.as_json:
            self.console.print(escape(words), soft_wrap=True)
            self.console.file.flush()

    def result(self, value: Any) -> Any:
        """Print a result object, list or mapping; returns its plain form."""
        plain = plain_of(value)
        if self.as_json:
            sys.stdout.write(exact_json.dumps(plain).decode() + "\n")
            sys.stdout.flush()
        else:
            self._show(plain)
        return plain

    def error(self, error: TieoutError) -> None:
        """One clear line and what to do in the reader's language; as JSON the words stay English, for machines."""
        if self.as_json:
            body = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
            sys.stdout.write(exact_json.dumps(body).decode() + "\n")
        else:
            told = line(self.language, error.message, error.hint)
            self.err.print(f"[bold red]{text(self.language, 'error')}:[/] {escape(one_line(told))}")

    def _show(self, plain: Any) -> None:
        if isinstance(plain, Mapping):
            self._show_mapping(plain)
        elif isinstance(plain, list):
            self._show_list("", plain)
        else:
            self.line(str(plain))

    def _show_mapping(self, plain: Mapping[str, Any]) -> None:
        simple = {key: value for key, value in plain.items() if not _is_nested(value)}
        if simple:
            table = Table(box=None, show_header=False, pad_edge=False)
            for key, value in simple.items():
                table.add_row(f"[bold]{escape(label(self.language, key))}[/]", escape(cell(key, value, plain)))
            self.console.print(table)
        for key, value in plain.items():
            if not _is_nested(value):
                continue
            title = label(self.language, key)
            if isinstance(value, Mapping) and not all(isinstance(item, Mapping | list) for item in value.values()):
                self.console.print(f"\n[bold]{escape(title)}[/]")
                self._show_mapping(value)
            else:
                self._show_list(title, value if isinstance(value, list) else _rows_of(value))

    def _show_list(self, title: str, rows: Sequence[Any]) -> None:
        if title:
            self.console.print(f"\n[bold]{escape(title)}[/]")
        if not rows:
            self.say("nothing")
            return
        if not all(isinstance(row, Mapping) for row in rows):
            for row in rows:
                self.line(f"  {row if not isinstance(row, Mapping) else cell('', row, {})}")
            return
        columns = [
            key for key in dict.fromkeys(key for row in rows for key in row) if any(row.get(key) for row in rows)
        ]
        inner = [key for key in columns if any(_is_nested(row.get(key)) for row in rows)]
        amounts = {key for key in columns if key.endswith("_minor")}
        if amounts and "currency" in columns and all(isinstance(row.get("currency"), str) for row in rows):
            columns.remove("currency")
        table = Table(box=box.SIMPLE_HEAD if self.console.is_terminal else None, pad_edge=False)
        shown = [key for key in columns if key not in inner]
        for key in shown:
            number = key in amounts or all(type(row.get(key)) is int for row in rows)
            table.add_column(escape(label(self.language, key)), justify="right" if number else "left")
        for row in rows:
            table.add_row(*(escape(cell(key, row.get(key), row)) for key in shown))
        self.console.print(table)
        for key in inner:
            self._show_list(label(self.language, key), _children(rows, key))


def plain_of(value: Any) -> Any:
    """Dataclasses, views with `as_dict()`, enums and paths as plain JSON values; instants and Decimals are kept."""
    if hasattr(value, "as_dict"):
        return plain_of(value.as_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain_of(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain_of(item) for key, item in value.items()}
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, Sequence | set | frozenset):
        return [plain_of(item) for item in value]
    return value


def cell(key: str, value: Any, row: Mapping[str, Any]) -> str:
    """One value for people: minor units become amounts of the row's currency, or of each currency of a mapping."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_minor") and type(value) is int and is_currency(str(row.get("currency", ""))):
        return format_minor(value, str(row["currency"]))
    if isinstance(value, Mapping):
        if value and all(is_currency(str(name)) and type(item) is int for name, item in value.items()):
            return "; ".join(format_minor(item, str(name)) for name, item in value.items())
        return "; ".join(f"{name}={cell(str(name), item, value)}" for name, item in value.items())
    if isinstance(value, list):
        return "; ".join(cell("", item, {}) for item in value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | Decimal | int):
        return str(value)
    return one_line(str(value))


def one_line(words: str) -> str:
    """The text without line breaks."""
    return " ".join(words.split())


def exit_code(plain: Any) -> int:
    """How a result went: 3 when rows moved on, 1 when it says that something is wrong, else 0.

    Wrong is: `ok` or `is_valid` false; `breaches`, `differences` or `errors` not empty; a finding of level error; any
    of these in a list further down. A result that carries its own `exit_code` is believed.
    """
    if isinstance(plain, Mapping):
        if type(plain.get("exit_code")) is int:
            return int(plain["exit_code"])
        if any(plain.get(key) is False for key in ("ok", "valid", "is_valid", "clean")):
            return FAILED
        if any(plain.get(key) for key in ("breaches", "differences", "errors")):
            return FAILED
        if plain.get("level") == "error":
            return FAILED
        if any(exit_code(item) == FAILED for item in plain.values() if isinstance(item, list)):
            return FAILED
        return MOVED_ON if plain.get("moved_on") else OK
    if isinstance(plain, list):
        return FAILED if any(exit_code(item) == FAILED for item in plain) else OK
    return OK


def _is_nested(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and any(isinstance(item, Mapping) for item in value)
    return isinstance(value, Mapping) and any(isinstance(item, Mapping | list) for item in value.values())


def _rows_of(value: Mapping[str, Any]) -> list[Any]:
    """A mapping of lists or mappings as rows that carry their key."""
    rows: list[Any] = []
    for key, item in value.items():
        for part in item if isinstance(item, list) else [item]:
            rows.append({"name": key, **part} if isinstance(part, Mapping) else {"name": key, "value": part})
    return rows


def _children(rows: Sequence[Mapping[str, Any]], key: str) -> list[Any]:
    """The inner rows of one column, each with what names its outer row."""
    out: list[Any] = []
    for row in rows:
        named = {name: row[name] for name in ("connection", "name", "id") if row.get(name)}
        first = dict(list(named.items())[:1])
        value = row.get(key)
        for part in value if isinstance(value, list) else [] if value is None else [value]:
            out.append({**first, **part} if isinstance(part, Mapping) else {**first, key: part})
    return out
