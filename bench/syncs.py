"""Whole syncs of a company, one after the other: what each asks of the vendors and costs, from the pull to the push."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bench.databases import Databases
from bench.installation import Installation
from bench.measure import run
from bench.table import Section
from sync.service import Service, open_service
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.store.session import reading
from tieout.store.tables import conflicts, inputs, source_records

PER_WRITE = 100  # records a write call of Zoho takes (Zoho docs v8, update and insert records)
PER_PAGE = {"zoho": 200, "kingdee": 2000}  # most records of a Zoho page; Kingdee's default Limit
CUSTOMERS = 0.15  # of the invoices: 300 to 2,000, as in the seeded company
NAMES = ("first", "second, at once", "third, at once")


def measure(folder: Path, databases: Databases, invoices: int, engines: tuple[str, ...]) -> Section:
    """Three `tieout sync` in a row on each engine, after `tieout setup zoho`."""
    section = Section(
        "syncs",
        f"Whole syncs with Zoho CRM and Kingdee, a company of {invoices:,} invoices",
        ("sync", "records / CPU s", "peak MB", "Zoho calls", "Kingdee calls", "full pages and batches would be",
         "records new", "records written", "CPU s", "wall s"),
    )  # fmt: skip
    for engine in engines:
        with Installation(
            folder / f"syncs-{engine}",
            databases.fresh(engine, "syncs"),
            customers=round(invoices * CUSTOMERS),
            invoices=invoices,
        ) as made:
            made.command("setup", "zoho")
            with open_service(load(made.config, vendor_settings=vendor_settings)) as service:
                for name in NAMES:
                    found = _sync(made, service)
                    found |= {"engine": engine, "sync": name}
                    section.raw.append(found)
                    section.rows.append(_row(found))
                records, open_conflicts = _books(service)
        section.notes.append(
            f"- {engine}: {open_conflicts:,} open conflicts in {records:,} records: "
            f"{1000 * open_conflicts / records:.1f} per 1,000"
        )
    section.notes += [
        "- records / CPU s: new versions landed, by the CPU seconds of the whole process, start and push included",
        "- at once: within the overlap of the cursors, so what was just written is read again and found to be known",
    ]
    return section


def _sync(made: Installation, service: Service) -> dict[str, Any]:
    before, seen = _landed(service), max((row["no"] for row in made.control("requests")["requests"]), default=0)
    effects = made.control("effects")["last_seq"]
    cost = run([sys.executable, "-m", "tieout.cli", "sync", "--json"], env={"TIEOUT_CONFIG": str(made.config)})
    asked = made.control(f"requests?since={seen}")["requests"]
    after = _landed(service)
    written = made.control("effects")["last_seq"] - effects
    new = {key: count - before.get(key, 0) for key, count in after.items()}
    pages = sum(-(-count // PER_PAGE[connection]) for (connection, _), count in new.items() if count)
    return {
        **cost.as_dict(),
        "zoho_calls": sum(row["vendor"] == "zoho" for row in asked),
        "kingdee_calls": sum(row["vendor"] == "kingdee" for row in asked),
        "new": sum(new.values()),
        "written": written,
        "fewest": pages + -(-written // PER_WRITE),
    }


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    rate = found["new"] / found["cpu_seconds"]
    return (
        f"{found['engine']}, {found['sync']}", f"{rate:,.0f}", f"{found['peak_memory_mb']:.0f}",
        f"{found['zoho_calls']:,}", f"{found['kingdee_calls']:,}", f"{found['fewest']:,}", f"{found['new']:,}",
        f"{found['written']:,}", f"{found['cpu_seconds']:.1f}", f"{found['wall_seconds']:.1f}",
    )  # fmt: skip


def _landed(service: Service) -> dict[tuple[str, str], int]:
    """Versions in the log by connection and stream."""
    i = inputs.c
    query = select(i.connection, i.stream, func.count()).where(i.kind == "landed").group_by(i.connection, i.stream)
    with reading(service.ctx.engine) as conn:
        return {(connection, stream): count for connection, stream, count in conn.execute(query)}


def _books(service: Service) -> tuple[int, int]:
    with reading(service.ctx.engine) as conn:
        records = conn.execute(select(func.count()).select_from(source_records)).scalar_one()
        waiting = conn.execute(select(func.count()).where(conflicts.c.state == "open")).scalar_one()
    return int(records), int(waiting)
