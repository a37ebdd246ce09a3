"""Credit and dunning: what was decided, with the figures and reasons stored at the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from mapping.credit_words import credit_words
from tieout.core.dates import add_months
from tieout.reports.dunning_words import dunning_word
from tieout.reports.made.items import Owners
from tieout.reports.made.request import Asked
from tieout.reports.table import Column, Report, Table
from tieout.store.queries import as_of as books_at
from tieout.store.tables import decisions

Row = Mapping[Any, Any]


def _known(conn: Connection, kind: str, asked: Asked) -> list[Row]:
    d = decisions.c
    query = select(decisions).where(d.kind == kind, d.seq <= asked.known.input_seq, d.effective_on <= asked.as_of)
    if asked.company:
        query = query.where(d.company_id == asked.company)
    return [dict(row) for row in conn.execute(query.order_by(d.seq, d.id)).mappings()]


def credit(conn: Connection, asked: Asked) -> Report:
    """The credit status that stood for each customer and company, worst first."""
    standing: dict[str, Row] = {}
    for row in _known(conn, "credit", asked):
        standing[row["subject"]] = row
    owners = Owners(conn, asked)
    rows = []
    for row in standing.values():
        customer, body = str(row["subject"]).split("|")[0], row["body"]
        if asked.customer and customer != asked.customer:
            continue
        words = [credit_words(reason, body["currency"], asked.language) for reason in row["reasons"]]
        rows.append(
            {
                "customer": owners.name(customer),
                "customer_id": customer,
                "company": row["company_id"],
                "status": row["value"],
                "grade": body.get("grade", ""),
                "currency": body["currency"],
                "limit": body.get("limit_minor"),
                "exposure": body.get("exposure_minor"),
                "since": row["effective_on"],
                "reasons": "; ".join(words),
            }
        )
    severity = {"hold": 0, "watch": 1, "ok": 2}
    rows.sort(
        key=lambda one: (severity.get(one["status"], 9), -(one["exposure"] or 0), one["customer"], one["company"])
    )
    columns = [
        Column("customer", ("Customer", "客户"), width=34),
        Column("company", ("Company", "公司"), width=10),
        Column("status", ("Status", "状态"), width=9),
        Column("grade", ("Grade", "等级"), width=8),
        Column("currency", ("Currency", "币种"), width=9),
        Column("limit", ("Limit", "信用额度"), "money"),
        Column("exposure", ("Exposure", "风险敞口"), "money"),
        Column("since", ("Since", "自"), "date"),
        Column("reasons", ("Reasons", "原因"), width=70),
    ]
    return Report(
        "credit",
        ("Credit", "信用"),
        asked.as_of,
        asked.known.text,
        asked.known.at,
        (Table("customers", ("Customers", "客户"), columns, rows),),
        facts=asked.facts(),
    )


def dunning(conn: Connection, asked: Asked) -> Report:
    """Every reminder decision of a period, sent or not, with the items behind it; three months back without `since`."""
    since = asked.since or add_months(asked.as_of, -3)
    owners = Owners(conn, asked)
    rows: list[dict[str, Any]] = []
    steps: list[tuple[dict[str, Any], Sequence[Any]]] = []
    for row in _known(conn, "reminder", asked):
        parts, body = str(row["subject"]).split("|"), row["body"] or {}
        if row["effective_on"] < since or (asked.customer and parts[0] != asked.customer):
            continue
        head = {
            "on": row["effective_on"],
            "customer": owners.name(parts[0]),
            "customer_id": parts[0],
            "company": row["company_id"],
            "currency": str(body.get("currency") or parts[-1]),
        }
        rows.append(
            {
                **head,
                "decision": dunning_word(row["value"], asked.language),
                "amount": body.get("amount_minor"),
                "level": body.get("level") or None,
                "items": len(body.get("items") or ()),
                "policy": str(body.get("policy") or ""),
            }
        )
        steps += [(head, step) for step in body.get("steps") or ()]
    order = ("on", "customer", "customer_id", "company", "currency")
    rows.sort(key=lambda one: tuple(one[name] for name in order))
    numbers = books_at.documents_of(conn, sorted({str(step[1]) for _, step in steps}))
    items = [_step_row(head, step, numbers, asked) for head, step in steps]
    items.sort(key=lambda one: (*(one[name] for name in order), one["number"]))
    columns = [
        Column("on", ("Date", "日期"), "date"),
        Column("customer", ("Customer", "客户"), width=34),
        Column("company", ("Company", "公司"), width=10),
        Column("decision", ("Decision", "决定"), width=28),
        Column("currency", ("Currency", "币种"), width=9),
        Column("amount", ("Amount", "金额"), "money"),
        Column("level", ("Level", "级别"), "integer"),
        Column("items", ("Items", "项数"), "integer"),
        Column("policy", ("Policy", "策略版本"), width=16),
    ]
    return Report(
        "dunning",
        ("Dunning log", "催收记录"),
        asked.as_of,
        asked.known.text,
        asked.known.at,
        (
            Table("decisions", ("Decisions", "决定"), columns, rows),
            Table("items", ("Items and why not", "明细与未发原因"), _step_columns(), items),
        ),
        facts=[*asked.facts(), (("From", "起始日期"), since.isoformat())],
    )


def _step_columns() -> list[Column]:
    return [
        Column("on", ("Date", "日期"), "date"),
        Column("customer", ("Customer", "客户"), width=34),
        Column("number", ("Document", "单据"), width=20),
        Column("currency", ("Currency", "币种"), width=9),
        Column("amount", ("Claimed", "催收金额"), "money"),
        Column("step", ("Step", "步骤"), width=8),
        Column("why", ("Why not", "未发原因"), width=28),
        Column("next_on", ("Next look", "下次判断"), "date"),
    ]


def _step_row(
    head: Mapping[str, Any], step: Sequence[Any], numbers: Mapping[str, RowMapping], asked: Asked
) -> dict[str, Any]:
    """One item of a decision as it was stored: item, document, claimed amount, step, why not, next date."""
    document, next_on = numbers.get(str(step[1])), step[5] if len(step) > 5 else None
    return {
        **head,
        "number": document["number"] if document is not None else str(step[0]),
        "amount": step[2],
        "step": step[3],
        "why": dunning_word(str(step[4]), asked.language) if step[4] else "",
        "next_on": date.fromisoformat(next_on) if next_on else None,
    }
