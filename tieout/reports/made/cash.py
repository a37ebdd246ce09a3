"""Cash: what came in by month, and what is expected by due date and by each customer's own habit of paying."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import Connection, func, select

from tieout.core.dates import add_months
from tieout.ledger import chart
from tieout.reports.made.beginning import beginning_notes
from tieout.reports.made.items import Item, Owners, open_at
from tieout.reports.made.request import Asked
from tieout.reports.table import Column, Report, Table, Words
from tieout.store.tables import allocation_lines, allocations, documents, entries, open_items, postings

HABIT_MONTHS = 12  # settled items of the last year say how late a customer pays
_STEPS: tuple[tuple[int, Words], ...] = (
    (0, ("overdue", "已逾期")),
    (7, ("within 7 days", "7 天内")),
    (14, ("8-14 days", "8-14 天")),
    (30, ("15-30 days", "15-30 天")),
    (60, ("31-60 days", "31-60 天")),
    (90, ("61-90 days", "61-90 天")),
)
_LATER: Words = ("later", "90 天以后")


def cash(conn: Connection, asked: Asked) -> Report:
    """Receipts of the last twelve months and expected receipts from what is open, per currency."""
    items = [one for one in open_at(conn, asked) if not one.is_cash and one.open_minor > 0]
    habits = _habits(conn, asked)
    received = Table(
        "received",
        ("Received", "已收款"),
        [
            Column("month", ("Month", "月份"), width=10),
            Column("currency", ("Currency", "币种"), width=9),
            Column("receipts", ("Entries", "笔数"), "integer"),
            Column("amount", ("Amount", "金额"), "money"),
        ],
        _received(conn, asked),
    )
    return Report(
        "cash",
        ("Cash received and expected", "收款与预计收款"),
        asked.as_of,
        asked.known.text,
        asked.known.at,
        (_expected(items, habits, asked), received, _by_customer(items, habits)),
        facts=asked.facts(),
        notes=[
            (
                "By habit: the due date moved by the customer's average days late, weighted by amount, over what was "
                "settled in the twelve months before the day; without such a history the due date counts. An item that "
                "should have come by now counts as within 7 days. This is arithmetic on the past, not a promise.",
                "按习惯：到期日加上该客户过去十二个月按金额加权的平均迟付天数；无历史者按到期日计。"
                "已过预计日的计入 7 天内。此为历史推算，并非承诺。",
            ),
            *beginning_notes(conn, asked, _first_month(asked)),
        ],
    )


def _expected(items: list[Item], habits: dict[str, int], asked: Asked) -> Table:
    sums: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for one in items:
        sums[one.currency, _step((one.due_on - asked.as_of).days)][0] += one.open_minor
        likely = max(one.due_on + timedelta(days=habits.get(one.customer_id, 0)), asked.as_of + timedelta(days=1))
        sums[one.currency, _step((likely - asked.as_of).days)][1] += one.open_minor
    rows = [
        {
            "when": (_STEPS[step][1] if step < len(_STEPS) else _LATER)[asked.language == "zh-CN"],
            "currency": currency,
            "by_due": due,
            "by_habit": habit,
        }
        for (currency, step), (due, habit) in sorted(sums.items())
    ]
    totals = [
        {
            "when": ("Total", "合计")[asked.language == "zh-CN"],
            "currency": code,
            "by_due": sum(value[0] for key, value in sums.items() if key[0] == code),
            "by_habit": sum(value[1] for key, value in sums.items() if key[0] == code),
        }
        for code in sorted({key[0] for key in sums})
    ]
    columns = [
        Column("when", ("When", "时间"), width=16),
        Column("currency", ("Currency", "币种"), width=9),
        Column("by_due", ("By due date", "按到期日"), "money"),
        Column("by_habit", ("By habit", "按付款习惯"), "money"),
    ]
    return Table("expected", ("Expected", "预计收款"), columns, rows, totals)


def _step(days: int) -> int:
    """The step of so many days from now; a due date before today is overdue, today is within 7 days."""
    if days < 0:
        return 0
    return next((at for at, (edge, _) in enumerate(_STEPS) if at and days <= edge), len(_STEPS))


def _first_month(asked: Asked) -> date:
    return add_months(asked.as_of.replace(day=1), -11)


def _received(conn: Connection, asked: Asked) -> list[dict[str, Any]]:
    e, p = entries.c, postings.c
    first = _first_month(asked)
    query = (
        select(e.effective_on, p.currency, func.count(), func.sum(p.amount_minor))
        .join(postings, p.entry_id == e.id)
        .where(p.code == chart.BANK, e.effective_on <= asked.as_of, e.effective_on >= first, e.seq <= asked.known.seq)
        .group_by(e.effective_on, p.currency)
    )
    if asked.company:
        query = query.where(e.company_id == asked.company)
    if asked.customer:
        query = query.where(p.account_id.in_(Owners(conn, asked).accounts_of(asked.customer)))
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for on, currency, count, amount in conn.execute(query):
        into = sums[f"{on:%Y-%m}", currency]
        into[0] += int(count)
        into[1] += int(amount)
    return [
        {"month": month, "currency": currency, "receipts": count, "amount": amount}
        for (month, currency), (count, amount) in sorted(sums.items())
    ]


def _habits(conn: Connection, asked: Asked) -> dict[str, int]:
    """Customer -> average days after the due date, weighted by the amount settled by a payment; half up, may be < 0.

    Amounts of several currencies are not added: each currency has its own average, and the one with the most
    settlements counts.
    """
    a, line, o, to, paid = allocations.c, allocation_lines.c, open_items.c, documents, documents.alias("paid")
    owners = Owners(conn, asked)
    query = (
        select(to.c.account_id, a.currency, line.amount_minor, o.due_on, paid.c.issue_on)
        .join(allocation_lines, line.allocation_id == a.id)
        .join(open_items, o.id == line.item_id)
        .join(to, to.c.id == a.to_document_id)
        .join(paid, paid.c.id == a.from_document_id)
        .where(
            a.is_applied.is_(True),
            paid.c.kind == "payment",
            paid.c.issue_on <= asked.as_of,
            paid.c.issue_on > add_months(asked.as_of, -HABIT_MONTHS),
            a.source_seq <= asked.known.input_seq,
        )
    )
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in conn.execute(query):
        into = sums[owners.of(row.account_id)[0], row.currency]
        into[0] += int(row.amount_minor) * _days(row.due_on, row.issue_on)
        into[1] += int(row.amount_minor)
        into[2] += 1
    best: dict[str, tuple[int, int]] = {}
    for (customer, _), (weighted, amount, count) in sorted(sums.items()):
        if amount and count > best.get(customer, (0, 0))[0]:
            late = (Decimal(weighted) / amount).quantize(Decimal(1), rounding=ROUND_HALF_UP)
            best[customer] = (count, int(late))
    return {customer: late for customer, (_, late) in best.items()}


def _days(due_on: date, paid_on: date) -> int:
    return (paid_on - due_on).days


def _by_customer(items: list[Item], habits: dict[str, int]) -> Table:
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for one in items:
        sums[one.customer, one.customer_id, one.currency] += one.open_minor
    rows = [
        {
            "customer": name,
            "customer_id": customer,
            "currency": currency,
            "open": amount,
            "late": habits.get(customer),
        }
        for (name, customer, currency), amount in sorted(sums.items(), key=lambda pair: (pair[0][2], -pair[1], pair[0]))
    ]
    columns = [
        Column("customer", ("Customer", "客户"), width=34),
        Column("currency", ("Currency", "币种"), width=9),
        Column("open", ("Open", "未结金额"), "money"),
        Column("late", ("Days late as a rule", "平均迟付天数"), "integer"),
    ]
    return Table("customers", ("By customer", "按客户"), columns, rows)
