"""Always do this: one answer for every conflict of a shape, shown first, folded again the same, ended with undo."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from sync.answering import AnswerError
from sync.service import Service
from tests.flow.books import Example, Synced, claims_bound_to, examples, open_conflicts, rows
from tieout.core.errors import Gone, StaleWrite
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import audit, claims, conflicts, rule_uses, source_records


def _spoil(service: Service, world: SandboxWorld, found: list[Example], status: str) -> list[str]:
    """Users of the CRM give invoices a status that no map knows; their causes."""
    world.clock.advance(600)
    for one in found:
        world.zoho.user_change("update", "Invoices", one.invoice, {"Status": status})
    world.clock.advance(60)
    assert service.sync().ok
    return [f"zoho/invoices/{one.invoice}" for one in found]


def _status(service: Service, cause: str) -> str:
    connection, stream, record = cause.split("/")
    s = source_records.c
    (row,) = rows(
        service,
        select(s.candidate).where(s.connection == connection, s.stream == stream, s.external_id == record),
    )
    return str(row["candidate"])


def _again(service: Service) -> None:
    assert service.rebuild_check().differences == []
    assert service.verify() == []


def test_an_unmapped_status_is_answered_once_for_all_records_and_ended_with_undo(synced: Synced) -> None:
    world, service = synced
    with service:
        first, second, third, by_hand = examples(service)[:4]
        before = _status(service, f"zoho/invoices/{first.invoice}")
        target = next(word for word in ("created", "delivered") if f'"status":"{word}"' not in before)
        causes = _spoil(service, world, [first, second, by_hand], "已开票")
        other = _spoil(service, world, [third], "待确认")
        held = open_conflicts(service, "unmapped_value")
        assert set(held) >= {*causes, *other}
        service.resolve(held[causes[2]]["id"], {"action": "leave", "note": "手工"}, "user:li")
        asked = held[causes[0]]["id"]
        (offer,) = service.rules.offers(asked)
        assert (offer["action"], offer["targets"]) == ("map", ["approved", "cancelled", "created", "delivered"])

        wish = {"conflict": asked, "action": "map", "target": target}
        shown = service.rules.preview(wish)
        assert {row["id"] for row in shown["rows"]} == {held[cause]["id"] for cause in causes[:2]}
        assert shown["skipped"] == 0
        totals: dict[str, int] = {}
        for row in rows(service, select(claims).where(claims.c.external_id.in_([first.invoice, second.invoice]))):
            totals[row["currency"]] = totals.get(row["currency"], 0) + row["amount_minor"]
        assert {one["currency"]: one["money_minor"] for one in shown["totals"]} == totals
        assert set(open_conflicts(service, "unmapped_value")) == {*causes[:2], *other}, "looking changes nothing"
        with pytest.raises(StaleWrite):
            service.rules.make(wish, "0" * 32, "", "user:mei")
        with pytest.raises(AnswerError, match="no answer here"):
            service.rules.preview({**wish, "target": "posted"})
        with pytest.raises(AnswerError, match="cannot be made a rule"):
            service.rules.preview({**wish, "action": "leave", "target": ""})

        made = service.rules.make(wish, shown["digest"], "本公司的说法", "user:mei")
        assert set(open_conflicts(service, "unmapped_value")) == set(other)
        assert f'"status":"{target}"' in _status(service, causes[0])
        (rule,) = service.rules.rules()["items"]
        assert (rule["id"], rule["author"], rule["note"]) == (made["id"], "user:mei", "本公司的说法")
        assert (rule["answered"], rule["records"]) == (2, 2)
        (line,) = rows(service, select(audit).where(audit.c.action == "conflict.rule"))
        assert (line["subject"], line["actor"]) == (made["id"], "user:mei")
        with pytest.raises(StaleWrite) as closed:
            service.undo(asked, "user:li")
        assert closed.value.code == "answered_by_rule"

        later = examples(service)[4]
        _spoil(service, world, [later], "已开票")
        assert f"zoho/invoices/{later.invoice}" not in open_conflicts(service, "unmapped_value")
        assert claims_bound_to(service, later.document_id), "it stands for its document as before"
        _again(service)

        service.rules.end(made["id"], "改用标准状态", "user:li")
        with pytest.raises(StaleWrite):
            service.rules.end(made["id"], "", "user:li")
        with pytest.raises(Gone):
            service.rules.end("rul_none", "", "user:li")
        assert service.sync().ok
        back = open_conflicts(service, "unmapped_value")
        assert set(back) == {*causes[:2], *other, f"zoho/invoices/{later.invoice}"}
        (kept,) = rows(service, select(conflicts).where(conflicts.c.id == held[causes[2]]["id"]))
        assert (kept["state"], kept["answered_by"]) == ("resolved", "user:li"), "a person's answer is not touched"
        assert rows(service, select(rule_uses)) == []
        (rule,) = service.rules.rules()["items"]
        assert (rule["state"], rule["ended_by"], rule["undone"]) == ("ended", "user:li", 3)
        assert _status(service, causes[0]) == before, "what stood before the rule stands again"
        _again(service)


def test_a_record_that_only_a_rule_could_read_is_unread_again_when_it_ends(synced: Synced) -> None:
    world, service = synced
    with service:
        one = examples(service)[0]
        world.clock.advance(600)
        fields = {"Subject": "新单", "Account_Name": {"id": one.crm_accounts[0]}, "Currency": "CNY"}
        record = world.zoho.user_change(
            "create", "Invoices", None, {**fields, "Grand_Total": Decimal("88.00"), "Status": "已开票"}
        )["id"]
        world.clock.advance(60)
        assert service.sync().ok
        asked = open_conflicts(service, "unmapped_value")[f"zoho/invoices/{record}"]
        wish = {"conflict": asked["id"], "action": "map", "target": "created"}
        shown = service.rules.preview(wish)
        assert shown["totals"] == [{"currency": "CNY", "money_minor": 88_00}]
        made = service.rules.make(wish, shown["digest"], "", "user:mei")
        mine = select(claims).where(claims.c.external_id == record)
        assert [row["amount_minor"] for row in rows(service, mine)] == [88_00]
        service.rules.end(made["id"], "", "user:mei")
        assert rows(service, mine) == []
        assert f"zoho/invoices/{record}" in open_conflicts(service, "unmapped_value")
        assert f"zoho/invoices/{record}" not in open_conflicts(service, "unlinked_document")
        _again(service)


def _unlinked(world: SandboxWorld, one: Example, amount: str) -> str:
    fields = {"Subject": f"nobody knows {amount}", "Account_Name": {"id": one.crm_accounts[0]}, "Currency": "CNY"}
    made: dict[str, Any] = world.zoho.user_change(
        "create", "Invoices", None, {**fields, "Grand_Total": Decimal(amount), "Status": "Created"}
    )
    return f"zoho/invoices/{made['id']}"


def test_unlinked_documents_are_left_by_a_rule_unless_the_books_suggest_something(synced: Synced) -> None:
    world, service = synced
    with service:
        one = next(e for e in examples(service) if e.currency == "CNY")
        world.clock.advance(600)
        first, second = _unlinked(world, one, "1234.56"), _unlinked(world, one, "77.01")
        world.clock.advance(60)
        assert service.sync().ok
        held = open_conflicts(service, "unlinked_document")
        with_hint = [row["id"] for row in held.values() if row["suggestions"]]
        alone = {cause for cause, row in held.items() if not row["suggestions"] and row["stream"] == "invoices"}
        assert {first, second} <= alone
        identity = next(iter(open_conflicts(service, "identity").values()))
        assert service.rules.offers(identity["id"]) == []
        assert all(service.rules.offers(key) == [] for key in with_hint)

        wish = {"conflict": held[first]["id"], "action": "leave"}
        shown = service.rules.preview(wish)
        assert {row["id"] for row in shown["rows"]} == {held[cause]["id"] for cause in alone}
        made = service.rules.make(wish, shown["digest"], "旧单据", "user:mei")
        left = open_conflicts(service, "unlinked_document")
        assert set(left) == set(held) - alone
        world.clock.advance(600)
        third = _unlinked(world, one, "5.00")
        world.clock.advance(60)
        assert service.sync().ok
        assert set(open_conflicts(service, "unlinked_document")) == set(left)
        (noted,) = rows(service, select(conflicts).where(conflicts.c.cause == third))
        assert (noted["state"], noted["rule_id"], noted["answered_by"]) == ("resolved", made["id"], "user:mei")

        world.clock.advance(600)  # the books now hold something it may be: that is for a person
        bill = {"FCUSTOMERID": one.party_ref, "FALLAMOUNTFOR": Decimal("1234.56")}
        world.kingdee.user_change("create", "AR_receivable", "", bill)
        world.clock.advance(60)
        world.zoho.user_change("update", "Invoices", first.rsplit("/", 1)[1], {"Due_Date": "2026-12-24"})
        world.clock.advance(60)
        assert service.sync().ok
        assert first in open_conflicts(service, "unlinked_document")
        _again(service)

        (by_rule,) = rows(
            service, select(conflicts).where(conflicts.c.cause == second, conflicts.c.state == "resolved")
        )
        service.resolve(by_rule["id"], {"action": "leave", "note": "看过"}, "user:li")
        service.rules.end(made["id"], "", "user:li")
        assert service.sync().ok
        back = open_conflicts(service, "unlinked_document")
        assert {first, third} <= set(back)
        assert second not in back, "what a person answered by hand stays answered"
        assert set(held) - {first, second} <= set(back)
        _again(service)
