"""0001: state kept in place, without a log of inputs to fold again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Table, func, select, text, update

from mapping.engine import map_record
from sync.fold.changes import context_of
from sync.service import Service
from tests.flow.alternatives.place import Size, synced
from tests.flow.books import BILL, examples, rows, tampering
from tieout.canonical.documents import DocumentCandidate
from tieout.sandbox.world import SandboxWorld
from tieout.store.landing import load_payloads
from tieout.store.session import reading
from tieout.store.tables import (
    accounts,
    allocations,
    balances,
    bindings,
    conflicts,
    credit_limits,
    decisions,
    documents,
    inputs,
    memberships,
    open_items,
    source_records,
)

CORRECTED = 12  # bills at most
LOG = ("inputs", "ix_inputs_record", "ix_inputs_kind", "payloads", "sqlite_autoindex_payloads_1")


@dataclass(frozen=True, slots=True)
class Found:
    """Planted wrong rows and who finds them; earlier dates of corrected bills and who can show them; what it costs."""

    planted: int
    by_rebuild: int
    by_invariants: int
    corrected: int
    from_log: int
    from_state: int
    inputs: int
    differing: int  # of the rebuild before anything was planted
    versions: int
    log_bytes: int
    all_bytes: int

    def __str__(self) -> str:
        return (
            f"of {self.planted} wrong rows planted, the rebuild finds {self.by_rebuild} and checks of the state alone "
            f"{self.by_invariants}; of {self.corrected} corrected bills, the due date before is read from its record "
            f"{self.from_log} times with the log and {self.from_state} times from state in place; the log: "
            f"{self.inputs} inputs, {self.differing} differences of their rebuild, "
            f"{self.log_bytes // self.versions} bytes a landed version, "
            f"{self.log_bytes * 100 // self.all_bytes} % of the database"
        )


def run(size: Size) -> Found:
    with synced(size) as (world, service):
        clean = service.rebuild_check()
        sizes = _sizes(service)
        landed = rows(service, select(func.count().label("n")).where(inputs.c.kind == "landed"))[0]["n"]
        before = _correct(world, service)
        from_log = sum(_shows(service, key, day, _logged) for key, day in before.items())
        from_state = sum(_shows(service, key, day, _in_place) for key, day in before.items())
        by_invariants = 0
        for plant in PLANTS:
            undo = plant(service)
            by_invariants += bool(service.verify())
            undo()
        assert service.verify() == []
        for plant in PLANTS:
            plant(service)
        return Found(
            planted=len(PLANTS),
            by_rebuild=len({one["kind"] for one in service.rebuild_check().differences}),
            by_invariants=by_invariants,
            corrected=len(before),
            from_log=from_log,
            from_state=from_state,
            inputs=clean.inputs,
            differing=len(clean.differences),
            versions=landed,
            log_bytes=sum(size for name, size in sizes.items() if name in LOG),
            all_bytes=sum(sizes.values()),
        )


def _sizes(service: Service) -> dict[str, int]:
    with reading(service.ctx.engine) as conn:
        return dict(conn.execute(text("SELECT name, SUM(pgsize) FROM dbstat GROUP BY name")).all())


def _correct(world: SandboxWorld, service: Service) -> dict[str, date]:
    """Bills get another due date in the books, which are read again; the date before by record id."""
    before = {}
    for one in examples(service, with_account=False)[:CORRECTED]:
        (doc,) = rows(service, select(documents).where(documents.c.id == one.document_id))
        world.clock.advance(60)
        later = (doc["due_on"] + timedelta(days=30)).isoformat()
        world.kingdee.user_change("update", BILL, one.number, {"FENDDATE_H": later})
        before[doc["record_id"]] = doc["due_on"]
    world.clock.advance(600)
    service.pull(["kingdee"])
    service.apply()
    return before


def _shows(service: Service, record: str, day: date, versions: Callable[[Service, str], list[str]]) -> bool:
    """Whether some kept version of the record, mapped again, states that due date."""
    hashes = versions(service, record)
    with reading(service.ctx.engine) as conn:
        bodies = load_payloads(conn, hashes)
    profile, context = service.ctx.profiles("kingdee")["invoices"], context_of(service.ctx.config, "kingdee")
    made = [map_record(profile, bodies[key], context) for key in hashes]
    return any(isinstance(one, DocumentCandidate) and one.due_on == day for one in made)


def _logged(service: Service, record: str) -> list[str]:
    i = inputs.c
    found = select(i.payload_hash).where(i.connection == "kingdee", i.stream == "invoices", i.external_id == record)
    return [row["payload_hash"] for row in rows(service, found)]


def _in_place(service: Service, record: str) -> list[str]:
    s = source_records.c
    found = select(s.payload_hash).where(s.connection == "kingdee", s.stream == "invoices", s.external_id == record)
    return [row["payload_hash"] for row in rows(service, found)]


# ------------------------------------------------------------- one wrong row of each kind of fact
Undo = Callable[[], None]


def _plant(table: Table, column: str, wrong: Callable[[Service, Any], Any], **where: Any) -> Callable[[Service], Undo]:
    """Changes one column of the first row that fits, behind the product's back."""

    def plant(service: Service) -> Undo:
        c, key = table.c, list(table.primary_key.columns)
        row = rows(service, select(table).where(*(c[n] == v for n, v in where.items())).order_by(*key))[0]
        mine = [one == row[one.name] for one in key]

        def put(value: Any) -> None:
            with tampering(service) as conn:
                conn.execute(update(table).where(*mine).values({column: value}))

        put(wrong(service, row))
        return lambda: put(row[column])

    return plant


def _another(table: Table, column: str) -> Callable[[Service, Any], Any]:
    """What another row holds in that column."""

    def other(service: Service, row: Any) -> Any:
        c = table.c[column]
        return rows(service, select(c).where(c != row[column]).order_by(c))[0][column]

    return other


PLANTS = [
    _plant(accounts, "name", lambda *_: "somebody else"),
    _plant(open_items, "due_on", lambda _, row: row["due_on"] + timedelta(days=30)),
    _plant(documents, "account_id", _another(documents, "account_id"), kind="invoice"),
    _plant(balances, "amount_minor", lambda _, row: row["amount_minor"] + 1),
    _plant(memberships, "customer_id", _another(memberships, "customer_id"), to_seq=None),
    _plant(bindings, "document_id", _another(bindings, "document_id"), to_seq=None),
    _plant(decisions, "value", lambda _, row: "paid", is_current=True, kind="payment_status", value="overdue"),
    _plant(allocations, "amount_minor", lambda _, row: row["amount_minor"] - 1, is_applied=True),
    _plant(conflicts, "state", lambda *_: "resolved", state="open"),
    _plant(credit_limits, "amount_minor", lambda _, row: row["amount_minor"] * 10),
    _plant(source_records, "candidate", lambda *_: b"{}", connection="kingdee", stream="payments"),
]
