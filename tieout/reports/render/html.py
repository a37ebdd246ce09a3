"""HTML: one file without scripts or anything from elsewhere, readable on a phone and printable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tieout.reports.table import Column, Report, Table, about, say, text, title

_STYLE = """
:root{color-scheme:light}
body{font:14px/1.5 system-ui,"Noto Sans SC","PingFang SC","Microsoft YaHei",sans-serif;color:#1b2733;margin:2rem auto;
max-width:90rem;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0}dt{color:#526170}dd{margin:0}
.scroll{overflow-x:auto}table{border-collapse:collapse;min-width:40rem;width:100%}
th,td{padding:.3rem .6rem;text-align:left;border-bottom:1px solid #dde4ea;vertical-align:top}
thead th{background:#e8eef4;position:sticky;top:0}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tfoot td{font-weight:600;border-top:2px solid #526170}.note{color:#526170}
@media print{body{margin:0;max-width:none;font-size:10px}thead{display:table-header-group}tr{break-inside:avoid}
.scroll{overflow:visible}@page{size:A4 landscape;margin:12mm}}
"""
_NUMBERS = ("money", "integer", "percent")


def to_html(report: Report, language: str, table: str = "") -> bytes:
    """The page of a report; every value is escaped."""
    name = escape(title(report, language))
    facts = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in about(report, language))
    notes = "".join(f'<p class="note">{escape(say(note, language))}</p>' for note in report.notes)
    tables = "".join(_table(one, language) for one in report.tables)
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{name}</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>{name}</h1><dl>{facts}</dl>{notes}{tables}</main></body></html>\n"
    ).encode()


def _table(table: Table, language: str) -> str:
    heads = "".join(
        f'<th scope="col"{_number(column)}>{escape(say(column.words, language))}</th>' for column in table.columns
    )
    body = "".join(_row(table.columns, row) for row in table.rows)
    if not table.rows:
        nothing = escape(say(("Nothing.", "无。"), language))
        body = f'<tr><td colspan="{len(table.columns)}">{nothing}</td></tr>'
    foot = "".join(_row(table.columns, row) for row in table.total_rows)
    name = escape(say(table.words, language))
    return (
        f'<section><h2>{name}</h2><div class="scroll" tabindex="0" role="region" aria-label="{name}"><table><thead><tr>'
        f"{heads}</tr></thead><tbody>{body}</tbody>{f'<tfoot>{foot}</tfoot>' if foot else ''}</table></div></section>\n"
    )


def _row(columns: Sequence[Column], row: Mapping[str, Any]) -> str:
    return "<tr>" + "".join(f"<td{_number(c)}>{escape(text(c, row))}</td>" for c in columns) + "</tr>\n"


def _number(column: Column) -> str:
    return ' class="num"' if column.kind in _NUMBERS else ""
