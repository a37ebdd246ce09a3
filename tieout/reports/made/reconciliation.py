"""A stored reconciliation as a report: totals, causes and every break of every counterpart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tieout.reports import break_words
from tieout.reports.table import Column, Report, Table, Words

_SIDES: dict[str, Words] = {"book_of_record": ("book of record", "账簿系统"), "crm": ("CRM", "CRM")}


def reconciliation(view: Mapping[str, Any], breaks: Sequence[Mapping[str, Any]], language: str) -> Report:
    """One run with all its breaks; `breaks` carry the connection they were found at."""
    zh = language == "zh-CN"
    run_at = view["run_at"] if isinstance(view["run_at"], datetime) else datetime.fromisoformat(str(view["run_at"]))
    as_of = datetime.fromisoformat(str(view["as_of"])).date()
    notes: list[Words] = [
        _both(one["counterpart"], break_words.REASONS.get(one["reason"], (one["reason"], one["reason"])))
        for one in view.get("not_compared", ())
    ]
    notes += [(f"{s['counterpart']}: {s['invalid_reason']}",) * 2 for s in view["sections"] if s["invalid_reason"]]
    notes += [
        _both(s["counterpart"], break_words.REASONS.get(s["not_stated"], (s["not_stated"], s["not_stated"])))
        for s in view["sections"]
        if s.get("not_stated")
    ]
    word = 0 if view["is_valid"] else 1 if view["sections"] else 2
    verdict = (("valid", "INVALID", "nothing was compared"), ("有效", "无效", "没有比对任何系统"))[zh][word]
    return Report(
        "reconcile",
        ("Reconciliation", "对账报告"),
        as_of,
        str(view.get("known") or view["known_seq"]),
        run_at,
        (_totals(view, zh), _causes(view, language), _breaks(breaks, language)),
        facts=[
            (("Run", "对账编号"), str(view["id"])),
            (("Verdict", "结论"), verdict),
            (("Breaks", "差异数"), str(view["breaks"])),
        ],
        notes=notes,
        is_valid=bool(view["is_valid"]),
    )


def _both(name: str, words: Words) -> Words:
    return f"{name}: {words[0]}", f"{name}：{words[1]}"


def _totals(view: Mapping[str, Any], zh: bool) -> Table:
    rows = []
    for section in view["sections"]:
        side = _SIDES.get(section["side"], (section["side"],) * 2)[zh]
        streams = section.get("streams") or [
            {"stream": "", "totals": section["totals"], "records": None, "equal": None}
        ]
        for stream in streams:
            rows += [
                {
                    "counterpart": section["counterpart"],
                    "side": side,
                    "stream": stream["stream"],
                    "currency": total["currency"],
                    "ledger": total["ledger_minor"],
                    "theirs": total["counterpart_minor"],
                    "difference": total["difference_minor"],
                    "explained": total["breaks_minor"],
                    "stated": (("sum of lines", "明细之和"), ("stated", "对方自报"))[bool(total.get("is_stated"))][zh],
                    "valid": (("no", "否"), ("yes", "是"))[bool(total["is_valid"])][zh],
                }
                for total in stream["totals"]
            ]
    columns = [
        Column("counterpart", ("Counterpart", "对方"), width=14),
        Column("side", ("Role", "角色"), width=14),
        Column("stream", ("Records", "数据流"), width=12),
        Column("currency", ("Currency", "币种"), width=9),
        Column("ledger", ("Ledger", "总账"), "money"),
        Column("theirs", ("Counterpart shows", "对方显示"), "money"),
        Column("difference", ("Difference", "差额"), "money"),
        Column("explained", ("Sum of breaks", "差异合计"), "money"),
        Column("stated", ("Counterpart total", "对方合计"), width=14),
        Column("valid", ("Adds up", "吻合"), width=9),
    ]
    return Table("totals", ("Totals", "合计"), columns, rows)


def _causes(view: Mapping[str, Any], language: str) -> Table:
    rows = []
    for section in view["sections"]:
        for stream, cause in _causes_of(section):
            head = {
                "counterpart": section["counterpart"],
                "stream": stream,
                "kind": break_words.kind(cause["kind"], language),
                "cause": break_words.cause(cause["cause"], language),
            }
            money = [(code, amount) for code, amount in cause["by_currency"].items() if amount] or [("", None)]
            # The count is of the cause as a whole and stands once.
            rows += [
                {**head, "count": None if at else cause["count"], "currency": code, "amount": amount}
                for at, (code, amount) in enumerate(money)
            ]
    columns = [
        Column("counterpart", ("Counterpart", "对方"), width=14),
        Column("stream", ("Records", "数据流"), width=12),
        Column("kind", ("What", "差异"), width=24),
        Column("cause", ("Why", "原因"), width=34),
        Column("count", ("Count", "数量"), "integer"),
        Column("currency", ("Currency", "币种"), width=9),
        Column("amount", ("Difference", "差额"), "money"),
    ]
    return Table("causes", ("Causes", "原因"), columns, rows)


def _causes_of(section: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """(stream, cause): a stream's causes add up to its own difference, those of several streams to nothing."""
    streams = section.get("streams") or ()
    if not all("causes" in stream for stream in streams) or not streams:  # a book of record, or a run stored earlier
        return [("", cause) for cause in section["causes"]]
    return [(stream["stream"], cause) for stream in streams for cause in stream["causes"]]


def _breaks(breaks: Sequence[Mapping[str, Any]], language: str) -> Table:
    rows = []
    for one in breaks:
        values = one["kind"] in ("status", "field")
        params = (one.get("explanation") or {}).get("params") or {}
        head = {
            "counterpart": one["connection"],
            "stream": one["stream"],
            "document": one["number"] or one["counterpart"],
            "record": one["counterpart"],
            "customer": one["customer"],
            "kind": break_words.kind(one["kind"], language),
            "field": one["field"],
            "cause": break_words.cause(one["cause"], language),
            "detail": break_words.hint(params, language),
            "ledger_value": one["ledger_value"] if values else "",
            "their_value": one["counterpart_value"] if values else "",
            "first_seen": one["first_seen_at"][:10],
            "age": one["age_days"],
        }
        # A break over two currencies is two rows: amounts of different currencies never stand in one sum.
        for code, amount in one["by_currency"].items() or [(one["currency"], None)]:
            rows.append(
                {
                    **head,
                    "currency": code,
                    "ledger": one["ledger_minor"] if code == one["currency"] else None,
                    "theirs": one["counterpart_minor"] if code == (one["counterpart_currency"] or code) else None,
                    "difference": amount,
                }
            )
    columns = [
        Column("counterpart", ("Counterpart", "对方"), width=14),
        Column("document", ("Document", "单据"), width=22),
        Column("customer", ("Customer", "客户"), width=30),
        Column("stream", ("Records", "数据流"), width=11),
        Column("kind", ("What", "差异"), width=20),
        Column("field", ("Field", "字段"), width=20),
        Column("cause", ("Why", "原因"), width=28),
        Column("currency", ("Currency", "币种"), width=9),
        Column("ledger", ("Ledger", "总账"), "money"),
        Column("theirs", ("Counterpart shows", "对方显示"), "money"),
        Column("difference", ("Difference", "差额"), "money"),
        Column("ledger_value", ("Ledger value", "总账值"), width=16),
        Column("their_value", ("Their value", "对方值"), width=16),
        Column("first_seen", ("First seen", "首次发现"), width=11),
        Column("age", ("Age in days", "天数"), "integer"),
        Column("detail", ("Detail", "说明"), width=40),
    ]
    return Table("breaks", ("Breaks", "差异"), columns, rows)
