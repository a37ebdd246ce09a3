"""Growth: what one changed invoice, a passing day and a reconciliation cost as the books grow; and the API."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.config import write_config
from bench.curve import draw
from bench.databases import Databases
from bench.measure import Server, run
from bench.table import Section

CURVES = {
    "change_cpu_seconds": "one changed invoice",
    "day_cpu_seconds": "a day passes",
    "reconciliation_cpu_seconds": "a reconciliation",
}


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """Slope of the least squares line through the logarithms: cost grows like size to this power."""
    logs = [(math.log(x), math.log(max(y, 1e-6))) for x, y in points]
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    spread = sum((x - mean_x) ** 2 for x, _ in logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / spread if spread else 0.0


def measure(folder: Path, databases: Databases, sizes: Sequence[int], engine: str, svg: Path) -> Section:
    """One set of books after the other, each pulled and decided from nothing."""
    section = Section(
        "growth",
        f"Growth on {engine}, CPU seconds",
        (
            "invoices",
            "one changed invoice",
            "a day passes",
            "moved that day",
            "a reconciliation",
            "bytes / invoice",
            "MB",
        ),
    )
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in CURVES}
    for rows in sizes:
        with Server(rows) as server:
            database = databases.fresh(engine, f"growth-{rows}")
            config = write_config(folder / f"growth-{rows}", server.url, database, page_rows=1000, vendor="kingdee")
            argv = [sys.executable, "-m", "bench.tools.books", str(config), server.url, str(rows), "growth"]
            cost = run(argv)
        found = cost.result
        section.raw.append(cost.as_dict())
        section.rows.append(
            (
                f"{rows:,}", f"{found['change_cpu_seconds']:.3f}", f"{found['day_cpu_seconds']:.2f}",
                f"{found['day_moved']:,}", f"{found['reconciliation_cpu_seconds']:.2f}",
                f"{found['bytes_per_invoice']:,}", f"{cost.memory_mb:.0f}",
            )
        )  # fmt: skip
        for name in CURVES:
            points[name].append((rows, found[name]))
    for name, title in CURVES.items():
        section.notes.append(f"- {title}: grows with the number of invoices to the power {exponent(points[name]):.2f}")
    draw(svg, {CURVES[name]: found for name, found in points.items()})
    section.notes.append(f"- curve: {svg.name}")
    return section


def measure_api(folder: Path, databases: Databases, rows: int, engine: str) -> Section:
    """The API's most used endpoints and every page, each asked forty times; the slowest first."""
    section = Section(
        "api", f"API and console at {rows:,} invoices on {engine}", ("asked", "p95 ms", "p50 ms", "CPU ms")
    )
    with Server(rows) as server:
        database = databases.fresh(engine, f"api-{rows}")
        config = write_config(folder / f"api-{rows}", server.url, database, page_rows=1000, vendor="kingdee")
        cost = run([sys.executable, "-m", "bench.tools.books", str(config), server.url, str(rows), "api"])
    for row in cost.result["api"]:
        section.rows.append((row["path"], f"{row['p95_ms']:.1f}", f"{row['p50_ms']:.1f}", f"{row['cpu_ms']:.1f}"))
    section.raw.append(cost.as_dict())
    return section
