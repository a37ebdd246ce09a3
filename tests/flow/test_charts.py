"""Charts of a whole installation: the last point of the trend is what the aging says, and money adds up."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, select

from tests.flow.books import Synced, receive, rows
from tieout.reports import charts
from tieout.reports.values import today_by_company
from tieout.store.queries import trends
from tieout.store.session import reading
from tieout.store.tables import documents, open_items


def test_the_trend_ends_in_what_is_overdue_now_and_falls_with_a_payment(synced: Synced) -> None:
    world, service = synced
    today = today_by_company(service.config, service.ctx.clock)
    day = max(today.values())
    with reading(service.ctx.engine) as conn:
        lines = {line["currency"]: line for line in charts.currencies(conn, today)}
        found = {code: charts.overdue_trend(conn, code, day) for code in lines}
        expected = {code: charts.cash_expected(conn, code, today) for code in lines}
    assert set(lines) == {"CNY", "USD", "EUR"}
    for code, line in lines.items():
        assert found[code][-1] == (day, line["overdue"]["minor"])
        assert len(found[code]) == charts.WEEKS
        assert expected[code][0] == ("overdue", None, line["overdue"]["minor"])
        assert sum(minor for _, _, minor in expected[code]) == line["owed"]["minor"]
        assert expected[code][1][1] == day
    o, d = open_items.c, documents.c
    late = rows(
        service,
        select(d.number, o.open_minor)
        .join(open_items, o.document_id == d.id)
        .where(o.due_on < day - timedelta(days=7), o.open_minor > 100_00, d.currency == "CNY")
        .order_by(d.number),
    )[0]
    before = dict(found["CNY"])
    receive(world, late["number"], Decimal("100.00"))
    world.clock.advance(7 * 86_400)
    assert service.sync().ok
    with reading(service.ctx.engine) as conn:
        after = dict(charts.overdue_trend(conn, "CNY", day + timedelta(days=7)))
        later = today_by_company(service.config, service.ctx.clock)
        now = {line["currency"]: line for line in charts.currencies(conn, later)}
    assert after[day] == before[day] - 100_00  # the receipt bears the date of that day
    assert after[day - timedelta(days=7)] == before[day - timedelta(days=7)]
    assert after[day + timedelta(days=7)] == now["CNY"]["overdue"]["minor"]


def plainly(conn: Connection, currency: str, days: list[date], today: date) -> list[int]:
    """The trend from every movement there ever was, one week at a time."""
    lines = trends.lines_of(conn, currency, {row[0] for row in trends.movements_since(conn, currency, date.min)})
    due = {document: {line: due_on for line, (due_on, _) in some.items()} for document, some in lines.items()}
    sums = []
    for day in days:
        opened: Counter[tuple[str, str]] = Counter()
        for document, line, on, minor in trends.movements_since(conn, currency, date.min):
            if document in due and on <= min(day, today):
                opened[document, line if line in due[document] else next(iter(due[document]))] += minor
        sums.append(sum(minor for (of, line), minor in opened.items() if minor > 0 and due[of][line] < day))
    return sums


@pytest.mark.parametrize("weeks", [1, 4, 13, 60])
def test_what_was_closed_before_the_first_week_is_not_read_and_not_missed(synced: Synced, weeks: int) -> None:
    _, service = synced
    day = max(today_by_company(service.config, service.ctx.clock).values())
    with reading(service.ctx.engine) as conn:
        for code in ("CNY", "USD", "EUR"):
            points = charts.overdue_trend(conn, code, day, weeks)
            assert len(points) == weeks
            assert [minor for _, minor in points] == plainly(conn, code, [on for on, _ in points], day)
        read = {row[0] for row in trends.movements_since(conn, "CNY", day - timedelta(days=7))}
        assert 0 < len(read) < len({row[0] for row in trends.movements_since(conn, "CNY", date.min)})


def test_health_counts_pulls_by_day_and_outcome(synced: Synced) -> None:
    world, service = synced
    world.clock.advance(86_400)
    assert service.sync().ok
    with reading(service.ctx.engine) as conn:
        found = charts.sync_health(conn, service.config, service.ctx.clock.now())
    assert set(found["connections"]) == {"zoho", "kingdee"}
    assert len(found["days"]) == charts.DAYS
    for cells in found["connections"].values():
        assert cells[-1]["done"] > 0
        assert cells[-2]["done"] > 0
        assert sum(cell["failed"] for cell in cells) == 0
        assert sum(cell["done"] for cell in cells[:-2]) == 0
