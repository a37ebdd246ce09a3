"""0008: a newer state sent while the outcome of the one before is unknown, instead of one write in flight a record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from sqlalchemy import ColumnElement, or_

from tests.flow.alternatives.place import Size, synced
from tests.flow.books import document, examples, own_fields, receive, zoho_record
from tieout.core.money import to_minor
from tieout.store import delivery
from tieout.store.tables import outbox

RECORDS = 12  # invoices at most


@dataclass(frozen=True, slots=True)
class Found:
    """Invoices whose first write lost its answer and whose second followed at once: stale at the CRM a day later."""

    records: int
    one: int
    several: int
    writes_one: int
    writes_several: int

    def __str__(self) -> str:
        return (
            f"of {self.records} invoices whose first write lost its answer while a second payment came in, stale in "
            f"the CRM after a further day of syncs: {self.one} with one write in flight ({self.writes_one} writes), "
            f"{self.several} with several ({self.writes_several} writes)"
        )


def run(size: Size) -> Found:
    records, one, writes_one = _stale(size, delivery._due)
    _, several, writes_several = _stale(size, _due_at_once)
    return Found(records, one, several, writes_one, writes_several)


def _due_at_once(connection: str, now: datetime) -> list[ColumnElement[bool]]:
    """Ready is due, whatever else is under way for the same record."""
    c = outbox.c
    return [
        c.connection == connection,
        c.state == "ready",
        c.is_counting.is_(False),
        or_(c.not_before_at.is_(None), c.not_before_at <= now),
    ]


def _stale(size: Size, due: Callable[..., Any]) -> tuple[int, int, int]:
    """Records, those that show another open amount than the books at the end, effective writes to them."""
    with synced(size) as (world, service), patch.object(delivery, "_due", due):
        chosen = [one for one in examples(service) if one.open_minor > 10_000][:RECORDS]
        seq = world.store.effects.last_seq

        def pay(amount: str) -> None:
            for one in chosen:
                receive(world, one.number, amount)
            world.clock.advance(120)
            service.pull(["kingdee"])
            service.apply()
            service.push()

        world.clock.advance(3600)
        lost = world.faults.add("zoho", "PUT .*/Invoices", "timeout_after", times=None)
        pay("1.00")
        world.faults.clear(lost.id)
        with patch("sync.push.timeout_seconds", lambda *_: 3600.0):  # its own time-out has not passed yet
            pay("2.00")
        for _ in range(3):
            world.clock.advance(8 * 3600)
            assert service.sync().ok
        shown = [own_fields(zoho_record(world, "Invoices", one.invoice)) for one in chosen]
        stands = [document(service, one.number) for one in chosen]
        wrong = sum(
            to_minor(Decimal(str(fields["AR_Open_Amount"])), row["currency"]) != row["open_minor"]
            for fields, row in zip(shown, stands, strict=True)
        )
        mine = {one.invoice for one in chosen}
        writes = [e for e in world.store.effects.since(seq) if e.actor == "api" and e.record_id in mine]
        return len(chosen), wrong, len(writes)
