"""Charts: aging, the trend of what is overdue, cash expected and sync health, each with its figures beside it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from tieout.core.money import format_minor
from tieout.reports import charts
from tieout.store.queries.overview import owed_by_due
from tieout.web.console.pages import Person, render, speaker
from tieout.web.deps import Ctx, Reads, Today
from tieout.web.drawing import draw, short
from tieout.web.i18n import Speaker

router = APIRouter()


@router.get("/charts")
def show_charts(
    request: Request,
    person: Person,
    ctx: Ctx,
    conn: Reads,
    today: Today,
    currency: Annotated[str, Query(pattern="^[A-Z]{3}$|^$", max_length=3)] = "",
) -> Response:
    """The charts of one currency (amounts of several are never added) and of all connections."""
    t = speaker(request, person)
    owed = owed_by_due(conn)
    lines = {line["currency"]: line for line in charts.currencies(conn, today, owed)}
    chosen = currency if currency in lines else next(iter(lines), "")
    shown: list[dict[str, Any]] = []
    if chosen:
        shown = [_aging(t, lines[chosen]), _trend(t, conn, chosen, today, owed), _cash(t, conn, chosen, today, owed)]
    shown += _health(t, charts.sync_health(conn, ctx.config, ctx.clock.now()))
    return render(request, "charts.html", person, charts=shown, currencies=list(lines), currency=chosen)


def _figure(
    name: str, t: Speaker, picture: Any, head: list[str], rows: list[list[str]], **words: str
) -> dict[str, Any]:
    return {
        "name": name,
        "title": t.say(f"charts.{name}", **words),
        "picture": picture,
        "head": head,
        "rows": rows,
        "words": t.say(f"charts.{name}_words"),
    }


def _aging(t: Speaker, line: dict[str, Any]) -> dict[str, Any]:
    code = line["currency"]
    labels = [t.word("bucket", bucket["code"]) for bucket in line["buckets"]]
    values = [bucket["amount"]["minor"] for bucket in line["buckets"]]
    picture = draw(
        "bar",
        {code: values},
        labels,
        title=t.say("charts.aging", currency=code),
        description=t.say("charts.aging_words"),
        tones=[f"b{at}" for at in range(len(values))],
        write=short(code, t.language),
    )
    head = [t.say("invoice.bucket"), code]
    rows = [[label, format_minor(value, code, code=False)] for label, value in zip(labels, values, strict=True)]
    return _figure("aging", t, picture, head, rows, currency=code)


def _trend(t: Speaker, conn: Any, code: str, today: Any, owed: charts.Owed) -> dict[str, Any]:
    points = charts.overdue_trend(conn, code, max(today.values()), owed=owed)
    picture = draw(
        "line",
        {code: [minor for _, minor in points]},
        [f"{day:%m-%d}" for day, _ in points],
        title=t.say("charts.trend", currency=code),
        description=t.say("charts.trend_words"),
        palette="p-late",
        write=short(code, t.language),
    )
    rows = [[day.isoformat(), format_minor(minor, code, code=False)] for day, minor in points]
    return _figure("trend", t, picture, [t.say("charts.day"), code], rows, currency=code)


def _cash(t: Speaker, conn: Any, code: str, today: Any, owed: charts.Owed) -> dict[str, Any]:
    steps = charts.cash_expected(conn, code, today, owed)
    labels = [f"{day:%m-%d}" if day is not None else t.word("step", step) for step, day, _ in steps]
    picture = draw(
        "bar",
        {code: [minor for _, _, minor in steps]},
        labels,
        title=t.say("charts.cash", currency=code),
        description=t.say("charts.cash_words"),
        tones=["b4" if step == "overdue" else "b0" for step, _, _ in steps],
        write=short(code, t.language),
    )
    rows = [[label, format_minor(step[2], code, code=False)] for label, step in zip(labels, steps, strict=True)]
    return _figure("cash", t, picture, [t.say("charts.week"), code], rows, currency=code)


def _health(t: Speaker, found: dict[str, Any]) -> list[dict[str, Any]]:
    if not found["connections"]:
        return []
    days = found["days"]
    sums = {
        state: [sum(cells[at][state] for cells in found["connections"].values()) for at in range(len(days))]
        for state in ("done", "failed")
    }
    picture = draw(
        "stacked",
        {t.word("run_state", state): values for state, values in sums.items()},
        [f"{day:%m-%d}" for day in days],
        title=t.say("charts.health"),
        description=t.say("charts.health_words"),
        palette="p-health",
        write=t.count,
    )
    head = [t.say("charts.day"), *found["connections"]]
    rows = [
        [days[at].isoformat(), *(_cell(t, cells[at]) for cells in found["connections"].values())]
        for at in range(len(days))
        if any(any(cells[at].values()) for cells in found["connections"].values())
    ]
    return [_figure("health", t, picture, head, rows)]


def _cell(t: Speaker, cell: dict[str, int]) -> str:
    failed = f" · {t.word('run_state', 'failed')} {t.count(cell['failed'])}" if cell["failed"] else ""
    return t.count(cell["done"]) + failed
