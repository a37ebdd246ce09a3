"""Whatever way changes arrive (hint, poll, late row, older page, any batch size, any order): one end state."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

import sync.sizing
from connectors.kingdee.connector import KingdeeConnector
from connectors.zoho.connector import ZohoConnector
from sync.fetching import fetch_and_land
from sync.service import Service
from tests.flow.books import (
    BILL,
    CUSTOMER,
    LOG,
    RECEIPT,
    ZOHO_MODULES,
    Example,
    Synced,
    books,
    differences,
    document,
    examples,
    kingdee_doc,
    own_fields,
    receive,
    rows,
)
from tests.flow.harness import make_world, open_installation
from tieout.canonical import codec
from tieout.canonical.documents import ClaimCandidate
from tieout.core import exact_json
from tieout.core.ports import Page, SourceRow
from tieout.core.versions import SourceVersion
from tieout.sandbox.kingdee.forms import FORMS
from tieout.sandbox.world import SandboxWorld
from tieout.store.landing import land, load_payloads
from tieout.store.session import reading, unit
from tieout.store.tables import source_records

Touched = dict[tuple[str, str], list[str]]  # (connection, stream) -> record ids
KINGDEE_STREAMS = ("customers", "invoices", "payments", "refunds", "allocations", "credit_limits", "rates")
TASK_TEXTS = ("Subject", "Description", "Due_Date", "Priority", "Status")
ZOHO_STREAMS = ("customers", "deals", "invoices")


def _change_both_sides(world: SandboxWorld, picked: list[Example]) -> Touched:
    """A working day: the records touched, by (connection, stream)."""
    kingdee, zoho = world.kingdee, world.zoho
    world.clock.advance(3600)
    a, b, c = picked
    touched: Touched = {}

    def note(connection: str, stream: str, *ids: str) -> None:
        touched.setdefault((connection, stream), []).extend(ids)

    # A new customer, its bill, its receipt and the settlement: the settlement may come first.
    new = kingdee.user_change("create", CUSTOMER, "", {"FName": "苏州晨星机电有限公司"})
    note("kingdee", "customers", str(new["FCUSTID"]))
    bill = kingdee.user_change(
        "create",
        BILL,
        "",
        {"FCUSTOMERID": new["FNumber"], "FALLAMOUNTFOR": Decimal("900.00"), "FORDERNUMBER": "SO-ORDER-1"},
    )
    note("kingdee", "invoices", f"{BILL}:{bill['FID']}")
    for number, amount in ((bill["FBillNo"], "400.00"), (a.number, "10.10"), (b.number, "20.20"), (b.number, "0.05")):
        receipt = kingdee_doc(world, RECEIPT, receive(world, number, amount))
        note("kingdee", "payments", f"{RECEIPT}:{receipt['FID']}")
    total = kingdee_doc(world, BILL, c.number)["FALLAMOUNTFOR"]
    kingdee.user_change("update", BILL, c.number, {"FALLAMOUNTFOR": total + 7, "FENDDATE_H": "2027-02-01T00:00:00"})
    red = kingdee.user_change("create", BILL, "", {"FCUSTOMERID": a.party_ref, "FALLAMOUNTFOR": Decimal("-3.00")})
    note("kingdee", "invoices", f"{BILL}:{kingdee_doc(world, BILL, c.number)['FID']}", f"{BILL}:{red['FID']}")
    kingdee.settle(red["FBillNo"], a.number, Decimal("3.00"))
    log = world.kingdee.library.ordered(FORMS[LOG])
    note("kingdee", "allocations", *[str(row["FID"]) for row in log[-10:]])

    account = zoho.user_change("create", "Accounts", None, {"Account_Name": "苏州晨星机电有限公司"})
    note("zoho", "customers", account["id"])
    made = zoho.user_change(
        "create",
        "Invoices",
        None,
        {
            "Subject": bill["FBillNo"], "Account_Name": {"id": account["id"]}, "Currency": "CNY", "Grand_Total": 900,
            "Status": "Created", "Invoice_Date": "2026-11-24",
        },
    )  # fmt: skip
    zoho.user_change("update", "Invoices", a.invoice, {"Status": "Cancelled"})
    note("zoho", "invoices", made["id"], a.invoice)
    zoho.user_change("update", "Deals", b.deals[0], {"Order_No": "SO-ORDER-1"})
    note("zoho", "deals", b.deals[0])
    world.clock.advance(60)
    return touched


def _a_day_after(world: SandboxWorld, service: Service) -> Touched:
    picked = [e for e in examples(service) if e.deals and e.currency == "CNY" and e.open_minor > 10_000][:3]
    assert len(picked) == 3
    return _change_both_sides(world, picked)


Arrival = Callable[[SandboxWorld, Service, Touched, random.Random], None]


def _poll(world: SandboxWorld, service: Service, touched: object, dice: random.Random) -> None:
    service.pull()


def _hints(world: SandboxWorld, service: Service, touched: Touched, dice: random.Random) -> None:
    """One fetch per record in any order, some twice, folded now and then; the poll comes after."""
    hints = [(*key, record) for key, ids in touched.items() for record in ids]
    hints += dice.sample(hints, len(hints) // 3)
    dice.shuffle(hints)
    for number, (connection, stream, record) in enumerate(hints):
        fetch_and_land(service.ctx, connection, stream, [record], trigger="webhook")
        if number % 4 == 0:
            service.apply()
    service.pull()


def _streams_in_any_order(world: SandboxWorld, service: Service, touched: object, dice: random.Random) -> None:
    """Settlements before documents before parties, each folded and settled alone."""
    from sync.pull import run_pull

    pairs = [("kingdee", s) for s in KINGDEE_STREAMS] + [("zoho", s) for s in ZOHO_STREAMS]
    dice.shuffle(pairs)
    for connection, stream in pairs:
        assert run_pull(service.ctx, connection, streams=[stream]).ok
        service.apply()


def _older_page_after(world: SandboxWorld, service: Service, touched: Touched, dice: random.Random) -> None:
    """A slow page that was read before the change lands after it."""
    old = _current_rows(service, touched)
    service.pull()
    if dice.random() < 0.5:
        service.apply()
    for (connection, stream), page in old.items():
        with unit(service.ctx.engine, "landing.commit") as conn:
            counts = land(
                conn, connection=connection, stream=stream, module="", rows=page, run_id=None, now=world.clock.now()
            )
        assert counts.new == 0, f"an older page of {stream} became current"


def _late_rows(world: SandboxWorld, service: Service, touched: Touched, dice: random.Random) -> None:
    """Some changes are committed by the vendors only after a poll that began later than their stamps."""
    hidden = {(key, record) for key, ids in touched.items() for record in ids if dice.random() < 0.6}
    assert len({key for key, _ in hidden}) > 3
    missed = []

    def without(connection: str, read: Any) -> Any:
        def pages(self: Any, stream: str, *args: Any, **more: Any) -> Iterator[Page]:
            for page in read(self, stream, *args, **more):
                shown = [row for row in page.rows if ((connection, stream), row.external_id) not in hidden]
                missed.extend(row.external_id for row in page.rows if row not in shown)
                yield replace(page, rows=shown)

        return pages

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KingdeeConnector, "read", without("kingdee", KingdeeConnector.read))
        patch.setattr(ZohoConnector, "read", without("zoho", ZohoConnector.read))
        assert all(pull.ok for pull in service.pull())
    assert len(missed) == len(hidden), "the poll was to meet every one of them"
    if dice.random() < 0.5:
        service.apply()
    world.clock.advance(60)
    service.pull()


def _current_rows(service: Service, touched: Touched) -> dict[tuple[str, str], list[SourceRow]]:
    out: dict[tuple[str, str], list[SourceRow]] = {}
    s = source_records.c
    for (connection, stream), ids in touched.items():
        found = rows(
            service,
            select(source_records).where(s.connection == connection, s.stream == stream, s.external_id.in_(ids)),
        )
        with reading(service.ctx.engine) as conn:
            bodies = load_payloads(conn, [row["payload_hash"] for row in found])
        out[connection, stream] = [
            SourceRow(
                row["external_id"],
                SourceVersion(row["modified_at"], row["counter"], row["read_started_at"]),
                bodies[row["payload_hash"]],
                row["source_hash"],
            )
            for row in found
        ]
    return {key: page for key, page in out.items() if page}


ARRIVALS: dict[str, Arrival] = {
    "poll": _poll,
    "hints": _hints,
    "streams": _streams_in_any_order,
    "older page": _older_page_after,
    "late rows": _late_rows,
}


def _end_state(
    world: SandboxWorld, service: Service, arrival: Arrival, dice: random.Random, size: int
) -> dict[str, set[str]]:
    with service, pytest.MonkeyPatch.context() as patch:
        touched = _a_day_after(world, service)
        patch.setattr(sync.sizing, "FIRST", size)
        patch.setattr(sync.sizing, "LARGEST", size)
        arrival(world, service, touched, dice)
        world.clock.advance(60)
        assert service.sync().ok
        world.clock.advance(600)
        assert service.sync().ok
        assert service.verify() == []
        assert service.rebuild_check().as_dict()["differences"] == []
        return books(service) | _shown_by_zoho(world)


def _shown_by_zoho(world: SandboxWorld) -> dict[str, set[str]]:
    """What people see in Zoho: our fields by record, and tasks by what they say."""
    fields = []
    for module in ZOHO_MODULES.values():
        for record in world.zoho.tables[module].rows.values():
            own = {name: str(value) for name, value in own_fields(record).items() if name != "AR_As_Of"}
            fields.append([module, record["id"], own])
    tasks = [
        [task["What_Id"]["id"], *(task.get(name) for name in TASK_TEXTS)]
        for task in world.zoho.tables["Tasks"].rows.values()
    ]
    assert len(tasks) == len({exact_json.canonical(task) for task in tasks}), "a reminder stands there twice"
    shown = {"fields in Zoho": fields, "tasks in Zoho": tasks}
    return {kind: {exact_json.canonical(fact).decode() for fact in facts} for kind, facts in shown.items()}


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The end state when one poll brings everything."""
    folder = tmp_path_factory.mktemp("straight")
    world = make_world(24, 80)
    service = open_installation(folder, world, f"sqlite:///{folder}/tieout.db")
    assert service.sync().ok
    return _end_state(world, service, _poll, random.Random(0), 150)


