"""A plan for people: every record with its fields from and to, the reason, the money behind it, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tieout.cli.options import command_name
from tieout.cli.output import Out, cell
from tieout.core.money import MoneyError, exponent, format_minor, is_currency, to_minor
from tieout.reports.plan_words import sentence

SHOWN = 20  # records, unless asked otherwise
WIDTH = 98  # columns of text where the output is a file or a wide window
_EN = {
    "head": "Plan {digest}, made at {made_at}: {records} records, {fields} fields. Nothing has been written.",
    "fresh": "The present values were read from the remote systems just now.",
    "seen": "The present values are as last read; `{tieout} plan --fresh` reads them again.",
    "none": "Nothing to write: every remote record shows what it should show.",
    "unread": "Nothing is decided yet: {names} must be read to the end first. Next: {tieout} sync",
    "id": "id {id}", "new": "new, at {id}", "customer": "customer", "why": "why", "empty": "(empty)",
    "planned": "", "parked": "waits for an approver", "ready": "sent by the next push",
    "more": "{shown} of {records} records are shown, the most money first. All: {tieout} plan --limit 0 (or --json).",
    "totals": "At stake, each debt counted once", "by_module": "By module, each debt counted once in it",
    "module": "module", "records": "records", "created": "of it new", "fields": "fields", "at_stake": "at stake",
    "push": "To write exactly this: {tieout} push --plan {digest}",
}  # fmt: skip
_ZH = {
    "head": "计划 {digest}，生成于 {made_at}：{records} 条记录，{fields} 个字段。尚未写入任何内容。",
    "fresh": "当前值刚从对方系统读取。",
    "seen": "当前值为上次读取所见；`{tieout} plan --fresh` 可重新读取。",
    "none": "无需写回：对方记录均已正确显示。",
    "unread": "尚未作出任何决定：须先完整读取 {names}。下一步：{tieout} sync",
    "id": "编号 {id}", "new": "新建，归属 {id}", "customer": "客户", "why": "原因", "empty": "（空）",
    "planned": "", "parked": "等待审批", "ready": "下次写回时发送",
    "more": "共 {records} 条，按金额显示前 {shown} 条。全部：{tieout} plan --limit 0（或 --json）。",
    "totals": "涉及金额，每笔欠款只计一次", "by_module": "按模块，模块内每笔欠款只计一次",
    "module": "模块", "records": "记录", "created": "其中新建", "fields": "字段", "at_stake": "涉及金额",
    "push": "按此计划写回：{tieout} push --plan {digest}",
}  # fmt: skip


def show_plan(out: Out, view: Any, limit: int = SHOWN) -> bool:
    """Print a plan, the `limit` records with the most money (0 = all); False for anything that is none."""
    if not isinstance(view, Mapping) or "digest" not in view or "rows" not in view:
        return False
    words = _ZH if out.language == "zh-CN" else _EN
    if not view["rows"]:
        unread = view.get("unread")
        out.line(words["unread"].format(names=", ".join(unread), tieout=command_name()) if unread else words["none"])
        return True
    about = {**view, "tieout": command_name(), "made_at": cell("", view["made_at"], {})}
    about |= {name: f"{view[name]:,}" for name in ("records", "fields")}
    for key in ("head", "fresh" if view["fresh"] else "seen"):
        _paragraph(out, words[key].format(**about))
    largest = sorted(view["rows"], key=_size, reverse=True)
    shown = largest[: limit or None]
    for connection in dict.fromkeys(row["connection"] for row in view["rows"]):
        mine = [row for row in shown if row["connection"] == connection]
        if mine:
            out.console.print(f"\n[bold]{escape(connection)}[/]")
        for row in mine:
            _record(out, words, row)
    if len(shown) < len(largest):
        out.line("")
        _paragraph(out, words["more"].format(**{**about, "shown": len(shown)}))
    _totals(out, words, view)
    out.line("\n" + words["push"].format(**about))
    return True


def _size(row: Mapping[str, Any]) -> Decimal:
    """Amounts of different currencies are not compared, only put in an order."""
    currency = row["currency"] or ""
    return Decimal(row["money_minor"]).scaleb(-exponent(currency) if is_currency(currency) else 0)


def _record(out: Out, words: Mapping[str, str], row: Mapping[str, Any]) -> None:
    is_new = row["operation"] == "create"
    bill = [] if row["number"] in row["label"] else [row["number"]]
    head = [row["label"], *bill, words["new" if is_new else "id"].format(id=row["remote_id"])]
    if words.get(row["state"], row["state"]):
        head.append(words.get(row["state"], row["state"]))
    out.console.print()
    for number, line in enumerate(_wrapped(out, f"{row['module']}  " + " · ".join(head), _width(out) - 2)):
        out.line(("  " if number == 0 else "    ") + line)
    pairs = [(words["customer"], row["customer"])] if row["customer"] else []
    if is_currency(row["currency"] or ""):
        pairs.append((words["at_stake"], format_minor(row["money_minor"], row["currency"])))
    for change in row["changes"]:
        after = _value(change["after"], change["currency"], words)
        before = "" if is_new else f"{_value(change['before'], change['currency'], words)} → "
        pairs.append((change["field"], before + after))
    pairs.append((words["why"], sentence(row["why"], row["decided_in"], row["money_minor"], out.language)))
    left = max(cell_len(name) for name, _ in pairs)
    for name, value in pairs:
        for number, line in enumerate(_wrapped(out, value, max(_width(out) - left - 6, 20))):
            label = name if number == 0 else ""
            out.line(f"    {label}{' ' * (left - cell_len(label))}  {line}")


def _value(value: Any, currency: str, words: Mapping[str, str]) -> str:
    if value is None or value == "":
        return words["empty"]
    if currency and is_currency(currency) and isinstance(value, Decimal | int) and not isinstance(value, bool):
        try:
            return format_minor(to_minor(value, currency), currency)
        except MoneyError:
            return f"{value} {currency}"
    return value if isinstance(value, str) else cell("", value, {})


def _totals(out: Out, words: Mapping[str, str], view: Mapping[str, Any]) -> None:
    out.console.print(f"\n[bold]{escape(words['totals'])}[/]")
    for amount in _amounts(view["totals"]) or ["0"]:
        out.line(f"  {amount}")
    out.console.print(f"\n[bold]{escape(words['by_module'])}[/]")
    table = Table(box=box.SIMPLE_HEAD if out.console.is_terminal else None, pad_edge=False)
    table.add_column(escape(words["module"]))
    for name in ("records", "created", "fields", "at_stake"):
        table.add_column(escape(words[name]), justify="right")
    for one in view["modules"]:
        figures = [f"{one[name]:,}" for name in ("records", "created", "fields")]
        table.add_row(escape(f"{one['connection']} {one['module']}"), *figures, "\n".join(_amounts(one["totals"])))
    out.console.print(table)


def _amounts(totals: Sequence[Mapping[str, Any]]) -> list[str]:
    texts = [format_minor(one["money_minor"], one["currency"]) for one in totals if is_currency(one["currency"])]
    width = max((len(text) for text in texts), default=0)
    return [text.rjust(width) for text in texts]


def _width(out: Out) -> int:
    return min(out.console.width, WIDTH)


def _paragraph(out: Out, text: str) -> None:
    for line in _wrapped(out, text, _width(out)):
        out.line(line)


def _wrapped(out: Out, value: str, width: int) -> Iterator[str]:
    """Lines of at most `width` columns; a Chinese character takes two."""
    for part in value.splitlines() or [""]:
        for line in Text(part).wrap(out.console, width):
            yield line.plain.rstrip()
