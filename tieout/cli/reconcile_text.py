"""A reconciliation for people: totals, causes and breaks of every counterpart, amounts in their currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from tieout.cli.output import Out
from tieout.core.money import format_minor, is_currency
from tieout.reports import break_words

BREAKS_SHOWN = 20  # per counterpart on the terminal; the rest is in the report and with --json
_EN = {
    "head": "Reconciliation {id} as of {as_of}, known at commit {known_seq}",
    "valid": "valid: every difference is a break",
    "invalid": "INVALID: the breaks do not add up to the whole difference",
    "nothing": "nothing was compared: there is no book of record or CRM that could say what it shows",
    "counterpart": "{name} ({side})",
    "book_of_record": "book of record",
    "crm": "CRM",
    "currency": "currency", "ledger": "ledger", "difference": "difference", "breaks": "breaks",
    "stated": "its own total",
    "yes": "stated", "no": "sum of lines", "stream": "stream", "records": "records", "equal": "equal",
    "what": "what", "why": "why", "count": "count", "amount": "amount", "document": "document", "customer": "customer",
    "shows": "{name} shows", "age": "days", "none": "Nothing differs.", "more": "{count} more: tieout report reconcile",
    "not_compared": "{name} is not compared: it {reason}.", "gone": "Gone since the last run: {count}",
    "not_stated": "{name} {reason}.", "together": "together", "largest": "{name}: the largest breaks",
}  # fmt: skip
_ZH = {
    "head": "对账 {id}，截至 {as_of}，账簿序号 {known_seq}",
    "valid": "有效：差异均已列明",
    "invalid": "无效：差异合计不等于总差额",
    "nothing": "没有比对任何系统：没有可说明金额的账簿系统或 CRM",
    "counterpart": "{name}（{side}）",
    "book_of_record": "账簿系统",
    "crm": "CRM",
    "currency": "币种", "ledger": "总账", "difference": "差额", "breaks": "差异", "stated": "对方合计",
    "yes": "对方自报", "no": "明细之和", "stream": "数据流", "records": "记录", "equal": "一致",
    "what": "差异", "why": "原因", "count": "数量", "amount": "金额", "document": "单据", "customer": "客户",
    "shows": "{name} 显示", "age": "天数", "none": "没有差异。", "more": "另有 {count} 条：tieout report reconcile",
    "not_compared": "{name} 未对账：{reason}。", "gone": "上次之后消失：{count}",
    "not_stated": "{name}：{reason}。", "together": "合计", "largest": "{name}：最大的差异",
}  # fmt: skip


def show_reconciliation(out: Out, view: Any) -> bool:
    """Print one run; False for anything that is none."""
    if not isinstance(view, Mapping) or "sections" not in view:
        return False
    words = _ZH if out.language == "zh-CN" else _EN
    out.line(words["head"].format(**view))
    out.line(words["valid" if view["is_valid"] else "invalid" if view["sections"] else "nothing"])
    for section in view["sections"]:
        _section(out, words, section)
    for one in view["not_compared"]:
        reason = break_words.reason(one["reason"], out.language)
        out.line("\n" + words["not_compared"].format(name=one["counterpart"], reason=reason))
    if view["gone"]:
        out.line("\n" + words["gone"].format(count=len(view["gone"])))
    return True


def _section(out: Out, words: Mapping[str, str], section: Mapping[str, Any]) -> None:
    name = section["counterpart"]
    out.console.print(f"\n[bold]{escape(words['counterpart'].format(name=name, side=words[section['side']]))}[/]")
    if section["invalid_reason"]:
        out.console.print(f"[bold red]{escape(section['invalid_reason'])}[/]", soft_wrap=True)
    streams = section["streams"]
    if not streams:
        _totals(out, words, name, section["totals"])
    if section["not_stated"]:
        reason = break_words.reason(section["not_stated"], out.language)
        out.line(words["not_stated"].format(name=name, reason=reason))
    _print(
        out,
        [words["stream"], (words["records"], "r"), (words["equal"], "r"), (words["breaks"], "r")],
        [[row["stream"], str(row["records"]), str(row["equal"]), str(row["break_count"])] for row in streams],
    )
    for row in streams:  # a debt shows on several streams: their sums are never added up
        out.console.print(f"\n[bold]{escape(name)} · {escape(row['stream'])}[/]")
        _totals(out, words, name, row["totals"])
        _causes(out, words, row.get("causes", []))
    if not section["break_count"]:
        out.line(words["none"])
        return
    if not streams:
        _causes(out, words, section["causes"])
    out.console.print(f"\n[bold]{escape(words['largest'].format(name=name))}[/]")
    _print(
        out,
        [words["document"], words["customer"], words["what"], words["why"], (words["ledger"], "r"),
         (words["shows"].format(name=name), "r"), (words["difference"], "r"), (words["age"], "r")],
        [_break_row(out, row) for row in section["breaks"][:BREAKS_SHOWN]],
    )  # fmt: skip
    left = section["break_count"] - BREAKS_SHOWN
    if left > 0:
        out.line(words["more"].format(count=left))


def _totals(out: Out, words: Mapping[str, str], name: str, totals: Sequence[Mapping[str, Any]]) -> None:
    _print(
        out,
        [words["currency"], (words["ledger"], "r"), (name, "r"), (words["difference"], "r"), (words["breaks"], "r"),
         words["stated"]],
        [
            [row["currency"], *(_money(row[part], row["currency"]) for part in _PARTS),
             words["yes" if row["is_stated"] else "no"]]
            for row in totals
        ],
    )  # fmt: skip


def _causes(out: Out, words: Mapping[str, str], causes: Sequence[Mapping[str, Any]]) -> None:
    """Causes with their money, a line per currency, and what they add up to: the difference above them."""
    together: dict[str, int] = {}
    for row in causes:
        for code, amount in row["by_currency"].items():
            together[code] = together.get(code, 0) + amount
    rows = [
        [
            break_words.kind(row["kind"], out.language),
            break_words.cause(row["cause"], out.language),
            str(row["count"]),
            _by_currency(row["by_currency"]),
        ]
        for row in causes
    ]
    if len(rows) > 1:
        rows.append([words["together"], "", str(sum(row["count"] for row in causes)), _by_currency(together)])
    _print(out, [words["what"], words["why"], (words["count"], "r"), (words["difference"], "r")], rows)


def _by_currency(amounts: Mapping[str, int]) -> str:
    return "\n".join(f"{_money(amount, code)} {code}" for code, amount in sorted(amounts.items()) if amount)


_PARTS = ("ledger_minor", "counterpart_minor", "difference_minor", "breaks_minor")


def _break_row(out: Out, row: Mapping[str, Any]) -> list[str]:
    ledger, theirs = break_values(row)
    return [
        row["number"] or row["counterpart"],
        row["customer"],
        break_words.kind(row["kind"], out.language) + (f" {row['field']}" if row["field"] else ""),
        break_words.cause(row["cause"], out.language),
        ledger,
        theirs,
        "; ".join(f"{_money(amount, code)} {code}" for code, amount in row["by_currency"].items()),
        str(row["age_days"]),
    ]


def break_values(row: Mapping[str, Any]) -> tuple[str, str]:
    """Both sides of a break as text: statuses and fields as they are, amounts in their own currency."""
    if row["kind"] in ("status", "field"):
        return row["ledger_value"], row["counterpart_value"]
    theirs = row["counterpart_currency"] or row["currency"]
    return (
        "" if row["ledger_minor"] is None else f"{_money(row['ledger_minor'], row['currency'])} {row['currency']}",
        "" if row["counterpart_minor"] is None else f"{_money(row['counterpart_minor'], theirs)} {theirs}",
    )


def _money(minor: int, currency: str) -> str:
    return format_minor(minor, currency, code=False) if is_currency(currency) else str(minor)


def _print(out: Out, columns: Sequence[str | tuple[str, str]], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    table = Table(box=box.SIMPLE_HEAD if out.console.is_terminal else None, pad_edge=False)
    for column in columns:
        right = isinstance(column, tuple)
        table.add_column(
            escape(column[0] if isinstance(column, tuple) else column), justify="right" if right else "left"
        )
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    out.console.print(table)