@pytest.mark.parametrize(
    ("arrival", "seed"),
    [("hints", 1), ("hints", 2), ("streams", 3), ("streams", 4), ("older page", 5), ("late rows", 6), ("late rows", 7)],
)
def test_one_end_state(synced: Synced, arrival: str, seed: int, straight: dict[str, set[str]]) -> None:
    dice = random.Random(seed)
    size = dice.choice([1, 3, 40, 400])
    other = _end_state(*synced, ARRIVALS[arrival], dice, size)
    assert sum(map(len, straight.values())) > 300
    assert straight["tasks in Zoho"]
    assert differences(straight, other) == []


def test_a_row_that_becomes_visible_late_with_an_old_stamp_is_not_lost(synced: Synced) -> None:
    world, service = synced
    with service:
        one = next(e for e in examples(service) if e.open_minor > 10_000)
        world.clock.advance(3600)
        service.sync()
        # Committed by the vendor now, stamped three minutes before our last read began.
        late = world.clock.now() - timedelta(minutes=3)
        world.clock.advance(600)
        bill = world.kingdee.user_change(
            "create", BILL, "", {"FCUSTOMERID": one.party_ref, "FALLAMOUNTFOR": Decimal("5.00")}, modified_at=late
        )
        world.zoho.user_change("update", "Invoices", one.invoice, {"Status": "Cancelled"}, modified_at=late)
        assert service.sync().ok
        numbers = {row["external_id"] for row in rows(service, select(source_records.c.external_id))}
        assert f"{BILL}:{bill['FID']}" in numbers
        s = source_records.c
        (row,) = rows(service, select(source_records).where(s.connection == "zoho", s.external_id == one.invoice))
        claim = codec.decode(row["candidate_kind"], row["candidate"])
        assert isinstance(claim, ClaimCandidate)
        assert not claim.is_active
        assert service.rebuild_check().as_dict()["differences"] == []


def test_equal_stamps_with_other_content_are_fetched_again_before_they_are_applied(synced: Synced) -> None:
    world, service = synced
    with service:
        one = next(e for e in examples(service) if e.open_minor > 10_000)
        world.clock.advance(3600)
        at = world.clock.now()
        world.kingdee.user_change("update", BILL, one.number, {"FENDDATE_H": "2027-05-01T00:00:00"}, modified_at=at)
        service.sync()
        world.kingdee.user_change("update", BILL, one.number, {"FENDDATE_H": "2027-06-01T00:00:00"}, modified_at=at)
        world.clock.advance(60)
        assert service.sync().ok
        found = rows(service, select(source_records.c.needs_fetch).where(source_records.c.needs_fetch.is_(True)))
        assert found == []
        assert document(service, one.number)["due_on"].isoformat() == "2027-06-01"
        assert service.rebuild_check().as_dict()["differences"] == []
