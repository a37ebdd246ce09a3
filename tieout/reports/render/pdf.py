"""PDF: A4 landscape with repeated headers; Chinese in the standard font STSong-Light that readers bring along.

The font is one of Adobe's predefined CJK fonts (PDF 32000-1, 9.7.5.2): named, not embedded, so that a file stays small
and the product ships no font. Western text is Helvetica, whose figures line up.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from tieout.reports.table import Column, Report, Table, about, say, text, title

_CJK = "STSong-Light"
_SIZE = 7.5
_NUMBERS = ("money", "integer", "percent")
_WIDTH = {"text": 22, "date": 12, "integer": 8, "money": 15, "percent": 8}  # characters, where a column says none
_RULE, _BAND = colors.HexColor("#c9d3dc"), colors.HexColor("#e8eef4")


def to_pdf(report: Report, language: str, table: str = "") -> bytes:
    """The pages of a report; `invariant` keeps dates and ids of the machine out of the file."""
    pdfmetrics.registerFont(UnicodeCIDFont(_CJK))
    out = io.BytesIO()
    name = title(report, language)
    document = SimpleDocTemplate(
        out, pagesize=landscape(A4), leftMargin=12 * mm, rightMargin=12 * mm, topMargin=12 * mm, bottomMargin=14 * mm,
        title=name, author="Tieout", invariant=1, lang=language,
    )  # fmt: skip
    story: list[Any] = [_paragraph(name, size=15, bold=True), Spacer(1, 2 * mm)]
    story += [_paragraph(f"{key}: {value}") for key, value in about(report, language)]
    story += [_paragraph(say(note, language)) for note in report.notes]
    for one in report.tables:
        story += [Spacer(1, 5 * mm), _paragraph(say(one.words, language), size=11, bold=True), Spacer(1, 1.5 * mm)]
        story.append(_table(one, language, document.width))
    footer = _footer(report, language)
    document.build(story, onFirstPage=footer, onLaterPages=footer)
    return out.getvalue()


def _footer(report: Report, language: str) -> Any:
    left = f"{title(report, language)}  {report.as_of.isoformat()}  {report.known}"

    def draw(canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFont(_CJK, 7)
        canvas.drawString(12 * mm, 7 * mm, left)
        canvas.drawRightString(landscape(A4)[0] - 12 * mm, 7 * mm, str(document.page))
        canvas.restoreState()

    return draw


def _table(table: Table, language: str, width: float) -> LongTable:
    rows = [*table.rows, *table.total_rows]
    # Paper is narrow: a column that holds nothing is left out.
    columns = [one for one in table.columns if not rows or any(row.get(one.key) not in (None, "") for row in rows)]
    weights = [column.width or _WIDTH[column.kind] for column in columns]
    widths = [width * weight / sum(weights) for weight in weights]
    head = [_paragraph(say(column.words, language), bold=True, right=column.kind in _NUMBERS) for column in columns]
    body: list[list[Any]] = [_row(columns, widths, row, is_total=False) for row in table.rows]
    body += [_row(columns, widths, row, is_total=True) for row in table.total_rows]
    if not body:
        body = [[_paragraph(say(("Nothing.", "无。"), language)), *[_paragraph("")] * (len(columns) - 1)]]
    made = LongTable([head, *body], colWidths=widths, repeatRows=1)
    style: list[tuple[Any, ...]] = [
        ("BACKGROUND", (0, 0), (-1, 0), _BAND),
        ("LINEBELOW", (0, 0), (-1, -1), 0.3, _RULE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("FONT", (0, 0), (-1, -1), "Helvetica", _SIZE, _SIZE * 1.3),
        *(("ALIGN", (at, 0), (at, -1), "RIGHT") for at, column in enumerate(columns) if column.kind in _NUMBERS),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
    ]
    if table.total_rows:
        style.append(("LINEABOVE", (0, -len(table.total_rows)), (-1, -len(table.total_rows)), 0.8, colors.black))
    made.setStyle(TableStyle(style))
    return made


def _row(columns: Sequence[Column], widths: Sequence[float], row: Mapping[str, Any], *, is_total: bool) -> list[Any]:
    """Numbers, dates and western text that fits stay plain: a table sets them far faster than paragraphs that wrap."""
    out: list[Any] = []
    for column, width in zip(columns, widths, strict=True):
        words, right = text(column, row), column.kind in _NUMBERS
        is_plain = not is_total and (column.kind != "text" or _fits(words, width))
        out.append(words if is_plain else _paragraph(words, right=right, bold=is_total))
    return out


def _fits(words: str, width: float) -> bool:
    return words.isascii() and pdfmetrics.stringWidth(words, "Helvetica", _SIZE) < width - 4


def _paragraph(words: str, *, size: float = _SIZE, bold: bool = False, right: bool = False) -> Paragraph:
    # Chinese breaks between any two characters, western text between words.
    has_chinese = any(ord(char) >= 0x2E80 for char in words)
    key = (size, bold, right, has_chinese)
    if key not in _STYLES:
        _STYLES[key] = ParagraphStyle(
            str(key), splitLongWords=1, fontName="Helvetica-Bold" if bold else "Helvetica", fontSize=size,
            leading=size * 1.3,
            alignment=2 if right else 0, wordWrap="CJK" if has_chinese else None,
        )  # fmt: skip
    return Paragraph(_fonts(words), _STYLES[key])


_STYLES: dict[tuple[float, bool, bool, bool], ParagraphStyle] = {}


def _fonts(words: str) -> str:
    """Western runs in the style's own font, everything else in the Chinese one."""
    parts = []
    for is_western, run in groupby(words, key=lambda char: ord(char) < 0x250):
        piece = escape("".join(run))
        parts.append(piece if is_western else f'<font name="{_CJK}">{piece}</font>')
    return "".join(parts)
