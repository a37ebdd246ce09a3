"""The overview: money owed and overdue by currency, aging, health, conflicts, the pending plan, the last tie-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from tieout.core.config import Config
from tieout.receivables.aging import DEFAULT_SCHEME
from tieout.reports import health, work
from tieout.reports.values import money
from tieout.store.queries import conflicts, overview, reconciliations, runs
from tieout.store.queries.worth import worth

TOP_CONFLICTS = 20


def aging(
    conn: Connection, today: Mapping[str, date], owed: Sequence[Mapping[Any, Any]] | None = None
) -> list[dict[str, Any]]:
    """Per currency: owed, overdue, buckets by days overdue, and credits and unapplied cash beside them.

    Nothing is netted into a bucket (receivables reference, section 3); balance = owed - credits - unapplied. A share is
    in thousandths of what is owed, for bars.
    """
    codes = DEFAULT_SCHEME.codes
    lines: dict[str, dict[str, int]] = {}

    def line(currency: str) -> dict[str, int]:
        blank = dict.fromkeys((*codes, "owed", "overdue", "items", "credits", "unapplied"), 0)
        return lines.setdefault(currency, blank)

    for row in overview.owed_by_due(conn) if owed is None else owed:
        as_of = today.get(row["company_id"]) or max(today.values(), default=row["due_on"])
        into, minor = line(row["currency"]), int(row["minor"])
        into[DEFAULT_SCHEME.bucket(row["due_on"], as_of)] += minor
        into["owed"] += minor
        into["items"] += int(row["items"])
        into["overdue"] += minor if row["due_on"] < as_of else 0
    for row in overview.credits_by_currency(conn):
        into = line(row["currency"])
        into["credits"] += int(row["credits"])
        into["unapplied"] += int(row["unapplied"])
    out = []
    for currency, sums in sorted(lines.items(), key=lambda pair: (-pair[1]["items"], pair[0])):
        total = sums["owed"]
        figures = {name: money(sums[name], currency) for name in ("owed", "overdue", "credits", "unapplied")}
        out.append(
            {
                "currency": currency,
                "items": sums["items"],
                **figures,
                "balance": money(total - sums["credits"] - sums["unapplied"], currency),
                "overdue_share": 0 if not total else sums["overdue"] * 1000 // total,
                "buckets": [
                    {
                        "code": code,
                        "amount": money(sums[code], currency),
                        "share": 0 if not total else sums[code] * 1000 // total,
                    }
                    for code in codes
                ],
            }
        )
    return out


def build(conn: Connection, config: Config, today: Mapping[str, date], now: datetime) -> dict[str, Any]:
    """Everything the overview page shows, from one consistent state of the database."""
    connection_lines = health.connection_lines(conn, config, now)
    quote = next((one.functional_currency for one in config.companies.values()), "")
    as_of = max(today.values(), default=now.date())
    weighed = worth(conn, quote, as_of, conflicts.currencies(conn)) if quote else None
    top = conflicts.page(conn, conflicts.ConflictFilter(), TOP_CONFLICTS, None, weighed)
    latest = reconciliations.latest(conn)
    return {
        "now": now,
        "today": dict(today),
        "aging": aging(conn, today),
        "connections": connection_lines,
        "first_sync": health.first_sync(conn, config, connection_lines),
        "running": [work.run(row) for row in runs.running(conn)],
        "conflicts": [work.conflict(row, now) for row in top.rows],
        "conflict_figures": work.conflict_figures(conn),
        "pending": work.pending(conn),
        "reconciliation": None if latest is None else {**work.reconciliation(latest), "body": latest["body"]},
    }
