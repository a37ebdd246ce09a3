"""JSON and CSV: exact values for machines, guarded text for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import msgspec

from tieout.core import exact_json
from tieout.core.dates import iso_utc
from tieout.reports.table import Column, Report, about, number, say, text, title

# A spreadsheet takes a text that begins with one of these for a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def to_json(report: Report, language: str, table: str = "") -> bytes:
    """The report with amounts in minor units; names of columns in the language."""
    body = {
        "report": report.name,
        "title": title(report, language),
        "as_of": report.as_of.isoformat(),
        "known": report.known,
        "known_at": iso_utc(report.known_at) if report.known_at else None,
        "facts": dict(about(report, language)),
        "notes": [say(words, language) for words in report.notes],
        "tables": [
            {
                "key": one.key,
                "title": say(one.words, language),
                "columns": [{"key": c.key, "name": say(c.words, language), "kind": c.kind} for c in one.columns],
                "rows": [_plain(row) for row in one.rows],
                "totals": [_plain(row) for row in one.total_rows],
            }
            for one in report.tables
        ],
    }
    return msgspec.json.format(exact_json.dumps(body), indent=2) + b"\n"


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in row.items()}


def to_csv(report: Report, language: str, table: str = "") -> bytes:
    """One table as CSV with a byte order mark, so that Excel reads Chinese; numbers without separators."""
    chosen = report.table(table)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([guarded(say(column.words, language)) for column in chosen.columns])
    for row in (*chosen.rows, *chosen.total_rows):
        writer.writerow([_cell(column, row) for column in chosen.columns])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cell(column: Column, row: Mapping[str, Any]) -> str:
    if column.kind in ("money", "integer", "percent"):
        value = number(column, row)
        return "" if value is None else f"{value:f}" if column.kind != "integer" else str(value)
    return guarded(text(column, row))


def guarded(value: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(_FORMULA) else value
