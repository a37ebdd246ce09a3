"""Pull and load: one source, the same records, into SQLite and PostgreSQL, by Tieout, dlt, Singer and a bare floor."""

from __future__ import annotations

import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bench.config import write_config
from bench.databases import Databases
from bench.envs import python_of
from bench.measure import Cost, Server, run
from bench.table import Section, times

PHASES = ("first", "nothing changed", "1 % changed")


@dataclass
class Tool:
    """One contestant on one database: the command of each phase."""

    name: str
    size: int
    argv: list[str]
    newest: str = ""  # the floor keeps its own cursor

    def run(self) -> Cost:
        cost = run([*self.argv, self.newest] if self.newest else self.argv)
        if self.name == "floor":
            self.newest = str(cost.result.get("newest", ""))
        return cost


def tools(folder: Path, databases: Databases, engine: str, source: str, size: int, others: bool) -> list[Tool]:
    """The contestants of one engine and page size. CRM lists give at most 200 records, bill queries 1,000."""
    own = sys.executable
    place = folder / f"{engine}-{size}"
    place.mkdir(parents=True, exist_ok=True)
    made = [
        Tool(
            "floor",
            size,
            [own, "-m", "bench.tools.floor", source, databases.fresh(engine, f"floor-{size}"), str(size)],
        )
    ]
    vendor = "zoho" if size <= 200 else "kingdee"
    for name, what in (("Tieout, landing", "pull"), ("Tieout, whole way", "whole")):
        if what == "whole" and vendor == "zoho":
            continue  # a CRM's invoices are claims: they post nothing
        database = databases.fresh(engine, f"tieout-{what}-{size}")
        config = write_config(place / what, source, database, page_rows=size, vendor=vendor)
        run([own, "-m", "bench.tools.product", str(config), "migrate"])
        made.append(Tool(name, size, [own, "-m", "bench.tools.product", str(config), what, "source"]))
    if others:
        for name, module in (("dlt", "loader_dlt"), ("singer", "loader_singer")):
            database = databases.fresh(engine, f"{name}-{size}")
            argv = [python_of(folder.parent, name), "-m", f"bench.tools.{module}", source, database, str(size)]
            made.append(Tool(name, size, [*argv, str(place / name)]))
    return made


def measure(
    folder: Path,
    databases: Databases,
    rows: int,
    *,
    engines: tuple[str, ...] = ("sqlite", "postgresql"),
    sizes: tuple[int, ...] = (200, 1000),
    others: bool = True,
) -> Section:
    """All tools in turn within each phase, so that a slow minute of the machine hits all alike."""
    section = Section(
        "pull",
        f"Pull and load: {rows:,} invoices",
        ("tool", "database", "page", "phase", "x floor", "x dlt", "work CPU s", "records / CPU s", "wall s", "MB"),
    )
    starts: dict[str, list[float]] = {}
    for engine in engines:
        for size in sizes:
            with Server(rows) as server:
                contestants = tools(folder, databases, engine, server.url, size, others)
                for phase in PHASES:
                    if phase == "1 % changed":
                        urllib.request.urlopen(f"{server.url}/_change", data=b"").read()
                    costs = {tool.name: tool.run() for tool in contestants}
                    _add(section, engine, size, phase, costs, rows)
                    for name, cost in costs.items():
                        starts.setdefault(name, []).append(cost.start_cpu)
    for name, found in starts.items():
        if name not in ("singer",):
            section.notes.append(f"- start of {name} (import, connect): {sum(found) / len(found):.2f} CPU s each time")
    section.notes.append("- the start of singer's two processes is part of its work")
    return section


def _add(section: Section, engine: str, size: int, phase: str, costs: dict[str, Cost], rows: int) -> None:
    floor, dlt = costs["floor"].work_cpu, costs["dlt"].work_cpu if "dlt" in costs else 0.0
    moved = {"first": rows, "nothing changed": 0, "1 % changed": rows // 100}[phase]
    for name, cost in costs.items():
        section.rows.append(
            (
                name, engine, str(size), phase, times(cost.work_cpu, floor), times(cost.work_cpu, dlt),
                f"{cost.work_cpu:.2f}", f"{moved / cost.work_cpu:,.0f}" if moved and cost.work_cpu else "-",
                f"{cost.wall:.1f}", f"{cost.memory_mb:.0f}",
            )
        )  # fmt: skip
        section.raw.append({"tool": name, "database": engine, "page": size, "phase": phase, **cost.as_dict()})
