"""Push and latency: how fast fields are written at the CRM's limits, and how long a webhook takes to a field."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bench.databases import Databases
from bench.installation import Installation, install, wait
from bench.table import Section
from sync.service import Service, open_service
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.store.session import reading
from tieout.store.tables import outbox

WRITES = ("PUT", "POST", "PATCH")
PER_CALL = 100  # records a write call takes (Zoho docs v8, insert and update records)


def push(folder: Path, databases: Databases, invoices: int) -> Section:
    """The first write-back of a company, by one worker and by four, each from the same start."""
    section = Section(
        "push",
        f"Push to Zoho CRM, a company of {invoices:,} invoices, on PostgreSQL",
        ("workers", "records / s", "calls / 1,000", "fewest", "refusals", "RQ's share of CPU", "records", "wall s"),
    )
    for workers in (1, 4):
        place = folder / f"push-{workers}"
        database = databases.fresh("postgresql", "push")
        with install(place, database, customers=max(invoices // 8, 10), invoices=invoices) as made:
            _prepare(made)
            made.command("push", "pause")
            made.command("pull")
            made.command("apply")
            with open_service(load(made.config, vendor_settings=vendor_settings)) as service:
                found = _push(made, service, workers)
        found["workers"] = workers
        section.raw.append(found)
        section.rows.append(
            (
                str(workers), f"{found['records'] / found['wall_seconds']:.0f}", f"{found['calls_per_1000']:.1f}",
                f"{found['fewest_per_1000']:.1f}", str(found["refusals"]), f"{found['rq_share']:.1%}",
                f"{found['records']:,}", f"{found['wall_seconds']:.1f}",
            )
        )  # fmt: skip
    section.notes.append("- Zoho's limits are credits a day and calls at a time: the fewest calls are what counts")
    return section


def _prepare(made: Installation) -> None:
    with open_service(load(made.config, vendor_settings=vendor_settings)) as service:
        service.migrate()
    made.command("setup", "zoho")


def _push(made: Installation, service: Service, workers: int) -> dict[str, Any]:
    open_states = ("planned", "parked", "ready", "claimed", "sending", "uncertain")
    left = select(func.count()).select_from(outbox).where(outbox.c.state.in_(open_states))
    total = _count(service, left)
    seen = max((row["no"] for row in made.control("requests?vendor=zoho")["requests"]), default=0)
    effects = made.control("effects")["last_seq"]
    files = [made.folder / f"worker-{number}.json" for number in range(workers)]
    processes = [
        made.start([sys.executable, "-m", "bench.tools.worker", str(file)], f"worker-{number}")
        for number, file in enumerate(files)
    ]
    time.sleep(3)  # they are idle now: what they start with is not part of it
    began = time.perf_counter()
    service.push_resume("bench")
    wait(lambda: _count(service, left) == 0, 600, "rows are still waiting", every=0.1)
    wall = time.perf_counter() - began
    for process in processes:
        made.end(process)
    spent = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    calls = [row for row in made.control(f"requests?vendor=zoho&since={seen}")["requests"] if row["method"] in WRITES]
    by_module: dict[str, int] = {}
    for row in made.control(f"effects?since={effects}&vendor=zoho&actor=api")["effects"]:
        by_module[row["entity"]] = by_module.get(row["entity"], 0) + 1
    written = [row for row in calls if "/crm/" in row["path"]]
    fewest = sum(-(-count // PER_CALL) for count in by_module.values())
    cpu = sum(one["work_cpu"] for one in spent)
    return {
        "records": total,
        "effects": by_module,
        "wall_seconds": round(wall, 2),
        "write_calls": len(written),
        "calls_per_1000": 1000 * len(written) / max(total, 1),
        "fewest_per_1000": 1000 * fewest / max(total, 1),
        "refusals": sum(row["status"] == 429 for row in calls),
        "jobs": sum(one["jobs"] for one in spent),
        "worker_cpu_seconds": round(cpu, 2),
        "rq_share": (cpu - sum(one["job_cpu"] for one in spent)) / cpu if cpu else 0.0,
    }


def latency(folder: Path, databases: Databases, invoices: int, samples: int) -> Section:
    """A user overwrites one of our fields in the CRM; its webhook wakes us, and we put the field right."""
    section = Section(
        "latency",
        f"Webhook to field, a company of {invoices:,} invoices, on PostgreSQL",
        ("while", "p50 s", "p95 s", "longest s", "samples"),
    )
    database = databases.fresh("postgresql", "latency")
    with install(folder / "latency", database, customers=max(invoices // 8, 10), invoices=invoices) as made:
        _prepare(made)
        made.command("sync")
        with open_service(load(made.config, vendor_settings=vendor_settings)) as service:
            made.tieout("serve", "--port", str(made.port))
            for part in (("worker", "fast"), ("worker", "bulk"), ("scheduler",)):
                made.tieout(*part)
            _measure(section, made, service, samples)
    return section


def _measure(section: Section, made: Installation, service: Service, samples: int) -> None:
    records = [
        str(row["id"]) for row in made.control("state/zoho/Invoices")["documents"] if row.get("AR_Payment_Status")
    ]
    wait(made.is_serving, 60, "the service does not answer")  # a notification nobody takes is told once only
    wait(lambda: _knows_channel(service), 60, "no notification channel was made")
    next_record = iter(records)
    for _ in range(2):
        _sample(made, next(next_record))  # connections and caches of every process
    for title, busy in (("idle", False), ("a backfill of the CRM and the books runs", True)):
        found: list[float] = []
        backfill: Any = None
        for _ in range(samples):
            if busy and (backfill is None or backfill.poll() is not None):
                backfill = made.tieout("pull", "--full")
                time.sleep(1.5)
            found.append(_sample(made, next(next_record)))
        if backfill is not None and backfill.poll() is None:
            made.end(backfill)
        cut = statistics.quantiles(found, n=20, method="inclusive")
        section.rows.append(
            (title, f"{statistics.median(found):.2f}", f"{cut[-1]:.2f}", f"{max(found):.2f}", str(len(found)))
        )
        section.raw.append({"while": title, "seconds": [round(one, 3) for one in found]})


def _sample(made: Installation, record: str) -> float:
    """Seconds from the user's change to our write of the same record."""
    last = made.control("effects")["last_seq"]
    value = "somebody typed here"
    made.control(
        "change",
        {"vendor": "zoho", "operation": "update", "module": "Invoices", "id": record,
         "fields": {"AR_Payment_Status": value}},
    )  # fmt: skip
    began = time.perf_counter()

    def written() -> bool:
        rows = made.control(f"effects?since={last}&vendor=zoho&actor=api")["effects"]
        return any(row["record_id"] == record for row in rows)

    try:
        wait(written, 60, f"the field of {record} was not put right", every=0.01)
    except SystemExit:
        made.tell_state()
        raise
    return time.perf_counter() - began


def _knows_channel(service: Service) -> bool:
    from tieout.store.tables import channels

    # The row is there before the vendor is asked; only an answered ask has an end later than its start.
    made = select(func.count()).select_from(channels).where(channels.c.expires_at > channels.c.renewed_at)
    return _count(service, made) > 0


def _count(service: Service, query: Any) -> int:
    with reading(service.ctx.engine) as conn:
        return int(conn.execute(query).scalar_one())
