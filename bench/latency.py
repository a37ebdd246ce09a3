"""Latency: how long it takes from a webhook of the CRM to a field that is put right."""

from __future__ import annotations

import statistics
import time
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


def prepare(made: Installation) -> None:
    """The database as this version has it, and the CRM's fields."""
    with open_service(load(made.config, vendor_settings=vendor_settings)) as service:
        service.migrate()
    made.command("setup", "zoho")


def measure(folder: Path, databases: Databases, invoices: int, samples: int) -> Section:
    """A user overwrites one of our fields in the CRM; its webhook wakes us, and we put the field right."""
    section = Section(
        "latency",
        f"Webhook to field, a company of {invoices:,} invoices, on PostgreSQL",
        ("while", "p50 s", "p95 s", "longest s", "samples"),
    )
    database = databases.fresh("postgresql", "latency")
    with Installation(folder / "latency", database, customers=max(invoices // 8, 10), invoices=invoices) as made:
        prepare(made)
        made.command("sync")
        with open_service(load(made.config, vendor_settings=vendor_settings)) as service:
            made.tieout("serve", "--port", str(made.port))
            for part in (("worker", "fast"), ("worker", "bulk"), ("scheduler",)):
                made.tieout(*part)
            _samples(section, made, service, samples)
    return section


def _samples(section: Section, made: Installation, service: Service, samples: int) -> None:
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
