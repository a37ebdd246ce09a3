"""Customer matching beside Splink on the same tables, and one new record against many stored ones."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import firms
from bench.config import write_config
from bench.databases import Databases
from bench.envs import python_of
from bench.measure import Cost, run
from bench.table import Section

BAR = 0.999  # precision from which a machine may link without a person
WEIGHTS = range(-10, 41)


def measure(folder: Path, out: Path, records: int, data: Path | None, *, others: bool) -> Section:
    """Invented tables, and those of a folder with a truth.csv if one is given."""
    section = Section(
        "identity",
        "Customer matching, one process",
        ("tables", "tool", "records", "CPU s", "records / CPU s", "wall s", "MB", "precision", "recall", "asked"),
    )
    made = folder / "firms"
    firms.write(made, records)
    for name, tables in (("invented", made), *((("given", data),) if data is not None else ())):
        truth = firms.truth_of(tables)
        _tieout(section, name, tables, truth, folder)
        if others:
            _splink(section, name, tables, truth, folder, out)
    section.notes += [
        "- precision and recall: pairs in one cluster, of automatic links alone; asked: questions for people",
        "- Splink's threshold is chosen with the truth at hand, once for the best F1 and once for a precision of .999;",
        "  Tieout's are the shipped ones. Splink uses all processors, so that its wall time can be below its CPU time",
    ]
    return section


def binding(folder: Path, databases: Databases, records: int, samples: int, engines: Sequence[str]) -> Section:
    """Records of invented tables in a store, and new ones that come one by one."""
    section = Section(
        "binding",
        f"One new customer record against {records:,} stored ones, ms",
        ("database", "step", "p50", "p95", "longest", "samples"),
    )
    made = folder / "firms-stored"
    firms.write(made, records)
    steps = {
        "keys": "keys written, who sees them found",
        "decision": "candidates read, judged, outcome written",
        "both": "both",
        "commit": "commit",
    }
    for engine in engines:
        place = folder / f"binding-{engine}"
        database = databases.fresh(engine, "binding")
        config = write_config(place, "http://127.0.0.1:1", database, page_rows=100, vendor="kingdee")
        argv = [sys.executable, "-m", "bench.tools.binding", str(config), str(made), str(records), str(samples)]
        cost = run(argv)
        section.raw.append({"database": engine, **cost.as_dict()})
        for step, title in steps.items():
            found = cost.result[f"{step}_ms"]
            figures = (f"{found[one]:.1f}" for one in ("p50", "p95", "max"))
            section.rows.append((engine, title, *figures, str(cost.result["samples"])))
    return section


def _tieout(section: Section, name: str, tables: Path, truth: Mapping[str, str], folder: Path) -> None:
    clusters, review = folder / "clusters.csv", folder / "review.csv"
    argv = [sys.executable, "-m", "tieout.cli", "match", str(tables), "--out", str(clusters)]
    cost = run([*argv, "--review", str(review), "--processes", "1"])
    with clusters.open(encoding="utf-8", newline="") as file:
        home = {f"{row['source']}/{row['source_id']}": row["cluster_id"] for row in csv.DictReader(file)}
    with review.open(encoding="utf-8", newline="") as file:
        asked = sum(1 for _ in file) - 1
    _row(section, name, "Tieout", cost, worth(home, truth), len(truth), str(asked))


def _splink(section: Section, name: str, tables: Path, truth: Mapping[str, str], folder: Path, out: Path) -> None:
    edges = folder / "edges.csv"
    python = python_of(out.resolve(), "splink")
    cost = run([python, "-m", "bench.tools.match_splink", str(tables), str(edges)])
    with edges.open(encoding="utf-8", newline="") as file:
        pairs = sorted(((float(weight), left, right) for weight, left, right in csv.reader(file)), reverse=True)
    tried = {least: worth(joined(pairs, least, truth), truth) for least in WEIGHTS}
    best = max(WEIGHTS, key=lambda least: f1(*tried[least]))
    sure = next((least for least in WEIGHTS if tried[least][0] >= BAR), None)
    for title, least in ((f"Splink, weight {best}: best F1", best), (f"Splink, weight {sure}: precision", sure)):
        if least is not None:
            _row(section, name, title, cost, tried[least], len(truth), "-")


def _row(
    section: Section, name: str, tool: str, cost: Cost, found: tuple[float, float], records: int, asked: str
) -> None:
    precision, recall = found
    section.rows.append(
        (
            name, tool, f"{records:,}", f"{cost.cpu:.1f}", f"{records / cost.cpu:,.0f}", f"{cost.wall:.1f}",
            f"{cost.memory_mb:.0f}", f"{precision:.4f}", f"{recall:.3f}", asked,
        )
    )  # fmt: skip
    raw: dict[str, Any] = {"tables": name, "tool": tool, "records": records, "precision": precision, "recall": recall}
    section.raw.append(raw | cost.as_dict())


def joined(pairs: Iterable[tuple[float, str, str]], least: float, refs: Iterable[str]) -> dict[str, str]:
    """The cluster of each record when pairs of at least that weight are one; `pairs` strongest first."""
    parent = {ref: ref for ref in refs}

    def root(one: str) -> str:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for weight, left, right in pairs:
        if weight < least:
            break
        parent[root(left)] = root(right)
    return {ref: root(ref) for ref in parent}


def worth(home: Mapping[str, str], truth: Mapping[str, str]) -> tuple[float, float]:
    """Precision and recall of pairs in one cluster."""
    cells = Counter((home.get(ref, ref), entity) for ref, entity in truth.items())
    clusters = Counter(home.get(ref, ref) for ref in truth)
    right = sum(map(_pairs, cells.values()))
    made, wanted = (sum(map(_pairs, one.values())) for one in (clusters, Counter(truth.values())))
    return (right / made if made else 1.0), (right / wanted if wanted else 1.0)


def f1(precision: float, recall: float) -> float:
    """Their harmonic mean."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _pairs(number: int) -> int:
    return number * (number - 1) // 2
