"""`start_on`: what was open then enters as opening items, what was settled as history; nothing else differs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

import sync.sizing
from sync.opening_findings import start_findings
from sync.reporting import ReportWish, build_report
from sync.service import Service, open_service
from sync.verify import run_verify
from tests.flow.books import BILL, LOG, RECEIPT, books, differences, document, match_ids, rows
from tests.flow.harness import make_world, open_installation, write_config
from tieout.cli.vendors import vendor_settings
from tieout.core import faults
from tieout.core.clock import SystemClock
from tieout.core.config import load
from tieout.reports.charts import overdue_trend
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading
from tieout.store.tables import (
    allocations,
    balances,
    documents,
    entries,
    memberships,
    opening_items,
    openings,
    postings,
)

START = date(2026, 10, 1)
CARRIED = date(2026, 9, 30)


def _at(day: str) -> datetime:
    return datetime.fromisoformat(f"2026-{day}T04:00:00").replace(tzinfo=UTC)


class _Story:
    """One customer's documents around 1 October, entered by users of the accounting system."""

    def __init__(self, world: SandboxWorld) -> None:
        self.world = world
        bills = world.kingdee.library.ordered(_form(BILL))
        self.customer = next(bill for bill in bills if bill["FCURRENCYID"]["FCode"] == "CNY")["FCUSTOMERID"]["FNumber"]
        self.settled = self.bill(100, "09-01")
        self.settled_by = self.receipt(100, "09-10", self.settled)
        self.partly = self.bill(4000, "08-15")
        self.partly_by = self.receipt(3000, "09-05", self.partly)
        self.later = self.bill(500, "09-20")
        self.later_by = self.receipt(500, "10-05", self.later)
        self.prepaid_by = self.receipt(250, "09-25")
        self.prepaid = self.bill(250, "10-10")
        self.settle(self.prepaid_by, self.prepaid, 250, "10-10")
        self.credited = self.bill(800, "09-02")
        self.credit = self.bill(-300, "09-12")
        self.settle(self.credit, self.credited, 120, "09-15")
        self.settle(self.credit, self.credited, 180, "10-15")
        plan = [{"FENDDATE": f"2026-{day}T00:00:00", "FPAYAMOUNTFOR": 300} for day in ("09-30", "10-31", "11-30")]
        self.parts = self.bill(900, "09-03", FEntityPlan=plan)
        self.parts_by = self.receipt(450, "09-20", self.parts)

    def bill(self, amount: int, day: str, **more: Any) -> str:
        fields = {"FCUSTOMERID": self.customer, "FALLAMOUNTFOR": amount, "FDATE": f"2026-{day}T00:00:00", **more}
        return str(self.world.kingdee.user_change("create", BILL, "", fields, modified_at=_at(day))["FBillNo"])

    def receipt(self, amount: int, day: str, bill: str = "") -> str:
        fields = {"FCONTACTUNIT": self.customer, "FRECAMOUNTFOR": amount, "FDATE": f"2026-{day}T00:00:00"}
        paid = {"allocations": [{"bill": bill, "amount": amount}]} if bill else {}
        made = self.world.kingdee.user_change("create", RECEIPT, "", {**fields, **paid}, modified_at=_at(day))
        return str(made["FBillNo"])

    def settle(self, source: str, bill: str, amount: int, day: str) -> None:
        fields = {"source": source, "bill": bill, "amount": amount}
        self.world.kingdee.user_change("settle", LOG, "", fields, modified_at=_at(day))


def _form(name: str) -> Any:
    from tieout.sandbox.kingdee.forms import FORMS

    return FORMS[name]


def _installation(folder: Path, world: SandboxWorld, url: str, start_on: date | None) -> Service:
    return open_installation(folder, world, url, start_on=start_on)


def _opened(service: Service) -> dict[str, int]:
    """Number -> what was open when the books began, of documents from before."""
    d, o = documents.c, opening_items.c
    found = rows(service, select(d.number, o.amount_minor).join(opening_items, o.document_id == d.id))
    return {row["number"]: row["amount_minor"] for row in found}


