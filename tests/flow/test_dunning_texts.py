"""Message texts of users: shown with a customer's figures, used from the next message on, taken back, folded again."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from sync.case_checks import CaseError
from tests.flow.books import Synced, rows, writes_since, zoho_record
from tests.flow.test_dunning_flow import debt_of
from tieout.core.errors import Gone
from tieout.store.session import unit
from tieout.store.tables import audit, dunning_texts, outbox

PLACE = {"slot": "level:1", "language": "en", "channel": "crm_task"}
MINE = """Call {{ customer }} about {{ amount }}
{% for line in lines %}
* {{ line.number }} ({{ line.days }} d)
{% endfor %}
"""


def _task_of(debt: Any) -> dict[str, Any]:
    made = [e for e in writes_since(debt.world, debt.seq) if e.entity == "Tasks"]
    found = [zoho_record(debt.world, "Tasks", e.record_id) for e in made]
    (task,) = [one for one in found if debt.number in str(one["Description"])]
    return dict(task)


def test_a_text_is_tried_with_real_figures_used_and_taken_back(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        texts = service.dunning.texts
        for wrong, why in (
            ("{{ custmer }}", "text:1: there is no variable"),
            ("{% set x = 1 %}", "set is not allowed"),
        ):
            with pytest.raises(CaseError, match=why):
                texts.use(f"{wrong}\nx", **PLACE, actor="user:mei")
        with pytest.raises(CaseError, match="no message of cn"):
            texts.use(MINE, **{**PLACE, "slot": "step:L9"}, actor="user:mei")
        assert rows(service, select(dunning_texts)) == []

        shown = texts.preview(MINE, company="cn", **PLACE, customer=debt.customer)
        assert shown["subject"] == f"Call {shown['name']} about 5,000.00 CNY"
        assert shown["text"] == f"* {debt.number} (0 d)\n"
        assert (shown["sends"], shown["why_not"], shown["items"]) == (False, "not_due", 1)
        with pytest.raises(Gone):
            texts.preview(MINE, company="cn", **PLACE, customer="cus_none")

        made = texts.use(MINE, **PLACE, actor="user:mei", note="as we say it")
        assert (made["activated"], made["version"]) == (["cn"], shown["version"])
        assert texts.use(MINE, **PLACE, actor="user:mei")["activated"] == [], "it is in force already"
        (line,) = rows(service, select(audit).where(audit.c.action == "dunning.text"))
        assert (line["actor"], line["body"]["version"]) == ("user:mei", made["version"])

        debt.days(8)
        task = _task_of(debt)
        assert task["Subject"] == f"Call {shown['name']} about 5,000.00 CNY"
        assert task["Description"] == f"* {debt.number} (8 d)"
        mine = [
            row
            for row in rows(service, select(outbox).where(outbox.c.module == "Tasks"))
            if debt.number in str(row["fields"])
        ]
        assert [row["reason"]["template"] for row in mine] == [made["version"]]

        second = texts.use("Next: {{ amount }}\n{{ customer }}\n", **PLACE, actor="user:li")
        assert second["version"] != made["version"]
        first = next(row for row in texts.listed()["texts"] if row["version"] == made["version"])
        assert (first["active"], first["ended_by"]) == (False, "user:li")
        texts.restore(first["seq"], "user:li")
        (active,) = [row for row in texts.listed()["texts"] if row["active"]]
        assert (active["text"], active["by"]) == (MINE, "user:li")
        texts.drop(active["seq"], "user:mei")
        assert [row for row in texts.listed()["texts"] if row["active"]] == []
        with pytest.raises(CaseError, match="not in force"):
            texts.drop(active["seq"], "user:mei")
        assert service.rebuild_check().differences == []


def test_a_text_for_the_step_goes_before_one_for_the_level_and_a_broken_one_is_not_sent(synced: Synced) -> None:
    world, service = synced
    with service:
        debt = debt_of(world, service)
        texts = service.dunning.texts
        step = next(
            slot for slot in texts.listed()["slots"]["cn"] if slot.startswith("step:") and _level(service, slot) == 1
        )
        texts.use("Level {{ amount }}\n{{ lines | length }}\n", **PLACE, actor="user:mei")
        texts.use(
            "Step {{ step }}\n{% for l in lines %}{{ l.number }}{% endfor %}\n",
            **{**PLACE, "slot": step},
            actor="user:mei",
        )
        texts.use("Other language\ntext\n", **{**PLACE, "slot": step, "language": "zh-CN"}, actor="user:mei")
        debt.days(8)
        task = _task_of(debt)
        assert task["Subject"] == f"Step {step.removeprefix('step:')}"

        other = debt_of(world, service, "700.00")
        with unit(service.ctx.engine, "admin.commit") as conn:  # as if a later version read it otherwise
            conn.execute(update(dunning_texts).values(text="{{ nobody }}\nx"))
        other.days(8)
        assert _task_of(other)["Subject"].startswith("Payment reminder"), "the shipped words are used"


def _level(service: Any, slot: str) -> int:
    text = service.dunning.policy_text("cn")
    part = text.split(f"id: {slot.removeprefix('step:')},", 1)[1]
    return int(part.split("level:", 1)[1].split(",", 1)[0])
