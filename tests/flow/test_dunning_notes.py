"""A reminder as a note on the account: instead of the task or beside it, once, withdrawn like every message."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from tests.flow.books import Synced, rows, writes_since, zoho_record
from tests.flow.test_dunning_flow import Debt, debt_of
from tieout.receivables.dunning.policy_file import shipped_text
from tieout.store.tables import outbox


def _made(debt: Debt, module: str) -> list[dict[str, Any]]:
    made = [e for e in writes_since(debt.world, debt.seq) if e.entity == module]
    return [zoho_record(debt.world, module, e.record_id) for e in made]


def test_a_policy_may_ask_for_notes_beside_tasks(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        mine = shipped_text().replace("channel: [crm_task, email], tone: friendly", "channel: [crm_task, crm_note]")
        service.dunning.activate(mine, "user:li")
        debt.days(8)
        (task,) = [one for one in _made(debt, "Tasks") if debt.number in one["Description"]]
        (note,) = [one for one in _made(debt, "Notes") if debt.number in one["Note_Content"]]
        assert note["Note_Title"] == task["Subject"][:120]
        words, _, mark = note["Note_Content"].rpartition("\n")
        assert words == task["Description"]
        assert mark == f"[{task['AR_Key']}/note]"
        assert note["Parent_Id"]["id"] == task["What_Id"]["id"]
        assert note["$se_module"] == "Accounts"
        seq = world.store.effects.last_seq
        debt.days(1)
        assert [e for e in writes_since(world, seq) if e.entity in ("Tasks", "Notes")] == [], "once, never again"
        assert service.rebuild_check().differences == []


def test_a_paid_bill_takes_its_waiting_note_back_with_the_task(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        mine = shipped_text().replace("channel: [crm_task, email], tone: friendly", "channel: [crm_note, crm_task]")
        service.dunning.activate(mine, "user:li")
        service.dunning.texts.use(
            "Note {{ amount }}\n{{ customer }}\n", slot="level:1", language="en", channel="crm_note", actor="user:li"
        )
        world.clock.advance(8 * 86_400)
        service.pull()
        service.apply()
        waiting = [
            row
            for row in rows(service, select(outbox).where(outbox.c.state == "ready", outbox.c.operation == "create"))
            if row["subject"].startswith(debt.customer)
        ]
        assert {row["module"] for row in waiting} == {"Notes", "Tasks"}
        (note,) = [row for row in waiting if row["module"] == "Notes"]
        assert note["fields"]["Note_Title"] == "Note 5,000.00 CNY"
        assert note["reason"]["template"]
        service.dunning.open_pause(debt.customer, "user:li", reason="trade fair", until_on=_later(world))
        service.apply()
        states = {
            row["state"] for row in rows(service, select(outbox).where(outbox.c.id.in_([r["id"] for r in waiting])))
        }
        assert states == {"cancelled"}


def _later(world: Any) -> date:
    made: date = (world.clock.now() + timedelta(days=30)).date()
    return made
