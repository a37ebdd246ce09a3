"""Renderings: numbers are numbers, text is never a formula, and the same report gives the same bytes."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import get_args

import openpyxl
import pypdfium2
import pytest

from tieout.core import config_values, exact_json
from tieout.core.errors import ConfigError
from tieout.reports.made.catalog import REPORTS
from tieout.reports.render import FORMATS, render
from tieout.reports.table import Column, Report, Table

EVIL = '=cmd|"/c calc"!A1'
ROWS = [
    {"name": EVIL, "on": date(2026, 11, 1), "n": 3, "currency": "CNY", "amount": 123456789},
    {"name": "+86 示例 <b>科技</b>", "on": None, "n": None, "currency": "JPY", "amount": -1200},
    {"name": "KWD & Söhne", "on": date(2026, 1, 31), "n": 0, "currency": "KWD", "amount": 1005},
    {"name": "many digits", "on": None, "n": 1, "currency": "CNY", "amount": 12345678901234567890},
]
COLUMNS = [
    Column("name", ("Name", "名称")),
    Column("on", ("Date", "日期"), "date"),
    Column("n", ("Count", "数量"), "integer"),
    Column("currency", ("Currency", "币种")),
    Column("amount", ("Amount", "金额"), "money"),
]
REPORT = Report(
    "example",
    ("An example", "示例报告"),
    date(2026, 11, 24),
    "12.345",
    datetime(2026, 11, 24, 2, 0, tzinfo=UTC),
    (
        Table("rows", ("Rows: a/b", "明细：甲/乙"), COLUMNS, ROWS, [{"name": "Total", "currency": "CNY", "amount": 1}]),
        Table("none", ("Rows: a/b", "空"), COLUMNS, []),
    ),
    notes=[("A note", "备注一条")],
)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_same_report_gives_the_same_bytes(form: str, language: str) -> None:
    assert render(REPORT, form, language) == render(REPORT, form, language)


def test_xlsx_holds_numbers_dates_and_text_that_is_no_formula() -> None:
    book = openpyxl.load_workbook(io.BytesIO(render(REPORT, "xlsx", "zh-CN")))
    assert book.sheetnames[0] == "明细：甲 乙"
    sheet = book.worksheets[0]
    assert sheet.freeze_panes == "B2"
    assert [cell.value for cell in sheet[1]] == ["名称", "日期", "数量", "币种", "金额"]
    first = sheet[2]
    assert (first[0].value, first[0].data_type) == (EVIL, "s")
    assert (first[1].value, first[1].is_date) == (datetime(2026, 11, 1), True)
    assert (first[2].value, first[4].value, first[4].number_format) == (3, 1234567.89, "#,##0.00")
    assert (sheet[3][4].value, sheet[3][4].number_format) == (-1200, "#,##0")
    assert (sheet[4][4].value, sheet[4][4].number_format) == (1.005, "#,##0.000")
    # More digits than a spreadsheet keeps are written as text, whole.
    assert (sheet[5][4].value, sheet[5][4].data_type) == ("123,456,789,012,345,678.90", "s")
    assert len({sheet.title.lower() for sheet in book.worksheets}) == 3


def test_csv_is_exact_and_guarded() -> None:
    text = render(REPORT, "csv", "en").decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["Name", "Date", "Count", "Currency", "Amount"]
    assert rows[1] == ["'" + EVIL, "2026-11-01", "3", "CNY", "1234567.89"]
    assert rows[2] == ["'+86 示例 <b>科技</b>", "", "", "JPY", "-1200"]
    assert Decimal(rows[4][4]) == Decimal("123456789012345678.90")


def test_html_escapes_every_value_and_loads_nothing() -> None:
    page = render(REPORT, "html", "zh-CN").decode()
    assert "&lt;b&gt;科技&lt;/b&gt;" in page
    assert "<b>" not in page
    assert '<html lang="zh-CN">' in page
    assert not any(word in page for word in ("<script", "http://", "https://", "src="))


def test_pdf_has_its_words_in_both_languages() -> None:
    for language, words in (
        ("zh-CN", ["示例报告", "金额", "1,234,567.89", "12.345"]),
        ("en", ["An example", "Amount"]),
    ):
        pages = pypdfium2.PdfDocument(render(REPORT, "pdf", language))
        text = "".join(page.get_textpage().get_text_bounded() for page in pages)
        assert [word for word in words if word not in text] == []


def test_json_keeps_minor_units_exactly() -> None:
    body = exact_json.loads(render(REPORT, "json", "en"))
    assert body["tables"][0]["rows"][3]["amount"] == 12345678901234567890
    assert (body["as_of"], body["known"], body["tables"][0]["columns"][4]["kind"]) == ("2026-11-24", "12.345", "money")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ConfigError, match="no format 'doc'"):
        render(REPORT, "doc", "en")


def test_a_configuration_knows_every_report_and_format_there_is() -> None:
    assert get_args(config_values.ReportName) == tuple(REPORTS)
    assert get_args(config_values.FormatName) == FORMATS
