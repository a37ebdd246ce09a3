"""Dunning over the whole flow: disputes, promises, pauses and policies decide what the CRM is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from sync import casework
from sync.case_checks import CaseError
from sync.service import Service
from tests.flow.books import (
    BILL,
    Example,
    Synced,
    decision,
    document,
    examples,
    receive,
    rows,
    writes_since,
    zoho_record,
)
from tests.flow.harness import make_world, open_installation
from tieout.core import faults
from tieout.core.errors import StaleWrite
from tieout.receivables.dunning.policy_file import shipped_text
from tieout.sandbox.world import SandboxWorld
from tieout.store.session import reading, unit
from tieout.store.tables import audit, decisions, memberships, outbox

DAY = 86_400
TODAY = date(2026, 11, 24)


@dataclass
class Debt:
    """One bill of a customer that was never late, and the tasks that ask for it."""

    world: SandboxWorld
    service: Service
    one: Example
    number: str
    seq: int

    @property
    def customer(self) -> str:
        m = memberships.c
        (row,) = rows(self.service, select(m.customer_id).where(m.member == self.one.account_id, m.to_seq.is_(None)))
        return str(row["customer_id"])

    @property
    def document(self) -> str:
        return str(document(self.service, self.number)["id"])

    def days(self, count: int) -> None:
        self.world.clock.advance(DAY * count)
        assert self.service.sync().ok

    def tasks(self) -> list[str]:
        made = [e for e in writes_since(self.world, self.seq) if e.entity == "Tasks"]
        found = [zoho_record(self.world, "Tasks", e.record_id) for e in made]
        return [str(task["Description"]) for task in found if self.number in str(task["Description"])]

    def standing(self) -> dict[str, object]:
        (group,) = [one for one in self.service.dunning.why(self.customer)["groups"] if one["currency"] == "CNY"]
        return dict(group)

    def item(self, part: str = "") -> dict[str, object]:
        items = self.standing()["items"]
        assert isinstance(items, list)
        return next(one for one in items if one["number"] == self.number and part in str(one["item"]))


def debt_of(world: SandboxWorld, service: Service, amount: str = "5000.00") -> Debt:
    """A new bill, due today, of a customer in good standing whose other bills are left alone."""
    one = next(one for one in examples(service) if _is_calm(service, one))
    world.clock.advance(3600)
    made = world.kingdee.user_change(
        "create",
        BILL,
        "",
        {
            "FCUSTOMERID": one.party_ref, "FALLAMOUNTFOR": Decimal(amount), "FCURRENCYID": "CNY",
            "FDATE": "2026-11-20T00:00:00", "FENDDATE_H": f"{TODAY.isoformat()}T00:00:00",
        },
    )  # fmt: skip
    world.clock.advance(60)
    service.sync()
    debt = Debt(world, service, one, str(made["FBillNo"]), world.store.effects.last_seq)
    others = [step["item"] for step in _items(debt) if step["number"] != debt.number]
    if others:
        until = TODAY + timedelta(days=300)
        service.dunning.open_pause(debt.customer, "test", reason="left alone", items=others, until_on=until)
    return debt


def _items(debt: Debt) -> list[dict[str, Any]]:
    return list(debt.standing()["items"])


def _is_calm(service: Service, one: Example) -> bool:
    if len(one.crm_accounts) != 1:
        return False
    m = memberships.c
    (row,) = rows(service, select(m.customer_id).where(m.member == one.account_id, m.to_seq.is_(None)))
    credit = decision(service, "credit", f"{row['customer_id']}|cn")
    return not any(credit["body"]["overdue_by_currency"].values())


def test_a_partial_dispute_lets_the_rest_be_asked_for_and_its_rejection_brings_it_back(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        made = service.dunning.open_dispute(
            debt.document, "user:li", reason="quality", amount_minor=2_000_00, note="dented"
        )
        with pytest.raises(CaseError, match="at most"):
            service.dunning.open_dispute(debt.document, "user:li", reason="pricing", amount_minor=3_000_01)
        debt.days(7)
        (task,) = debt.tasks()
        assert "3,000.00" in task
        assert "5,000.00" not in task
        part = debt.item(made["id"])
        assert (part["why_not"], part["case"], part["amount_minor"]) == ("disputed", made["id"], 2_000_00)
        with pytest.raises(CaseError, match="root_cause"):
            service.dunning.close(made["id"], "rejected", "user:li")
        service.dunning.close(
            made["id"], "rejected", "user:li", root_cause="none found", team="quality", note="see report"
        )
        debt.days(6)  # the cooldown has passed: a notice with the new day, at the level the part had (none)
        assert len(debt.tasks()) == 2
        assert "5,000.00" in debt.tasks()[1]
        shown = service.dunning.case(made["id"])
        assert (shown["state"], shown["closed_by"], shown["closing"]["team"]) == ("rejected", "user:li", "quality")
        service.dunning.undo(made["id"], "user:wang")
        assert service.dunning.case(made["id"])["state"] == "open"
        service.dunning.undo(made["id"], "user:wang")
        assert service.dunning.case(made["id"])["state"] == "undone"
        assert [item["item"] for item in _items(debt) if "#" in item["item"]] == []
        with reading(service.ctx.engine) as conn:
            told = conn.execute(select(audit.c.action).where(audit.c.subject == made["id"]).order_by(audit.c.seq))
            assert list(told.scalars()) == ["dispute.open", "dispute.close", "dispute.undo", "dispute.undo"]
        assert service.verify() == []
        assert service.rebuild_check().as_dict()["differences"] == []


def test_a_promise_silences_until_its_tolerance_and_is_judged_by_what_came(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        promise = service.dunning.open_promise(
            debt.customer, "user:li", items=[debt.document], promised_on=TODAY + timedelta(days=7), by="Ms Zhao"
        )
        with pytest.raises(StaleWrite, match="open promise"):
            service.dunning.open_promise(
                debt.customer, "user:li", items=[debt.document], promised_on=TODAY + timedelta(days=9)
            )
        debt.days(9)
        assert debt.tasks() == []
        assert debt.item()["why_not"] == "promised"
        world.clock.advance(60)
        receive(world, debt.number, "3000.00")
        debt.days(1)  # a Friday: the tolerance ended the day before
        shown = service.dunning.case(promise["id"])
        assert (shown["state"], shown["paid_minor"], shown["amount_minor"]) == ("partly_kept", 3_000_00, 5_000_00)
        (task,) = debt.tasks()
        assert "2,000.00" in task
        again = service.dunning.open_promise(
            debt.customer, "user:li", items=[debt.document], promised_on=TODAY + timedelta(days=12)
        )
        assert again["body"]["level"] == 2
        receive(world, debt.number, "2000.00")
        debt.days(1)
        assert service.dunning.case(again["id"])["state"] == "kept", "also when nothing is open any more"
        assert len(debt.tasks()) == 1


@pytest.mark.parametrize("is_known_before", [True, False], ids=["applied-before", "applied-with-it"])
def test_a_promise_about_a_bill_that_is_undone_is_judged_whichever_is_applied_first(
    synced: Synced, is_known_before: bool
) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        given = {"items": [debt.document], "promised_on": TODAY + timedelta(days=7)}
        customer = debt.customer
        promise = casework.open_promise(service.ctx, customer, actor="user:li", **given)
        if is_known_before:
            service.apply()
        world.kingdee.user_change("cancel", BILL, debt.number)
        world.clock.advance(60)
        service.pull()
        service.apply()
        assert document(service, debt.number)["state"] == "void"
        assert decision(service, "promise", f"{customer}|cn|{promise['id']}")["value"] == "open"
        assert service.rebuild_check().differences == []


def test_a_plan_that_is_missed_and_a_pause_that_ends_let_dunning_go_on(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        with pytest.raises(CaseError, match="the rows sum to"):
            service.dunning.open_plan(
                debt.customer, "user:li", items=[debt.document], rows=[(TODAY + timedelta(days=3), 1_000_00)]
            )
        rows_of_plan = [(TODAY + timedelta(days=3), 2_000_00), (TODAY + timedelta(days=40), 3_000_00)]
        plan = service.dunning.open_plan(debt.customer, "user:li", items=[debt.document], rows=rows_of_plan)
        pause = service.dunning.open_pause(
            debt.customer, "user:li", reason="trade fair", until_on=TODAY + timedelta(days=9)
        )
        debt.days(6)
        assert service.dunning.case(plan["id"])["state"] == "active"
        debt.days(3)
        assert service.dunning.case(plan["id"])["state"] == "broken"
        assert debt.item()["why_not"] == "paused"
        assert debt.tasks() == []
        debt.days(1)
        assert len(debt.tasks()) == 1
        assert service.dunning.case(pause["id"])["state"] == "open", "it ended by itself"
        service.dunning.close(pause["id"], "cancelled", "user:li")


def test_what_waits_is_taken_back_when_it_is_disputed(tmp_path: Path, engine_url: str) -> None:
    world = make_world(16, 40)
    with open_installation(tmp_path, world, engine_url, push_mode="plan") as service:
        service.sync()
        debt = debt_of(world, service)
        debt.days(7)

        def waiting() -> list[str]:
            o = outbox.c
            found = rows(service, select(o.state, o.fields).where(o.event_key.is_not(None)).order_by(o.id))
            return [row["state"] for row in found if debt.number in str(row["fields"])]

        assert waiting() == ["planned"]
        made = service.dunning.open_dispute(debt.document, "user:li", reason="pricing")
        assert waiting() == ["cancelled"]
        service.dunning.undo(made["id"], "user:li")
        assert waiting() == ["planned"]
        debt.days(9)  # nobody approved it: no second one is stacked on top
        assert waiting() == ["planned"]
        assert service.rebuild_check().as_dict()["differences"] == []


def test_a_message_that_is_being_sent_while_its_bill_is_paid_is_held_and_taken_back(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        world.clock.advance(DAY * 7)
        assert all(pulled.ok for pulled in service.pull())
        service.apply()
        waits = rows(service, select(outbox).where(outbox.c.operation == "create", outbox.c.state == "ready"))
        (mine,) = [row for row in waits if debt.number in str(row["fields"])]

        def paid_meanwhile(point: str) -> None:
            (now,) = rows(service, select(outbox.c.state).where(outbox.c.id == mine["id"]))
            if point == "after:outbox.claim" and now["state"] == "claimed":
                faults.set_hook(None)
                receive(world, debt.number, "5000.00")
                world.clock.advance(60)
                service.pull(["kingdee"])
                service.apply()  # the customer is decided, but a message on its way can not be taken back

        faults.set_hook(paid_meanwhile)
        try:
            service.push()
        finally:
            faults.set_hook(None)
        assert document(service, debt.number)["open_minor"] == 0
        world.clock.advance(60)
        service.sync()
        (after,) = rows(service, select(outbox).where(outbox.c.id == mine["id"]))
        assert (after["state"], after["error"]) == ("cancelled", "settled")
        assert debt.tasks() == []
        assert service.verify() == []
        assert service.rebuild_check().as_dict()["differences"] == []


def test_a_message_that_was_tried_and_refused_is_taken_back_when_its_bill_is_paid(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        world.clock.advance(DAY * 7)
        service.pull()
        service.apply()
        o = outbox.c
        ready = rows(service, select(outbox).where(o.operation == "create", o.state == "ready"))
        (mine,) = [row for row in ready if debt.number in str(row["fields"])]
        with unit(service.ctx.engine, "outbox.claim") as conn:  # as after a refusal that may be tried again
            conn.execute(update(outbox).where(o.id == mine["id"]).values(attempts=1, error_code="retry"))
        receive(world, debt.number, "5000.00")
        world.clock.advance(60)
        service.sync()
        (after,) = rows(service, select(outbox).where(outbox.c.id == mine["id"]))
        assert after["state"] == "cancelled"
        assert debt.tasks() == []
        assert service.rebuild_check().as_dict()["differences"] == []


def test_a_policy_shows_its_effect_and_then_decides(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        debt.days(3)
        early = (
            shipped_text().replace("id: L1, offset: 7", "id: L1, offset: 2").replace("grace_days: 3", "grace_days: 0")
        )
        subject = f"{debt.customer}|cn|CNY"
        effect = service.dunning.preview(policy_text=early, company="cn")["effect"]
        change = next(one for one in effect["changes"] if one["subject"] == subject)
        assert (change["from"], change["to"]) == ("not_due", "L1 5,000.00 CNY")
        assert debt.tasks() == []
        with pytest.raises(CaseError, match=r"mine.yaml:\d+: "):
            service.dunning.activate(early.replace("level: 1", "level: one"), "user:li", origin="mine.yaml")
        done = service.dunning.activate(early, "user:li", origin="mine.yaml")
        assert done["activated"] == ["cn"]
        service.push()
        assert len(debt.tasks()) == 1
        held = rows(service, select(decisions).where(decisions.c.subject == subject).order_by(decisions.c.seq))
        versions = [row["body"].get("policy") for row in held if row["value"] in ("not_due", "send")]
        assert versions[0] != versions[-1], "earlier decisions keep the version they were made under"
        assert versions[-1] == done["policy"]["version"]
        before = service.dunning.why(debt.customer, TODAY + timedelta(days=1))
        assert next(g for g in before["groups"] if g["currency"] == "CNY")["policy"] == versions[0]
        service.dunning.activate(service.dunning.policy_text(version=versions[0]), "user:li")
        debt.days(12)
        assert len(debt.tasks()) == 2, "the first step is not sent again under the old policy; the second comes"
        assert service.rebuild_check().as_dict()["differences"] == []


def test_days_off_shift_a_step_and_an_outage_is_caught_up_with_one_message(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        off = shipped_text().replace("calendar: company", "calendar: company\ndays_off: [2026-12-01, 2026-12-02]")
        service.dunning.activate(off.replace("policy: standard", "policy: own"), "user:li")
        debt.days(8)
        assert debt.tasks() == []
        assert debt.item()["next_on"] == "2026-12-03"
        world.clock.advance(DAY * 20)  # the machine is off until 2026-12-22, past the second step
        assert service.sync().ok
        assert len(debt.tasks()) == 1
        assert debt.standing()["step"] in ("L1", "")
        debt.days(4)
        assert len(debt.tasks()) == 1
        debt.days(3)  # the cooldown ends on a Sunday
        assert len(debt.tasks()) == 2
