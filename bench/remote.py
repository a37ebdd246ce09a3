"""A source that is far away: each answer comes 20 ms late. How much of the waiting is used to land what is there?"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.config import write_config
from bench.databases import Databases
from bench.measure import Server, run
from bench.table import Section, times

DELAY_MS = 20


def measure(folder: Path, databases: Databases, rows: int, engines: tuple[str, ...]) -> Section:
    """Wall seconds of work, start apart, of landing beside a floor that waits and one that fetches a page ahead."""
    section = Section(
        "remote",
        f"Pull from a source {DELAY_MS} ms away: {rows:,} invoices",
        ("tool", "database", "page", "wall: x floor a page ahead", "wall s", "CPU s", "records / s"),
    )
    own = sys.executable
    for engine in engines:
        for size, vendor in ((200, "zoho"), (1000, "kingdee")):
            with Server(rows, DELAY_MS) as server:
                place = folder / f"remote-{engine}-{size}"
                config = write_config(
                    place, server.url, databases.fresh(engine, f"remote-{size}"), page_rows=size, vendor=vendor
                )
                run([own, "-m", "bench.tools.product", str(config), "migrate"])
                floor = [own, "-m", "bench.tools.floor", server.url]
                costs = {
                    "floor, a page ahead": run(
                        [*floor, databases.fresh(engine, f"remote-ahead-{size}"), str(size), "--ahead"]
                    ),
                    "floor, page after page": run([*floor, databases.fresh(engine, f"remote-floor-{size}"), str(size)]),
                    "Tieout, landing": run([own, "-m", "bench.tools.product", str(config), "pull", "source"]),
                }
            best = costs["floor, a page ahead"].result["work_wall_seconds"]
            for name, cost in costs.items():
                wall = cost.result["work_wall_seconds"]
                section.rows.append(
                    (name, engine, str(size), times(wall, best), f"{wall:.2f}", f"{cost.work_cpu:.2f}",
                     f"{rows / wall:,.0f}")
                )  # fmt: skip
                section.raw.append({"tool": name, "database": engine, "page": size, **cost.as_dict()})
    section.notes.append("- bill queries ask header, plan and detail apart: three waits where the floor has one")
    return section
