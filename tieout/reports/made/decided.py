"""Credit and dunning: what was decided, with the figures and reasons stored at the time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from mapping.credit_words import credit_words
from tieout.core.dates import add_months
from tieout.reports.made.items import Owners
from tieout.reports.made.request import Asked
from tieout.reports.table import Column, Report, Table
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
    """Every reminder decision of a period, sent or not, with its reasons; three months back without `since`."""
    since = asked.since or add_months(asked.as_of, -3)
    owners = Owners(conn, asked)
    rows = []
    for kind in ("reminder", "dunning"):
        for row in _known(conn, kind, asked):
            parts, body = str(row["subject"]).split("|"), row["body"] or {}
            customer = parts[0]
            if row["effective_on"] < since or (asked.customer and customer != asked.customer):
                continue
            currency = str(body.get("currency") or (parts[-1] if len(parts) > 2 else ""))
            rows.append(
                {
                    "on": row["effective_on"],
                    "customer": owners.name(customer),
                    "customer_id": customer,
                    "company": row["company_id"],
                    "decision": row["value"],
                    "currency": currency,
                    "amount": body.get("amount_minor"),
                    "items": len(body.get("items") or ()),
                    "reasons": "; ".join(_reason(reason) for reason in row["reasons"]),
                }
            )
    rows.sort(key=lambda one: (one["on"], one["customer"], one["company"], one["currency"]))
    columns = [
        Column("on", ("Date", "日期"), "date"),
        Column("customer", ("Customer", "客户"), width=34),
        Column("company", ("Company", "公司"), width=10),
        Column("decision", ("Decision", "决定"), width=12),
        Column("currency", ("Currency", "币种"), width=9),
        Column("amount", ("Amount", "金额"), "money"),
        Column("items", ("Items", "项数"), "integer"),
        Column("reasons", ("Why", "原因"), width=60),
    ]
    return Report(
        "dunning",
        ("Dunning log", "催收记录"),
        asked.as_of,
        asked.known.text,
        asked.known.at,
        (Table("decisions", ("Decisions", "决定"), columns, rows),),
        facts=[*asked.facts(), (("From", "起始日期"), since.isoformat())],
    )


def _reason(reason: Row) -> str:
    params = {key: value for key, value in dict(reason.get("params") or {}).items() if value not in (None, "", [])}
    said = ", ".join(f"{key} {value}" for key, value in sorted(params.items()) if not isinstance(value, dict | list))
    code = str(reason.get("code", "")).replace("_", " ")
    return f"{code} ({said})" if said else code
