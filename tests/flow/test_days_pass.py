"""Passing time is change too: due dates, buckets, credit hold and one reminder, each on its day by itself."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, update

from connectors.kingdee.connector import KingdeeConnector
from sync.service import Service
from tests.flow.books import (
    BILL,
    Example,
    Synced,
    decision,
    document,
    examples,
    own_fields,
    receive,
    rows,
    tampering,
    waiting,
    writes_since,
    zoho_record,
)
from tests.flow.harness import make_world, open_installation
from tieout.core.errors import SourceError
from tieout.sandbox.world import SandboxWorld
from tieout.store import pushes, receipts
from tieout.store.receipts import Result
from tieout.store.tables import decisions, documents, memberships, outbox

DAY = 86_400


def _next_day(world: SandboxWorld, service: Service, days: int = 1) -> None:
    for _ in range(days):
        world.clock.advance(DAY)
        assert service.sync().ok


def _days_later(world: SandboxWorld, service: Service, days: int) -> None:
    """The machine was off in between."""
    world.clock.advance(DAY * days)
    assert service.sync().ok


def _calm(service: Service, *, without_limit: bool = False) -> Example:
    """An account in good standing: no reminder behind it, nothing overdue; `without_limit`: none that could break."""
    for one in examples(service):
        if len(one.crm_accounts) != 1:
            continue
        standing = decision(service, "credit", f"{_customer(service, one)}|cn")
        if without_limit and standing["body"]["limit_source"] != "none":
            continue
        if not any(standing["body"]["overdue_by_currency"].values()):
            return one
    raise AssertionError("every linked customer of the seeded world is overdue")


def _customer(service: Service, one: Example) -> str:
    m = memberships.c
    (row,) = rows(service, select(m.customer_id).where(m.member == one.account_id, m.to_seq.is_(None)))
    return str(row["customer_id"])


def _bill_due(world: SandboxWorld, one: Example, days: int, amount: str = "5000.00") -> str:
    due = date(2026, 11, 24) + timedelta(days=days)
    made = world.kingdee.user_change(
        "create",
        BILL,
        "",
        {
            "FCUSTOMERID": one.party_ref, "FALLAMOUNTFOR": Decimal(amount), "FCURRENCYID": "CNY",
            "FDATE": "2026-11-24T00:00:00", "FENDDATE_H": f"{due.isoformat()}T00:00:00",
        },
    )  # fmt: skip
    return str(made["FBillNo"])


def _reminder(service: Service, one: Example) -> dict[str, object]:
    return dict(decision(service, "reminder", f"{_customer(service, one)}|cn|CNY"))


def _tasks(world: SandboxWorld, seq: int, one: Example) -> list[dict[str, object]]:
    made = [e for e in writes_since(world, seq) if e.entity == "Tasks"]
    records = [zoho_record(world, "Tasks", e.record_id) for e in made]
    return [task for task in records if (task.get("What_Id") or {}).get("id") == one.crm_accounts[0]]


def test_a_bill_falls_due_and_is_reminded_of_once_on_the_seventh_day(synced: Synced) -> None:
    world, service = synced
    with service:
        one = _calm(service)
        world.clock.advance(3600)
        number = _bill_due(world, one, 1)
        world.clock.advance(60)
        service.sync()
        seq = world.store.effects.last_seq
        subject = document(service, number)["id"]
        assert decision(service, "payment_status", subject)["value"] == "open"
        assert _reminder(service, one)["value"] == "not_due", "why not is stored"
        _next_day(world, service)
        assert decision(service, "payment_status", subject)["value"] == "open", "on its due date it is not overdue"
        _next_day(world, service)
        status = decision(service, "payment_status", subject)
        assert (status["value"], status["body"]["overdue_minor"]) == ("overdue", 5_000_00)
        assert status["effective_on"] == date(2026, 11, 26)
        account = own_fields(zoho_record(world, "Accounts", one.crm_accounts[0]))
        assert Decimal(str(account["AR_Overdue_Amount"])) == Decimal("5000.00")
        assert _tasks(world, seq, one) == []
        _days_later(world, service, 5)  # the first of December
        assert _tasks(world, seq, one) == []
        _next_day(world, service)
        (task,) = _tasks(world, seq, one)
        assert number in str(task["Description"])
        assert "5,000.00" in str(task["Description"])
        sent = rows(service, select(outbox).where(outbox.c.event_key == task["AR_Key"]))
        assert [row["state"] for row in sent] == ["done"]
        made_on = date.fromisoformat(str(sent[0]["created_at"])[:10])
        assert made_on == date(2026, 12, 2), "seven days after the due date"
        _days_later(world, service, 3)
        assert len(_tasks(world, seq, one)) == 1, "reminded twice"
        assert _reminder(service, one)["value"] in ("send", "already_sent")
        assert service.verify() == []


def test_a_day_decides_only_what_is_due_on_it_and_writes_no_record_that_did_not_move(synced: Synced) -> None:
    world, service = synced
    with service:
        d = decisions.c
        for _ in range(4):
            tomorrow = date.fromordinal((world.clock.now() + timedelta(days=1, hours=8)).date().toordinal())
            due = rows(service, select(d.kind, d.subject).where(d.is_current.is_(True), d.next_change_on <= tomorrow))
            last = max(row["seq"] for row in rows(service, select(d.seq)))
            seq = world.store.effects.last_seq
            _next_day(world, service)
            fresh = rows(service, select(d.kind, d.subject, d.value).where(d.seq > last))
            named = {row["subject"].split("|")[0] for row in due}
            documents_due = {row["subject"] for row in due if row["kind"] == "payment_status"}
            owners = _owners_of(service, documents_due)
            for row in fresh:
                head = row["subject"].split("|")[0]
                assert head in named | owners or "/deal:" in head, f"{row['kind']} {row['subject']} was not due"
            for effect in writes_since(world, seq):
                if effect.operation == "update":
                    assert set(effect.changes) - {"AR_As_Of"}, f"{effect.entity} changed merely because a day passed"
            stale = rows(service, select(d.kind, d.subject).where(d.is_current.is_(True), d.next_change_on <= tomorrow))
            assert stale == [], "what was due is due again tomorrow: work grows with every passing day"


def _owners_of(service: Service, ids: set[str]) -> set[str]:
    m = memberships.c
    statement = (
        select(m.customer_id)
        .join(documents, documents.c.account_id == m.member)
        .where(documents.c.id.in_(ids), m.to_seq.is_(None))
    )
    return {row["customer_id"] for row in rows(service, statement)}


def test_credit_hold_comes_with_the_days_and_goes_with_the_payment(synced: Synced) -> None:
    world, service = synced
    with service:
        one = _calm(service, without_limit=True)
        world.clock.advance(3600)
        number = _bill_due(world, one, 1, "800000.00")
        world.clock.advance(60)
        service.sync()
        key = f"{_customer(service, one)}|cn"
        seen = [str(decision(service, "credit", key)["value"])]
        for _ in range(14):
            _days_later(world, service, 7)
            value = str(decision(service, "credit", key)["value"])
            if value != seen[-1]:
                seen.append(value)
            shown = own_fields(zoho_record(world, "Accounts", one.crm_accounts[0]))
            assert shown["AR_Credit_Status"] == value
            if value == "hold":
                break
        assert seen[-1] == "hold", f"never held: {seen}"
        assert "overdue" in str(shown["AR_Credit_Reasons"])
        receive(world, number, "800000.00")
        for _ in range(3):
            open_bills = [e for e in examples(service) if e.account_id == one.account_id]
            for bill in open_bills:
                if document(service, bill.number)["open_minor"] > 0 and bill.number != number:
                    receive(world, bill.number, str(Decimal(bill.open_minor) / 100))
            _next_day(world, service)
        assert decision(service, "credit", key)["value"] != "hold"


def test_a_planned_reminder_is_withdrawn_when_paid_and_asks_for_the_rest_when_paid_in_part(
    tmp_path: Path, engine_url: str
) -> None:
    world = make_world(16, 40)
    with open_installation(tmp_path, world, engine_url, push_mode="plan") as service:
        service.sync()
        one = _calm(service)
        world.clock.advance(3600)
        number = _bill_due(world, one, 0)
        world.clock.advance(60)
        service.sync()
        _days_later(world, service, 8)

        def planned() -> list[dict[str, object]]:
            mine = [row for row in waiting(service) if row["event_key"] and row["parent_id"] == one.crm_accounts[0]]
            return [dict(row) for row in mine]

        (row,) = planned()
        asked = Decimal(str(row["money_minor"]))
        assert number in str(row["fields"])
        view = service.plan()
        world.clock.advance(3600)
        receive(world, number, "1000.00")
        world.clock.advance(60)
        service.sync()
        (again,) = planned()
        assert again["id"] == row["id"], "the same reminder under the same key"
        assert Decimal(str(again["money_minor"])) == asked - 1_000_00
        assert "4,000.00" in str(again["fields"])
        pushed = service.push(view.digest)
        assert row["id"] in {moved["id"] for moved in pushed.moved_on}, "what was approved is not what would be sent"

        world.clock.advance(3600)
        receive(world, number, "4000.00")
        world.clock.advance(60)
        service.sync()
        assert [one for one in planned() if number in str(one["fields"])] == []
        (kept,) = rows(service, select(outbox).where(outbox.c.id == row["id"]))
        assert kept["state"] == "cancelled"
        d = decisions.c
        key = f"{_customer(service, one)}|cn|CNY"
        values = [r["value"] for r in rows(service, select(d.value).where(d.kind == "reminder", d.subject == key))]
        assert "withdrawn" in values
        seq = world.store.effects.last_seq
        service.push(service.plan().digest)
        assert not [task for task in _tasks(world, seq, one) if number in str(task["Description"])]
        assert service.rebuild_check().as_dict()["differences"] == []


@pytest.mark.parametrize("fate", ["refused and sent again", "tried", "being sent", "cancelled by a person"])
def test_a_rebuild_finds_reminders_as_each_decision_found_them(tmp_path: Path, fate: str) -> None:
    world = make_world(16, 40)
    with open_installation(tmp_path, world, f"sqlite:///{tmp_path / 'books.db'}", push_mode="plan") as service:
        service.sync()
        one = _calm(service)
        world.clock.advance(3600)
        number = _bill_due(world, one, 0)
        world.clock.advance(60)
        service.sync()
        _days_later(world, service, 8)
        (row,) = [row for row in waiting(service) if row["event_key"] and number in str(row["fields"])]
        engine, clock = service.ctx.engine, service.ctx.clock
        values = {"tried": {"attempts": 1}, "cancelled by a person": {"state": "cancelled"}}.get(fate)
        with tampering(service) as conn:
            conn.execute(update(outbox).where(outbox.c.id == row["id"]).values(**(values or {"state": "claimed"})))
        if fate == "refused and sent again":
            result = Result(row["id"], row["fence"], "rejected", "field_refused")
            assert receipts.record(engine, "zoho", [result], clock=clock, ids=service.ctx.ids) == {row["id"]: "dead"}
            pushes.retry(engine, row["id"], "user:li", clock)
        world.clock.advance(3600)
        receive(world, number, "1000.00")
        world.clock.advance(60)
        service.sync()
        world.clock.advance(3600)
        receive(world, number, "4000.00")
        world.clock.advance(60)
        service.sync()
        states = rows(service, select(outbox.c.state).where(outbox.c.id == row["id"]))
        assert (states[0]["state"] == "cancelled") == (fate != "being sent")
        assert service.verify() == []
        assert service.rebuild_check().as_dict()["differences"] == []


def test_stale_books_remind_nobody_and_the_reminder_comes_when_they_are_fresh_again(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, service = synced
    with service:
        one = _calm(service)
        world.clock.advance(3600)
        _bill_due(world, one, 0)
        world.clock.advance(60)
        service.sync()
        _days_later(world, service, 4)
        seq = world.store.effects.last_seq

        def broken(self: KingdeeConnector, *args: object) -> object:
            raise SourceError("the books cannot be reached")

        with monkeypatch.context() as patch:
            patch.setattr(KingdeeConnector, "read", broken)
            for _ in range(4):
                world.clock.advance(DAY)
                assert not service.sync().ok
        assert _tasks(world, seq, one) == [], "somebody was chased on figures four days old"
        standing = _reminder(service, one)
        assert standing["value"] == "stale_data"
        _next_day(world, service, 1)
        assert len(_tasks(world, seq, one)) == 1, "fresh again, and the reminder still does not go out"
