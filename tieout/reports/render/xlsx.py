"""XLSX: numbers as numbers, text as text and never a formula, frozen headers, filters, one sheet a table."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import xlsxwriter

from tieout.reports.table import Column, Report, Table, about, number, places, say, text, title

_WIDTHS = {"text": 22, "date": 12, "integer": 9, "money": 16, "percent": 9}
_MOST_DIGITS = 15  # a spreadsheet keeps fifteen digits; a longer amount is written as text, whole
_LONGEST = 32_767  # characters of one cell


class _Sheets:
    def __init__(self, report: Report, language: str) -> None:
        self._report, self._language = report, language
        self._file = io.BytesIO()
        # Everything in memory and dated by the report: the same report gives the same bytes.
        self._book = xlsxwriter.Workbook(
            self._file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        made = report.known_at or datetime(report.as_of.year, report.as_of.month, report.as_of.day, tzinfo=UTC)
        self._book.set_properties(
            {"title": title(report, language), "author": "Tieout", "created": made.replace(tzinfo=None, microsecond=0)}
        )
        self._formats: dict[tuple[str, bool], Any] = {}
        self._names: set[str] = set()

    def make(self) -> bytes:
        for table in self._report.tables:
            self._table(table)
        self._about()
        self._book.close()
        return self._file.getvalue()

    def _about(self) -> None:
        sheet = self._book.add_worksheet(self._name(say(("About", "说明"), self._language)))
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 80)
        sheet.write_string(0, 0, title(self._report, self._language), self._format("@", bold=True))
        lines = [*about(self._report, self._language)]
        lines += [(say(("Note", "备注"), self._language), say(note, self._language)) for note in self._report.notes]
        for line, (name, value) in enumerate(lines, 2):
            sheet.write_string(line, 0, name)
            sheet.write_string(line, 1, value[:_LONGEST])

    def _table(self, table: Table) -> None:
        sheet = self._book.add_worksheet(self._name(say(table.words, self._language)))
        head = self._book.add_format(
            {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "text_wrap": True, "valign": "top"}
        )
        for at, column in enumerate(table.columns):
            sheet.set_column(at, at, column.width or _WIDTHS[column.kind])
            sheet.write_string(0, at, say(column.words, self._language), head)
        sheet.freeze_panes(1, 1)
        for line, row in enumerate(table.rows, 1):
            self._row(sheet, line, table.columns, row, is_total=False)
        for line, row in enumerate(table.total_rows, len(table.rows) + 1):
            self._row(sheet, line, table.columns, row, is_total=True)
        if table.rows:
            sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)

    def _row(self, sheet: Any, line: int, columns: Sequence[Column], row: Mapping[str, Any], *, is_total: bool) -> None:
        for at, column in enumerate(columns):
            value = row.get(column.key)
            if value is None or value == "":
                continue
            if column.kind in ("money", "integer", "percent"):
                amount = number(column, row)
                if amount is None or len(str(amount).strip("-").replace(".", "")) > _MOST_DIGITS:
                    sheet.write_string(line, at, text(column, row), self._format("@", bold=is_total))
                    continue
                sheet.write_number(line, at, amount, self._format(_pattern(column, row), bold=is_total))
            elif column.kind == "date" and isinstance(value, date):
                sheet.write_datetime(line, at, value, self._format("yyyy-mm-dd", bold=is_total))
            else:
                sheet.write_string(line, at, text(column, row)[:_LONGEST], self._format("@", bold=is_total))

    def _format(self, pattern: str, *, bold: bool) -> Any:
        key = (pattern, bold)
        if key not in self._formats:
            look = {"num_format": pattern, **({"bold": True, "top": 1} if bold else {})}
            self._formats[key] = self._book.add_format(look)
        return self._formats[key]

    def _name(self, words: str) -> str:
        """A sheet name that Excel takes: at most 31 characters, none of []:*?/\\, each once."""
        base = re.sub(r"[\[\]:*?/\\']", " ", words).strip()[:31] or "Sheet"
        name, count = base, 1
        while name.lower() in self._names:
            count += 1
            name = f"{base[:28]} {count}"
        self._names.add(name.lower())
        return name


def _pattern(column: Column, row: Mapping[str, Any]) -> str:
    if column.kind == "percent":
        return "0.0%"
    if column.kind == "integer":
        return "#,##0"
    decimals = places(column, row)
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def to_xlsx(report: Report, language: str, table: str = "") -> bytes:
    """The workbook of a report."""
    return _Sheets(report, language).make()
