"""What charts are drawn from: aging, the trend of what is overdue, cash expected, and how pulls went. Exact figures."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from tieout.core.config import Config
from tieout.core.dates import zone
from tieout.ledger.openings import carried_forward_on
from tieout.receivables.aging import DEFAULT_SCHEME
from tieout.reports import overview
from tieout.store.queries import openings, trends
from tieout.store.queries.overview import owed_by_due

WEEKS = 13
DAYS = 14
AHEAD = 8  # weeks of cash expected, one by one; what is due later is one step


Owed = Sequence[Mapping[Any, Any]]  # what `owed_by_due` answers: one page asks it once


def currencies(conn: Connection, today: Mapping[str, date], owed: Owed | None = None) -> list[dict[str, Any]]:
    """The aging of every currency, the one with the most items first: also what there is to choose from."""
    return overview.aging(conn, today, owed)


def overdue_trend(
    conn: Connection, currency: str, today: date, weeks: int = WEEKS, owed: Owed | None = None
) -> list[tuple[date, int]]:
    """(day, minor units overdue at the end of it) week by week up to today, by what is known now.

    A line counts with what was open of it that day if its due day had passed; it is the sum the aging gives for today.
    What has not moved since the first week is the same in all: what is owed (by due day, asked here if not given) less
    what moved. Weeks that ended before the books began are left out.
    """
    first = max(map(carried_forward_on, openings.starts_at(conn).values()), default=date.min)
    days = [day for back in range(weeks - 1, -1, -1) if (day := today - timedelta(days=7 * back)) >= first]
    if not days:
        return []
    sums = [0] * len(days)
    resting: dict[date, int] = {}
    for row in owed_by_due(conn) if owed is None else owed:
        if row["currency"] == currency:
            resting[row["due_on"]] = resting.get(row["due_on"], 0) + int(row["minor"])
    moves = trends.movements_since(conn, currency, days[0])
    lines = trends.lines_of(conn, currency, {document for document, *_ in moves})
    for known in lines.values():
        for due_on, minor in known.values():
            if minor > 0:
                resting[due_on] -= minor
    for due_on, minor in resting.items():
        for at in range(bisect_right(days, due_on), len(days)):  # the first week at whose end its due day had passed
            sums[at] += minor
    later: dict[tuple[str, str], list[int]] = {}  # by line: what moved after the end of each week
    for document, line, on, minor in moves:
        if (known := lines.get(document, {})) == {}:
            continue
        # A movement without a line belongs to a document of one line, or closes the earliest one first.
        moved = later.setdefault((document, line if line in known else next(iter(known))), [0] * len(days))
        for at in range(_first(days, on)):
            moved[at] += minor
    for document, known in lines.items():
        for line, (due_on, minor) in known.items():
            after = later.get((document, line))
            for at in range(bisect_right(days, due_on), len(days)):
                was = minor - (after[at] if after is not None else 0)
                if was > 0:
                    sums[at] += was
    return list(zip(days, sums, strict=True))


def _first(days: Sequence[date], on: date) -> int:
    """The first of the days on which something of `on` is seen."""
    return bisect_right(days, on - timedelta(days=1))


def cash_expected(
    conn: Connection, currency: str, today: Mapping[str, date], owed: Owed | None = None
) -> list[tuple[str, date | None, int]]:
    """(step, first day of it, minor units) of what is open by due day: overdue, the coming weeks, later."""
    overdue = later = 0
    weeks = [0] * AHEAD
    start = max(today.values())
    for row in owed_by_due(conn) if owed is None else owed:
        if row["currency"] != currency:
            continue
        days = (row["due_on"] - today.get(row["company_id"], start)).days
        if days < 0:
            overdue += int(row["minor"])
        elif days < 7 * AHEAD:
            weeks[days // 7] += int(row["minor"])
        else:
            later += int(row["minor"])
    steps: list[tuple[str, date | None, int]] = [("overdue", None, overdue)]
    steps += [("week", start + timedelta(days=7 * at), minor) for at, minor in enumerate(weeks)]
    return [*steps, ("later", None, later)]


def sync_health(conn: Connection, config: Config, now: datetime, days: int = DAYS) -> dict[str, Any]:
    """Pulls that went well and that failed, per connection and day of the first company's zone, oldest first."""
    where = zone(next((company.timezone for company in config.companies.values()), "UTC"))
    today = now.astimezone(where).date()
    dates = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    begins = [datetime.combine(day, time(), where) for day in dates]
    table: dict[str, list[dict[str, int]]] = {
        name: [{"done": 0, "failed": 0} for _ in dates] for name in config.connections
    }
    for row in trends.pulls_since(conn, begins):
        if row["connection"] in table:
            table[row["connection"]][row["day"]][row["state"]] += int(row["runs"])
    return {"days": dates, "connections": {name: cells for name, cells in table.items() if any(map(_any, cells))}}


def _any(cell: Mapping[str, int]) -> bool:
    return any(cell.values())


BUCKETS = DEFAULT_SCHEME.codes