def _standing(service: Service, number: str) -> tuple[str, date, list[tuple[str, int]]] | None:
    """(kind, date, postings) of the entry a document stands with."""
    entry_id = document(service, number)["entry_id"]
    if entry_id is None:
        return None
    (head,) = rows(service, select(entries).where(entries.c.id == entry_id))
    lines = rows(service, select(postings).where(postings.c.entry_id == entry_id).order_by(postings.c.line))
    return head["kind"], head["effective_on"], [(row["code"], row["amount_minor"]) for row in lines]


def _allocation_entries(service: Service, source: str) -> list[date]:
    """Dates of the allocation entries in force of a receipt or red bill."""
    a, e = allocations.c, entries.c
    key = document(service, source)["id"]
    found = rows(
        service,
        select(e.effective_on).join(allocations, a.entry_id == e.id).where(a.from_document_id == key),
    )
    return sorted(row["effective_on"] for row in found)


def _owed(state: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """A state without revenue, bank and opening: what a beginning of the books may change."""
    kept = {fact for fact in state["balances"] if '"ar"' in fact or '"unapplied_cash"' in fact}
    return {**state, "balances": kept}


def _sound(service: Service) -> None:
    assert service.verify() == []
    assert service.rebuild_check().as_dict()["differences"] == []


def _event(service: Service) -> Mapping[str, Any]:
    (found,) = rows(service, select(openings).where(openings.c.is_current.is_(True)))
    return found


def test_golden_openings(tmp_path: Path, engine_url: str) -> None:
    world = make_world(4, 6)
    story = _Story(world)
    with _installation(tmp_path, world, engine_url, START) as service:
        first = service.sync()
        assert first.ok
        assert "reversed" not in first.applied.counts, "nothing is posted to be taken back"
        opened = _opened(service)
        expected = {
            story.settled: 0, story.settled_by: 0, story.partly: 1000_00, story.partly_by: 0, story.later: 500_00,
            story.prepaid_by: -250_00, story.credited: 680_00, story.credit: -180_00, story.parts: 450_00,
            story.parts_by: 0,
        }  # fmt: skip
        assert {number: opened[number] for number in expected} == expected
        assert not {story.later_by, story.prepaid} & opened.keys()

        assert _standing(service, story.settled) is None
        assert _standing(service, story.settled_by) is None
        assert _standing(service, story.partly) == ("opening", CARRIED, [("ar", 1000_00), ("opening", -1000_00)])
        assert _standing(service, story.prepaid_by) == (
            "opening",
            CARRIED,
            [("unapplied_cash", -250_00), ("opening", 250_00)],
        )
        assert _standing(service, story.parts) == (
            "opening",
            CARRIED,
            [("ar", 150_00), ("ar", 300_00), ("opening", -450_00)],
        )
        assert _allocation_entries(service, story.partly_by) == []
        assert _allocation_entries(service, story.later_by) == [date(2026, 10, 5)]
        assert _allocation_entries(service, story.prepaid_by) == [date(2026, 10, 10)]
        assert document(service, story.partly)["open_minor"] == 1000_00
        assert document(service, story.credited)["open_minor"] == 500_00

        event = _event(service)
        assert (event["start_on"], event["before_on"], event["reason"]) == (START, START, "first")
        totals = event["totals"]["cn"]["CNY"]
        ours = [doc for doc in rows(service, select(documents)) if doc["number"] in opened and doc["currency"] == "CNY"]
        assert totals["ar"] == sum(opened[d["number"]] for d in ours if d["kind"] in ("invoice", "credit_note"))
        assert totals["unapplied_cash"] == sum(opened[d["number"]] for d in ours if d["kind"] in ("payment", "refund"))
        _sound(service)
        # On the day before, the ledger and Kingdee's own sums agree document by document.
        for day in (CARRIED, START, None):
            (section,) = (s for s in service.reconcile(as_of=day).sections if s["counterpart"] == "kingdee")
            assert (section["is_valid"], section["break_count"]) == (True, 0), day
            assert section["pairs"] > 0

        opening = sum(map(bool, opened.values()))
        ((level, words),) = _findings(service)
        assert level == "ok"
        assert f"the books begin on {START}: {len(opened)} documents before it, {opening} of them opening" in words

        world.clock.advance(3600)
        again = service.sync()
        assert again.ok
        assert not again.applied.counts.keys() & {"openings", "opened", "posted", "reversed"}


def _findings(service: Service) -> list[tuple[str, str]]:
    found = service.check("kingdee")["connections"][0]["findings"]
    return [(row["level"], row["message"]) for row in found if row["code"] == "start_on"]


def test_a_beginning_means_nothing_where_claims_are_read(tmp_path: Path) -> None:
    path = write_config(tmp_path, make_world(4, 6), "")
    text = path.read_text(encoding="utf-8").replace('vendor = "zoho_crm"', 'vendor = "zoho_crm"\nstart_on = 2026-10-01')
    path.write_text(text, encoding="utf-8")
    with open_service(load(path, vendor_settings=vendor_settings), clock=SystemClock()) as service:
        ((level, words),) = [(f.level, f.message) for f in start_findings(service.ctx, "zoho")]
        assert (level, "claims need no opening" in words) == ("warning", True)
        assert start_findings(service.ctx, "kingdee") == []


def test_reports_say_where_the_books_begin(tmp_path: Path, engine_url: str) -> None:
    world = make_world(4, 6)
    story = _Story(world)
    with _installation(tmp_path, world, engine_url, START) as service:
        assert service.sync().ok
        explained = service.explain_invoice(document(service, story.partly)["id"])["opening"]
        assert (explained["start_on"], explained["amount_minor"]) == (START, 1000_00)
        assert service.explain_invoice(document(service, story.prepaid)["id"])["opening"] is None

        def notes(name: str, **wish: Any) -> str:
            return str(build_report(service.ctx, ReportWish(name, **wish)).notes)

        words = "The books of kingdee begin on 2026-10-01"
        assert words in notes("aging", as_of=date(2026, 9, 29))
        assert words not in notes("aging", as_of=CARRIED)
        assert "账簿自 2026-10-01 启用" in notes("cash")
        old = build_report(service.ctx, ReportWish("aging", as_of=date(2026, 9, 29)))
        assert old.table("customers").rows == []

        # What was received before is history, not cash: only the receipt of 5 October counts of this customer's.
        (account,) = {document(service, number)["account_id"] for number in (story.partly, story.later_by)}
        (owner,) = rows(service, select(memberships.c.customer_id).where(memberships.c.member == account))
        who = str(owner["customer_id"])
        received = build_report(service.ctx, ReportWish("cash", customer=who)).table("received").rows
        assert [(row["month"], row["amount"]) for row in received if row["month"] < "2026-11"] == [("2026-10", 500_00)]

        # From the first day on the carried items are the opening balance; from the day before they are brought forward.
        ours = {d["number"]: d for d in rows(service, select(documents).where(documents.c.account_id == account))}
        carried = sum(amount for number, amount in _opened(service).items() if number in ours)
        from_start = build_report(service.ctx, ReportWish("statement", customer=who, since=START))
        assert from_start.table("movements").rows[0]["balance"] == carried
        assert from_start.notes == []
        before = build_report(service.ctx, ReportWish("statement", customer=who, since=CARRIED, language="en"))
        kinds = [row["kind"] for row in before.table("movements").rows if row["on"] == CARRIED]
        assert kinds.count("invoice, brought forward") == sum(
            bool(amount) and number in ours and ours[number]["kind"] == "invoice"
            for number, amount in _opened(service).items()
        )
        assert words in str(before.notes)
        # The chart's trend begins with the books, and its last point is what the aging calls overdue.
        today = world.clock.now().date()
        with reading(service.ctx.engine) as conn:
            points = overdue_trend(conn, "CNY", today)
            whole = overdue_trend(conn, "CNY", today, 60)
        assert whole[0][0] >= CARRIED
        assert whole[-len(points) :] == points[-len(whole) :]
        aging = build_report(service.ctx, ReportWish("aging", as_of=today)).table("customers").total_rows
        assert points[-1][1] == sum(row["overdue"] for row in aging if row["currency"] == "CNY")

        view = service.reconcile(as_of=date(2026, 9, 29)).as_dict()
        assert {"counterpart": "kingdee", "side": "book_of_record", "reason": "before_the_books"} in view[
            "not_compared"
        ]


def test_late_changes_open_a_document_again(tmp_path: Path, engine_url: str) -> None:
    world = make_world(4, 6)
    story = _Story(world)
    with _installation(tmp_path, world, engine_url, START) as service:
        assert service.sync().ok
        stated = _event(service)
        world.clock.advance(3600)
        change = world.kingdee.user_change
        (match,) = match_ids(world, story.partly_by, story.partly)
        change("unsettle", LOG, match)
        late = str(change("create", BILL, "", {"FCUSTOMERID": story.customer, "FALLAMOUNTFOR": 70,
                                               "FDATE": "2026-09-07T00:00:00"})["FBillNo"])  # fmt: skip
        change("update", BILL, story.settled, {"FALLAMOUNTFOR": 130})
        change("update", BILL, story.later, {"FENDDATE_H": "2026-12-01T00:00:00"})
        journal = rows(service, select(func.count()).select_from(entries))
        assert service.sync().ok
        opened = _opened(service)
        assert (opened[story.partly], opened[story.partly_by]) == (4000_00, -3000_00)
        assert (opened[late], opened[story.settled], opened[story.later]) == (70_00, 30_00, 500_00)
        assert _standing(service, late) == ("opening", CARRIED, [("ar", 70_00), ("opening", -70_00)])
        # 1 reversal and 2 entries of the undone settlement, 1 late bill, 1 more of the first; a due date posts nothing.
        assert rows(service, select(func.count()).select_from(entries))[0]["count_1"] == journal[0]["count_1"] + 5
        assert _event(service) == stated, "what was stated stands; corrections are entries of their own"
        _sound(service)

        world.clock.advance(86_400)
        change("cancel", BILL, late)
        change("update", BILL, story.later, {"FDATE": "2026-10-02T00:00:00"})
        assert service.sync().ok
        opened = _opened(service)
        assert late not in opened, "void"
        assert story.later not in opened, "it belongs to the books now"
        assert _standing(service, late) is None
        found = _standing(service, story.later)
        assert found is not None
        assert found[:2] == ("invoice", date(2026, 10, 2))
        _sound(service)
        (section,) = (s for s in service.reconcile().sections if s["counterpart"] == "kingdee")
        assert section["break_count"] == 0


def test_a_beginning_changes_nothing_but_the_journal(
    tmp_path: Path, engine_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same world without, with, and with another beginning: one state; taken back, the very same balances."""
    folder = tmp_path / "without"
    folder.mkdir()
    world = make_world(24, 80)
    with open_installation(folder, world, f"sqlite:///{folder}/tieout.db") as service:
        assert service.sync().ok
        without = books(service)
    world = make_world(24, 80)
    with _installation(tmp_path, world, engine_url, date(2026, 8, 1)) as service:
        assert service.sync().ok
        assert differences(_owed(without), _owed(books(service))) == []
        assert sum(amount == 0 for amount in _opened(service).values()) > 50
        assert sum(amount != 0 for amount in _opened(service).values()) > 10
        _sound(service)

    # From here on few documents a batch, and the books are proved after each.
    monkeypatch.setattr(sync.sizing, "FIRST", 9)
    monkeypatch.setattr(sync.sizing, "LARGEST", 9)
    proved = 0
    for day, why in ((date(2026, 5, 1), "changed"), (date(2026, 10, 1), "changed"), (None, "removed")):
        world.clock.advance(60)
        with _installation(tmp_path, world, engine_url, day) as service:

            def prove(point: str, service: Service = service) -> None:
                nonlocal proved
                if point in ("after:settle.commit", "after:opening.commit"):
                    proved += 1
                    assert run_verify(service.ctx) == []

            faults.set_hook(prove)
            try:
                assert service.sync().ok
            finally:
                faults.set_hook(None)
            assert (_event(service)["start_on"], _event(service)["reason"]) == (day, why)
            assert differences(_owed(without), _owed(books(service))) == []
            _sound(service)
    assert proved > 15
    with _installation(tmp_path, world, engine_url, None) as service:
        assert differences(without, books(service)) == [], "without a beginning everything is as it was posted first"
        assert rows(service, select(opening_items)) == []


def test_a_beginning_that_has_not_come_waits_for_its_day(tmp_path: Path, engine_url: str) -> None:
    world = make_world(4, 6)
    story = _Story(world)
    with _installation(tmp_path, world, engine_url, date(2026, 11, 26)) as service:
        assert service.sync().ok
        assert rows(service, select(openings)) == []
        assert _standing(service, story.settled) is not None
        ((level, words),) = _findings(service)
        assert (level, "has not come yet" in words) == ("warning", True)
        world.clock.advance(2 * 86_400)
        assert service.sync().ok
        assert _event(service)["reason"] == "added"
        assert _standing(service, story.settled) is None
        _sound(service)


def test_documents_are_held_until_the_first_reads_have_ended(tmp_path: Path, engine_url: str) -> None:
    world = make_world(4, 6)
    story = _Story(world)
    with _installation(tmp_path, world, engine_url, START) as service:
        service.migrate()
        service.pull(["kingdee"])
        with service.ctx.engine.begin() as conn:  # one stream has not been read to its end
            conn.exec_driver_sql("UPDATE watermarks SET first_completed_at = NULL WHERE stream = 'refunds'")
        service.apply()
        assert rows(service, select(openings)) == []
        assert document(service, story.partly)["open_minor"] == 1000_00
        assert document(service, story.partly)["entry_id"] is None
        assert _standing(service, story.later_by) is not None, "what belongs to the books is posted"
        assert service.verify() == []
        ((level, words),) = _findings(service)
        assert (level, "wait without entry" in words) == ("ok", True)
    # Taken out of the configuration before it took effect: posted as ever.
    with _installation(tmp_path, world, engine_url, None) as service:
        assert service.sync().ok
        assert _event(service)["reason"] == "removed"
        found = _standing(service, story.partly)
        assert found is not None
        assert (found[0], found[2][0]) == ("invoice", ("ar", 4000_00))
        _sound(service)


def test_verify_finds_an_opening_that_does_not_tie(tmp_path: Path, engine_url: str) -> None:
    world = make_world(4, 6)
    story = _Story(world)
    with _installation(tmp_path, world, engine_url, START) as service:
        assert service.sync().ok
        key = document(service, story.partly)["id"]
        entry_id = document(service, story.partly)["entry_id"]
        with service.ctx.engine.begin() as conn:
            conn.execute(openings.update().values(totals={"cn": {"CNY": {"ar": 1}}}))
            conn.execute(opening_items.update().where(opening_items.c.document_id == key).values(amount_minor=5))
            conn.execute(documents.update().where(documents.c.id == key).values(entry_id=None))
            moved = allocations.c.from_document_id == document(service, story.partly_by)["id"]
            conn.execute(allocations.update().where(moved).values(entry_id=entry_id))
        found = {breach.invariant for breach in service.verify()}
        assert found >= {"opening total", "opening item", "opening item as kept", "allocation before the books"}
        assert "running balance" not in found
        assert rows(service, select(balances).where(balances.c.code == "opening"))


def test_what_was_known_before_stays_the_same_for_ever(tmp_path: Path, engine_url: str) -> None:
    """Settlements lose their entries to a beginning that comes later: a report known before still has them."""
    world = make_world(4, 6)
    _Story(world)
    days = (date(2026, 9, 16), date(2026, 10, 7), None)
    seen: dict[str, list[Any]] = {}
    for start_on in (None, START, date(2026, 9, 11), None):
        with _installation(tmp_path, world, engine_url, start_on) as service:
            world.clock.advance(3600)
            assert service.sync().ok
            first = build_report(service.ctx, ReportWish("aging"))
            seen[first.known] = [
                build_report(service.ctx, ReportWish("aging", as_of=day, known_at=first.known)).tables for day in days
            ]
            for known, tables in seen.items():
                again = [
                    build_report(service.ctx, ReportWish("aging", as_of=day, known_at=known)).tables for day in days
                ]
                assert again == tables, f"known at {known}, begun on {start_on}"
    assert len(seen) == 4
    states = list(seen.values())
    assert states[0] == states[3], "taken back: as it was"
    assert [one[1:] for one in states[1:3]] == [states[0][1:]] * 2, "days in all three books are the same in all"
