"""Aging: who owes how much for how long, with credits and unapplied cash beside the buckets, never netted into them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection

from tieout.core.dates import days_overdue
from tieout.receivables.aging import DEFAULT_SCHEME, AgingRow, age
from tieout.reports.made.beginning import beginning_notes
from tieout.reports.made.items import Item, open_at
from tieout.reports.made.request import Asked
from tieout.reports.table import Column, Report, Table, Words

_BUCKETS: dict[str, Words] = {"current": ("Not due", "未到期")}


def aging(conn: Connection, asked: Asked) -> Report:
    """Customers by currency over the buckets, and every open item behind them."""
    items = open_at(conn, asked)
    names = {one.customer_id: one.customer for one in items}
    unapplied: dict[tuple[str, str], int] = {}
    for one in items:
        if one.is_cash:
            key = (one.customer_id, one.currency)
            unapplied[key] = unapplied.get(key, 0) + one.open_minor
    rows = age([one for one in items if not one.is_cash], unapplied, asked.as_of)
    buckets = [Column(f"b_{n}", _bucket(code), "money") for n, code in enumerate(DEFAULT_SCHEME.codes)]
    columns = [
        Column("customer", ("Customer", "客户"), width=34),
        Column("currency", ("Currency", "币种"), width=9),
        *buckets,
        Column("overdue", ("Overdue", "逾期"), "money"),
        Column("credits", ("Credit notes", "红字单据"), "money"),
        Column("unapplied", ("Unapplied cash", "未核销收款"), "money"),
        Column("balance", ("Balance", "余额"), "money"),
    ]
    shown = sorted(
        (_row(row, names.get(row.customer_id, "")) for row in rows if row.customer_id != "*"),
        key=lambda row: (str(row["customer"]), str(row["customer_id"]), str(row["currency"])),
    )
    total = ("Total", "合计")[asked.language == "zh-CN"]
    return Report(
        "aging",
        ("Aging of receivables", "应收账款账龄"),
        asked.as_of,
        asked.known.text,
        asked.known.at,
        (
            Table(
                "customers",
                ("Customers", "客户"),
                columns,
                shown,
                [_row(r, total) for r in rows if r.customer_id == "*"],
            ),
            _items(items, asked),
        ),
        facts=asked.facts(),
        notes=[
            (
                "Days are counted from the due date of each instalment; due on the day itself is not overdue. "
                "Credit notes and unapplied cash are not set off against a bucket.",
                "天数自各期到期日起算，到期当日不算逾期；红字单据与未核销收款不冲抵账龄区间。",
            ),
            *beginning_notes(conn, asked, asked.as_of + timedelta(days=1)),
        ],
    )


def _bucket(code: str) -> Words:
    return _BUCKETS.get(code, (f"{code} days", f"{code} 天"))


def _row(row: AgingRow, name: str) -> dict[str, object]:
    return {
        "customer_id": "" if row.customer_id == "*" else row.customer_id,
        "customer": name,
        "currency": row.currency,
        **{f"b_{n}": row.buckets[code] for n, code in enumerate(DEFAULT_SCHEME.codes)},
        "overdue": row.overdue_minor,
        "credits": row.credits_minor,
        "unapplied": row.unapplied_minor,
        "balance": row.balance_minor,
    }


KINDS: dict[str, Words] = {
    "invoice": ("invoice", "发票"),
    "credit_note": ("credit note", "红字单据"),
    "payment": ("payment", "收款"),
    "refund": ("refund", "退款"),
}


def _items(items: Sequence[Item], asked: Asked) -> Table:
    return Table("items", ("Open items", "未结项目"), item_columns(), [item_row(one, asked) for one in items])


def item_columns() -> list[Column]:
    """The columns of a list of open items."""
    return [
        Column("customer", ("Customer", "客户"), width=34),
        Column("number", ("Document", "单据"), width=20),
        Column("kind", ("Kind", "类型"), width=12),
        Column("issue_on", ("Issued", "开具日期"), "date"),
        Column("due_on", ("Due", "到期日"), "date"),
        Column("days", ("Days overdue", "逾期天数"), "integer"),
        Column("currency", ("Currency", "币种"), width=9),
        Column("open", ("Open", "未结金额"), "money"),
    ]


def item_row(one: Item, asked: Asked) -> dict[str, object]:
    """One open item as a row."""
    return {
        "customer_id": one.customer_id,
        "customer": one.customer,
        "document_id": one.document_id,
        "number": one.number,
        "kind": KINDS[one.kind][asked.language == "zh-CN"],
        "issue_on": one.issue_on,
        "due_on": one.due_on if not one.is_cash else None,
        "days": days_overdue(one.due_on, asked.as_of) if one.open_minor > 0 and not one.is_cash else 0,
        "currency": one.currency,
        "open": one.open_minor,
    }
