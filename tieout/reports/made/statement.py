"""Statement of account: opening balance, every movement of a period with its document, closing balance, open items."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from tieout.core.dates import add_months
from tieout.core.errors import Gone, TieoutError
from tieout.ledger import chart
from tieout.reports.made.aging import KINDS, item_columns, item_row
from tieout.reports.made.beginning import beginning_notes
from tieout.reports.made.items import Owners, open_at
from tieout.reports.made.request import Asked
from tieout.reports.table import Column, Report, Table
from tieout.store.landing import chunks
from tieout.store.queries import openings
from tieout.store.tables import documents, entries, postings


def statement(conn: Connection, asked: Asked) -> Report:
    """One customer's account from `since` (three months back when left out) to the day, per company and currency."""
    if not asked.customer:
        raise TieoutError("a statement is of one customer", hint="Say --customer cus_….", code="usage")
    owners = Owners(conn, asked)
    accounts = owners.accounts_of(asked.customer)
    if not accounts:
        raise Gone(f"there is no customer {asked.customer} with an account at this point", code="no_customer")
    since = asked.since or add_months(asked.as_of, -3)
    moves = _movements(conn, asked, accounts)
    keys = sorted({(row["company"], row["currency"]) for row in moves})
    lines: list[dict[str, Any]] = []
    closing: list[dict[str, Any]] = []
    zh = asked.language == "zh-CN"
    for company, currency in keys:
        mine = [row for row in moves if (row["company"], row["currency"]) == (company, currency)]
        balance = sum(row["amount"] for row in mine if row["on"] < since)
        head = {"company": company, "currency": currency}
        lines.append({**head, "on": since, "kind": ("Opening balance", "期初余额")[zh], "balance": balance})
        for row in mine:
            if row["on"] < since:
                continue
            balance += row["amount"]
            word = KINDS.get(row["kind"], (row["kind"], row["kind"]))[zh]
            if row["is_opening"]:
                word = (f"{word}, brought forward", f"{word}（期初）")[zh]
            if row["is_reversal"]:
                word = (f"{word}, reversed", f"{word}（冲回）")[zh]
            side = {"debit": row["amount"]} if row["amount"] > 0 else {"credit": -row["amount"]}
            document = {"document_id": row["document"], "number": row["number"]}
            lines.append({**head, "on": row["on"], **document, "kind": word, **side, "balance": balance})
        closing.append({**head, "on": asked.as_of, "kind": ("Closing balance", "期末余额")[zh], "balance": balance})
    columns = [
        Column("on", ("Date", "日期"), "date"),
        Column("number", ("Document", "单据"), width=20),
        Column("kind", ("Text", "摘要"), width=20),
        Column("company", ("Company", "公司"), width=10),
        Column("currency", ("Currency", "币种"), width=9),
        Column("debit", ("Debit", "借方"), "money"),
        Column("credit", ("Credit", "贷方"), "money"),
        Column("balance", ("Balance", "余额"), "money"),
    ]
    items = [item_row(one, asked) for one in open_at(conn, asked)]
    facts = [
        *asked.facts(),
        (("Customer", "客户"), owners.name(asked.customer)),
        (("From", "起始日期"), since.isoformat()),
    ]
    return Report(
        "statement",
        ("Statement of account", "对账单"),
        asked.as_of,
        asked.known.text,
        asked.known.at,
        (
            Table("movements", ("Movements", "往来明细"), columns, lines, closing),
            Table("items", ("Open items", "未结项目"), item_columns(), items),
        ),
        facts=facts,
        notes=beginning_notes(conn, asked, since),
    )


def _movements(conn: Connection, asked: Asked, accounts: list[str]) -> list[dict[str, Any]]:
    """What each entry did to the balance of these accounts, in the order of the journal; settlements move nothing."""
    e, p = entries.c, postings.c
    out: list[dict[str, Any]] = []
    ids: set[str] = set()
    for part in chunks(accounts):
        rows = conn.execute(
            select(
                e.id, e.kind, e.effective_on, e.seq, e.position, e.company_id, e.document_id, e.reverses_id,
                p.currency, func.sum(p.amount_minor).label("amount"),
            )
            .join(postings, p.entry_id == e.id)
            .where(
                p.account_id.in_(part),
                p.code.in_(chart.CUSTOMER_CODES),
                e.effective_on <= asked.as_of,
                e.seq <= asked.known.seq,
            )
            .group_by(
                e.id, e.kind, e.effective_on, e.seq, e.position, e.company_id, e.document_id, e.reverses_id,
                p.currency,
            )
        )  # fmt: skip
        for row in rows:
            if not row.amount or (asked.company and row.company_id != asked.company):
                continue
            ids.add(row.document_id or "")
            out.append(
                {
                    "on": row.effective_on, "order": (row.seq, row.position), "company": row.company_id,
                    "document": row.document_id or "", "is_reversal": row.reverses_id is not None,
                    "is_opening": row.kind == openings.OPENING,
                    "currency": row.currency, "amount": int(row.amount),
                }
            )  # fmt: skip
    names: dict[str, tuple[str, str]] = {}
    d = documents.c
    for part in chunks(sorted(ids)):
        for doc in conn.execute(select(d.id, d.number, d.kind).where(d.id.in_(part))):
            names[doc.id] = (doc.number, doc.kind)
    for one in out:
        one["number"], one["kind"] = names.get(one["document"], ("", ""))
    return sorted(out, key=lambda one: (one["company"], one["currency"], _day(one), one["order"]))


def _day(one: dict[str, Any]) -> date:
    found: date = one["on"]
    return found
