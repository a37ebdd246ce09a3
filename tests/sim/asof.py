"""E5: a report for a day and a point of knowledge comes out the same for ever; aging sums to what is open.

And what is known now says what stands now: the last of all days shows the open amounts and balances as they are stored.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from tests.sim.process import nobody
from tieout.reports.made.aging import aging
from tieout.reports.made.request import Asked
from tieout.store.queries.as_of import KnownAt, balances_at, known_at, open_by_line
from tieout.store.session import reading
from tieout.store.tables import documents

if TYPE_CHECKING:
    from tests.sim.world import World

LAST = date(9998, 12, 31)  # later than any entry
Printed = tuple[date, str, list[str]]


def printed(world: World, as_of: date, point: str | None = None) -> Printed:
    """The balances and open amounts of a day as known at a point (None = now), as text."""
    with nobody(), reading(world.database.engine) as conn:
        known = known_at(conn, point)
        rows = sorted(str(dict(row)) for row in balances_at(conn, as_of, known))
        rows += sorted(f"{line} {amount}" for line, amount in open_by_line(conn, as_of, known).items())
    return as_of, known.text, rows


def keep(world: World) -> None:
    """Print today's and yesterday's report and remember them; those printed last come out as they did."""
    for problem in again(world, last=4):
        world.problem(problem)
    today = world.planned_now().date()
    world.reports += [printed(world, today), printed(world, today - timedelta(days=1))]
    for problem in ties(world, today):
        world.problem(problem)


def ties(world: World, today: date) -> list[str]:
    """What is known now against what stands now, and the aging of a day against the journal of that day."""
    with nobody(), reading(world.database.engine) as conn:
        known = known_at(conn, None)
        out = [
            f"E5 {document}: {made.get(document, 0)} is open by the journal, {held.get(document, 0)} by the document"
            for made, held in [(_by_document(conn, known), _held(conn))]
            for document in sorted(made.keys() | held.keys())
            if made.get(document, 0) != held.get(document, 0)
        ]
        for as_of in (today, LAST):
            journal: dict[str, int] = {}
            for row in balances_at(conn, as_of, known):
                journal[row["currency"]] = journal.get(row["currency"], 0) + int(row["minor"])
            (table, *_) = aging(conn, Asked(as_of, known)).tables
            for row in table.total_rows:
                parts = sum(int(row[name]) for name in row if name.startswith("b_"))
                parts += int(row["credits"]) + int(row["unapplied"])
                if not parts == int(row["balance"]) == journal.pop(row["currency"], 0):
                    out.append(f"E5 the aging of {as_of} sums to {parts} {row['currency']}, not to {row['balance']}")
            out += [f"E5 the aging of {as_of} leaves out {minor} {code}" for code, minor in journal.items() if minor]
    return out


def _by_document(conn: Connection, known: KnownAt) -> dict[str, int]:
    out: dict[str, int] = {}
    for (document, _), amount in open_by_line(conn, LAST, known).items():
        out[document] = out.get(document, 0) + amount
    return {document: amount for document, amount in out.items() if amount}


def _held(conn: Connection) -> dict[str, int]:
    d = documents.c
    rows = conn.execute(select(d.id, d.open_minor).where(d.state == "posted", d.open_minor != 0))
    return {row.id: int(row.open_minor) for row in rows}


def again(world: World, *, last: int = 0) -> list[str]:
    """Print every remembered report once more, or the `last` few."""
    out: list[str] = []
    for as_of, point, rows in world.reports[-last:]:
        if printed(world, as_of, point)[2] != rows:
            out.append(f"E5 the report for {as_of} known at {point} comes out different now")
    return out
