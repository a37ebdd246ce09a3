"""Push: how fast fields are written at each CRM's documented limits, by one worker and by four.

Zoho CRM limits credits a day and calls at a time, so there the fewest calls count. Fxiaoke limits calls in 20 seconds,
so there what counts is how much of the allowed rate is used, and that no call is refused.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bench.databases import Databases
from bench.installation import Installation, wait
from bench.table import Section
from sync.service import Service, open_service
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.store.session import reading
from tieout.store.tables import outbox

OPEN = ("planned", "parked", "ready", "claimed", "sending", "uncertain")


@dataclass(frozen=True, slots=True)
class Crm:
    """A CRM's documented limits on writing: records a call, and calls of one kind in a window (0 = no such limit)."""

    name: str
    title: str
    per_call: int
    write_paths: str
    calls: int = 0
    window_seconds: int = 0


# Zoho docs v8, insert and update records; Fxiaoke open platform, rate page: 100 calls in 20 seconds per interface.
CRMS = (
    Crm("zoho", "Zoho CRM", per_call=100, write_paths="/crm/"),
    Crm("fxiaoke", "Fxiaoke", per_call=1, write_paths="/data/update", calls=100, window_seconds=20),
)


def measure(folder: Path, databases: Databases, invoices: int) -> Section:
    """The first write-back of a company into each CRM, by one worker and by four, each from the same start."""
    section = Section(
        "push",
        f"Push, a company of {invoices:,} invoices, on PostgreSQL",
        (
            "CRM", "workers", "records / s", "of the allowed rate", "calls / 1,000", "fewest", "refusals",
            "RQ's share of CPU", "records", "wall s",
        ),
    )  # fmt: skip
    for crm in CRMS:
        for workers in (1, 4):
            database = databases.fresh("postgresql", "push")
            place = folder / f"push-{crm.name}-{workers}"
            size = {"customers": max(invoices // 8, 10), "invoices": invoices}
            with Installation(place, database, **size, crm=crm.name, limits=_limits(crm), is_documented=True) as made:
                with open_service(load(made.config, vendor_settings=vendor_settings)) as service:
                    service.migrate()
                made.command("setup", crm.name)
                made.command("push", "pause")
                made.command("pull")
                made.command("apply")
                with open_service(load(made.config, vendor_settings=vendor_settings)) as service:
                    found = _push(made, service, crm, workers)
            section.raw.append({"crm": crm.name, "workers": workers, **found})
            section.rows.append(_row(crm, workers, found))
    section.notes.append("- Zoho limits credits a day and calls at a time: the fewest calls are what counts")
    section.notes.append("- Fxiaoke limits calls in 20 s: counted over the whole windows from the first write on")
    return section


def _limits(crm: Crm) -> Mapping[str, int]:
    """Settings that let the product use all that is documented; by default it keeps a fifth back for other programs."""
    return {"calls_per_20_seconds": crm.calls} if crm.calls else {}


def _row(crm: Crm, workers: int, found: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        crm.title, str(workers), f"{found['records'] / found['wall_seconds']:.1f}",
        f"{found['rate_used']:.1%}" if found["rate_used"] is not None else "-", f"{found['calls_per_1000']:.1f}",
        f"{found['fewest_per_1000']:.1f}", str(found["refusals"]), f"{found['rq_share']:.1%}",
        f"{found['records']:,}", f"{found['wall_seconds']:.1f}",
    )  # fmt: skip


def _push(made: Installation, service: Service, crm: Crm, workers: int) -> dict[str, Any]:
    left = select(func.count()).select_from(outbox).where(outbox.c.state.in_(OPEN))
    total = _count(service, left)
    seen = max((row["no"] for row in made.control(f"requests?vendor={crm.name}")["requests"]), default=0)
    effects = made.control("effects")["last_seq"]
    files = [made.folder / f"worker-{number}.json" for number in range(workers)]
    processes = [
        made.start([sys.executable, "-m", "bench.tools.worker", str(file)], f"worker-{number}")
        for number, file in enumerate(files)
    ]
    time.sleep(3)  # they are idle now: what they start with is not part of it
    began = time.perf_counter()
    service.push_resume("bench")
    wait(lambda: _count(service, left) == 0, 900, "rows are still waiting", every=0.1)
    wall = time.perf_counter() - began
    for process in processes:
        made.end(process)
    spent = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    asked = made.control(f"requests?vendor={crm.name}&since={seen}")["requests"]
    calls = [row for row in asked if row["method"] in ("PUT", "POST", "PATCH") and crm.write_paths in row["path"]]
    by_module: dict[str, int] = {}
    for row in made.control(f"effects?since={effects}&vendor={crm.name}&actor=api")["effects"]:
        by_module[row["entity"]] = by_module.get(row["entity"], 0) + 1
    fewest = sum(-(-count // crm.per_call) for count in by_module.values())
    cpu = sum(one["work_cpu"] for one in spent)
    return {
        "records": total,
        "effects": by_module,
        "wall_seconds": round(wall, 2),
        "write_calls": len(calls),
        "calls_per_1000": 1000 * len(calls) / max(total, 1),
        "fewest_per_1000": 1000 * fewest / max(total, 1),
        "rate_used": rate_used([datetime.fromisoformat(row["at"]).timestamp() for row in calls], crm),
        "refusals": sum(is_refused(row) for row in asked),
        "jobs": sum(one["jobs"] for one in spent),
        "worker_cpu_seconds": round(cpu, 2),
        "rq_share": (cpu - sum(one["job_cpu"] for one in spent)) / cpu if cpu else 0.0,
    }


def rate_used(stamps: Sequence[float], crm: Crm) -> float | None:
    """Calls in the whole windows from the first one on, of those that the limit allows in them; None without a limit.

    The last window counts only while calls are still waiting for room, so a run that fills no window says nothing.
    """
    if not crm.calls or not stamps:
        return None
    first = min(stamps)
    windows = int((max(stamps) - first) // crm.window_seconds)
    if not windows:
        return None
    return sum(one < first + windows * crm.window_seconds for one in stamps) / (windows * crm.calls)


def is_refused(row: Mapping[str, Any]) -> bool:
    """Whether the vendor refused a call for coming too often: HTTP 429, or Fxiaoke's code inside a 200."""
    return row["status"] == 429 or "errorCode 30004" in row["note"] or "errorCode 30002" in row["note"]


def _count(service: Service, query: Any) -> int:
    with reading(service.ctx.engine) as conn:
        return int(conn.execute(query).scalar_one())
