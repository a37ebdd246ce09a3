"""Metrics in Prometheus text: runs, outbox, conflicts, lag, calls, budgets. Read from SQL at every scrape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import Connection

from tieout.core.config import Config
from tieout.reports import health, work
from tieout.store.queries import connections, pushes, runs
from tieout.store.session import database_bytes


class _Families:
    """A collector over families that were read once."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _family(name: str, words: str, labels: list[str], rows: Iterable[tuple[list[str], float]]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _used(lines: Iterable[Mapping[str, Any]]) -> Iterable[tuple[list[str], float]]:
    """One sum for each kind of window: a label for every bucket of a rolling one would be a new series each hour."""
    sums: dict[tuple[str, str], int] = {}
    for line in lines:
        for budget in line["budgets"]:
            key = (line["name"], budget["window"].split(":")[0])
            sums[key] = sums.get(key, 0) + int(budget["used"])
    return (([name, kind], used) for (name, kind), used in sorted(sums.items()))


def families(conn: Connection, config: Config, now: datetime) -> list[Metric]:
    """Every family, from one consistent state."""
    lines = health.connection_lines(conn, config, now)
    figures = work.conflict_figures(conn)
    streams: list[tuple[list[str], Mapping[str, Any]]] = [
        ([line["name"], stream["stream"]], stream) for line in lines for stream in line["streams"]
    ]
    kinds = figures["by_kind"].items()
    return [
        _family(
            "tieout_runs",
            "Runs recorded, by kind, connection and state.",
            ["kind", "connection", "state"],
            (([row["kind"], row["connection"], row["state"]], row["runs"]) for row in runs.counted(conn)),
        ),
        _family(
            "tieout_outbox_rows",
            "Pushes by connection and state.",
            ["connection", "state"],
            (([row["connection"], row["state"]], row["rows"]) for row in pushes.by_state(conn)),
        ),
        _family(
            "tieout_inbox_rows",
            "Webhook deliveries by connection and state.",
            ["connection", "state"],
            (([row["connection"], row["state"]], row["rows"]) for row in connections.inbox_by_state(conn)),
        ),
        _family(
            "tieout_conflicts_open",
            "Open conflicts by kind.",
            ["kind"],
            (([kind], found["open"]) for kind, found in kinds),
        ),
        _family(
            "tieout_conflicts_blocking",
            "Open conflicts that block a balance, by kind.",
            ["kind"],
            (([kind], found["blocking"]) for kind, found in kinds),
        ),
        _family("tieout_records", "Living source records.", [], [([], figures["records"])]),
        _family(
            "tieout_conflicts_per_thousand_records",
            "Open conflicts per 1,000 source records.",
            [],
            [([], figures["per_thousand_milli"] / 1000)],
        ),
        _family(
            "tieout_stream_lag_seconds",
            "Seconds since a stream was last read to its end.",
            ["connection", "stream"],
            ((labels, stream["lag_seconds"]) for labels, stream in streams if stream["lag_seconds"] is not None),
        ),
        _family(
            "tieout_stream_failed",
            "1 where the last read of a stream ended with an error.",
            ["connection", "stream"],
            ((labels, float(stream["state"] == "failed")) for labels, stream in streams),
        ),
        _family(
            "tieout_calls_used",
            "Calls made to a vendor since the connection was added.",
            ["connection"],
            (([line["name"]], line["calls"]) for line in lines),
        ),
        _family(
            "tieout_credits_used",
            "Vendor credits spent since the connection was added.",
            ["connection"],
            (([line["name"]], line["credits"]) for line in lines),
        ),
        _family(
            "tieout_budget_used",
            "Calls or credits used in the windows that count now, by kind of window.",
            ["connection", "window"],
            _used(lines),
        ),
        _family("tieout_database_bytes", "Size of the database.", [], [([], database_bytes(conn))]),
    ]


def render(conn: Connection, config: Config, now: datetime) -> bytes:
    """The scrape answer (text format 0.0.4)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families(conn, config, now)))
    return generate_latest(registry)
