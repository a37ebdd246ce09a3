"""E5: a report for a day and a point of knowledge comes out the same for ever; aging sums to what is open."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from tests.sim.process import nobody
from tieout.store.queries.as_of import balances_at, known_at, open_by_line
from tieout.store.session import reading

if TYPE_CHECKING:
    from tests.sim.world import World

Printed = tuple[date, str, list[str]]


def printed(world: World, as_of: date, point: str | None = None) -> Printed:
    """The balances and open amounts of a day as known at a point (None = now), as text."""
    with nobody(), reading(world.database.engine) as conn:
        known = known_at(conn, point)
        rows = sorted(str(dict(row)) for row in balances_at(conn, as_of, known))
        rows += sorted(f"{line} {amount}" for line, amount in open_by_line(conn, as_of, known).items())
    return as_of, known.text, rows


def keep(world: World) -> None:
    """Print today's and yesterday's report and remember them."""
    today = world.planned_now().date()
    world.reports += [printed(world, today), printed(world, today - timedelta(days=1))]


def again(world: World) -> list[str]:
    """Print every remembered report once more."""
    out: list[str] = []
    for as_of, point, rows in world.reports:
        if printed(world, as_of, point)[2] != rows:
            out.append(f"E5 the report for {as_of} known at {point} comes out different now")
    return out
