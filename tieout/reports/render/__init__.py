"""Renderers: one report in, one file's bytes out; the same report gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tieout.core.errors import ConfigError
from tieout.reports.table import Report

FORMATS = ("json", "csv", "xlsx", "html", "pdf")
MEDIA: Mapping[str, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}


def render(report: Report, form: str, language: str, *, table: str = "") -> bytes:
    """The bytes of a report in a format; `table` chooses the table of a CSV. An unknown format raises ConfigError."""
    return _renderer(form)(report, language, table)


def _renderer(form: str) -> Callable[[Report, str, str], bytes]:
    # Imported when needed: the libraries behind some formats are heavy and most processes never render.
    if form == "json":
        from tieout.reports.render.plain import to_json

        return to_json
    if form == "csv":
        from tieout.reports.render.plain import to_csv

        return to_csv
    if form == "xlsx":
        from tieout.reports.render.xlsx import to_xlsx

        return to_xlsx
    if form == "html":
        from tieout.reports.render.html import to_html

        return to_html
    if form == "pdf":
        from tieout.reports.render.pdf import to_pdf

        return to_pdf
    raise ConfigError(f"there is no format {form!r}.", hint=f"There is: {', '.join(FORMATS)}.", code="usage")
