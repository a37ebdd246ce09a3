"""Limits that people set, overrides, and rates that arrive late: decided, shown in Zoho, undone, folded again alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sync.service import Service
from tests.flow import hold_timeline
from tests.flow.books import (
    Example,
    Synced,
    decision,
    open_conflicts,
    pick,
    rows,
    writes_since,
    zoho_record,
)
from tieout.core.errors import Denied, StaleWrite, TieoutError
from tieout.sandbox.kingdee.forms import FORMS
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import decisions, memberships

ANNA, BERT = "user:anna", "user:bert"


def customer_of(service: Service, account: str) -> str:
    m = memberships.c
    (found,) = rows(service, memberships.select().where(m.member == account, m.to_seq.is_(None)))
    return str(found["customer_id"])


def credit_of(service: Service, customer: str) -> Any:
    return decision(service, "credit", f"{customer}|cn")


def calm(service: Service) -> Example:
    """An open invoice of a customer that trades in yuan alone, without a limit in the books, calm for some days."""

    def fits(one: Example) -> bool:
        row = credit_of(service, customer_of(service, one.account_id))
        quiet = row["next_change_on"] is None or row["next_change_on"] > date(2026, 11, 30)
        small = row["body"]["exposure_minor"] < 40_000_000 and row["body"]["open_by_currency"].keys() == {"CNY"}
        no_limit = row["body"]["limit_source"] == "none"
        return quiet and small and no_limit and row["value"] == "ok"

    return pick(service, fits)


def limit(amount: int, **more: Any) -> dict[str, Any]:
    return {"amount_minor": amount, "currency": "CNY", "reason": "a test of the limit", **more}


def shown(world: SandboxWorld, one: Example) -> dict[str, Any]:
    return zoho_record(world, "Accounts", one.crm_accounts[0])


def step(world: SandboxWorld, service: Service, record: str, change: Callable[[], Any]) -> list[str]:
    """Do one thing and sync; the credit statuses that were written to an account in Zoho for it."""
    seq = world.store.effects.last_seq
    change()
    service.sync()
    fields = [one.changes for one in writes_since(world, seq) if one.record_id == record]
    return [change["AR_Credit_Status"][1] for change in fields if "AR_Credit_Status" in change]


def test_a_limit_counts_once_another_person_approved_it_and_undo_brings_back_what_was(synced: Synced) -> None:
    world, service = synced
    with service:
        one = calm(service)
        customer = customer_of(service, one.account_id)
        before = credit_of(service, customer)
        assert before["body"]["limit_source"] == "none"
        exposure = before["body"]["exposure_minor"]
        asked = service.credit.ask_limit(customer, limit(exposure // 2), ANNA)
        assert asked["state"] == "waiting"
        assert credit_of(service, customer)["id"] == before["id"]
        for own in (ANNA, "cli:Anna"):
            with pytest.raises(Denied, match="another person"):
                service.credit.approve(asked["id"], own)
        assert step(world, service, one.crm_accounts[0], lambda: service.credit.approve(asked["id"], BERT)) == ["hold"]
        held = credit_of(service, customer)
        assert held["value"] == "hold"
        assert held["reasons"][0]["code"] == "over_limit"
        used = {name: value for name, value in held["inputs"]["limit"].items() if name != "books"}
        assert used == {
            "source": "person", "id": asked["id"], "author": ANNA, "approver": BERT,
            "amount": ["CNY", exposure // 2], "passed_over": [],
        }  # fmt: skip
        record = shown(world, one)
        assert Decimal(str(record["AR_Credit_Limit"])) * 100 == exposure // 2
        assert Decimal(str(record["AR_Credit_Exposure"])) * 100 == exposure
        assert service.rebuild_check().differences == []
        # A later limit passes over the first; taking it back brings the first one back.
        more = service.credit.ask_limit(customer, limit(exposure * 3), BERT)
        service.credit.approve(more["id"], ANNA)
        raised = credit_of(service, customer)
        assert [reason["code"] for reason in raised["reasons"]] == ["hold_waits"]
        assert raised["inputs"]["limit"]["passed_over"] == [asked["id"]]
        service.credit.withdraw(more["id"], "typing error", ANNA)
        assert credit_of(service, customer)["body"]["limit_minor"] == exposure // 2
        service.credit.withdraw(asked["id"], "not agreed", BERT)
        world.clock.advance(86400)
        service.sync()
        free = credit_of(service, customer)
        assert (free["value"] != "hold", free["body"]["limit_minor"]) == (True, None)
        assert shown(world, one)["AR_Credit_Limit"] in (None, "")
        with pytest.raises(StaleWrite):
            service.credit.withdraw(asked["id"], "again", BERT)
        with pytest.raises(StaleWrite):
            service.credit.approve(more["id"], ANNA)
        assert service.verify() == []
        assert service.rebuild_check().differences == []


def test_hold_timeline_of_the_reference_pushes_three_status_changes(synced: Synced) -> None:
    world, service = synced
    with service:
        one = calm(service)
        customer = customer_of(service, one.account_id)

        steps = hold_timeline.begin(world, one.party_ref, credit_of(service, customer)["body"]["exposure_minor"])
        asked = service.credit.ask_limit(customer, limit(hold_timeline.LIMIT_MINOR), ANNA)
        assert step(world, service, one.crm_accounts[0], lambda: service.credit.approve(asked["id"], BERT)) == []
        assert credit_of(service, customer)["body"]["exposure_minor"] == 49_500_000
        assert credit_of(service, customer)["value"] == "ok"
        for change, thousands, pushed in steps:
            assert step(world, service, one.crm_accounts[0], change) == pushed, thousands
            assert credit_of(service, customer)["body"]["exposure_minor"] == thousands * 100_000
            exposure = shown(world, one)["AR_Credit_Exposure"]
            assert Decimal(str(exposure)) == thousands * 1000
            assert Decimal(str(shown(world, one)["AR_Credit_Limit"])) == 500_000
        assert service.rebuild_check().differences == []


def test_override_needs_a_second_person_a_cap_and_an_end(synced: Synced) -> None:
    world, service = synced
    with service:
        one = calm(service)
        customer = customer_of(service, one.account_id)
        exposure = credit_of(service, customer)["body"]["exposure_minor"]
        until = date(2026, 12, 5)
        base = {"status": "ok", "reason": "payment is on its way", "valid_until": until, "currency": "CNY"}
        for wrong in (
            {**base, "amount_minor": None},
            {**base, "amount_minor": 1, "valid_until": None},
            {**base, "amount_minor": 1, "valid_until": date(2026, 11, 1)},
            {**base, "amount_minor": 1, "valid_until": date(2027, 6, 1)},
            {**base, "amount_minor": 1, "reason": "  "},
        ):
            with pytest.raises(TieoutError):
                service.credit.ask_override(customer, wrong, ANNA)
        held = service.credit.ask_override(
            customer, {"status": "hold", "reason": "insolvency filed", "valid_until": until}, ANNA
        )
        assert held["state"] == "active"
        row = credit_of(service, customer)
        assert (row["value"], row["reasons"][0]["code"]) == ("hold", "manual_hold")
        asked = service.credit.ask_override(customer, {**base, "amount_minor": exposure}, ANNA)
        assert credit_of(service, customer)["value"] == "hold"
        service.credit.approve(asked["id"], BERT)
        row = credit_of(service, customer)
        assert (row["value"], row["body"]["by_rule"], row["body"]["override"]) == ("ok", "hold", asked["id"])
        assert [reason["code"] for reason in row["reasons"]][:2] == ["override", "manual_hold"]
        assert row["next_change_on"] <= date(2026, 12, 6)
        world.kingdee.user_change(
            "create", "AR_receivable", "", {"FCUSTOMERID": one.party_ref, "FALLAMOUNTFOR": Decimal("0.01")}
        )
        service.sync()
        row = credit_of(service, customer)
        assert (row["value"], row["reasons"][0]["code"]) == ("hold", "override_outgrown")
        world.clock.advance(12 * 86400)  # both have run out
        service.sync()
        row = credit_of(service, customer)
        codes = [reason["code"] for reason in row["reasons"]]
        assert not {"override", "override_outgrown", "manual_hold"} & set(codes)
        assert service.rebuild_check().differences == []


def test_a_rate_that_arrives_late_decides_exactly_what_waited(synced: Synced, tmp_path: Path) -> None:
    world, service = synced
    with service:
        for doc in world.kingdee.library.ordered(FORMS["BD_Rate"])[:4]:  # only drafts and the like are left
            world.kingdee.user_change("delete", "BD_Rate", str(doc["FRateID"]))
        one = calm(service)
        world.kingdee.user_change(
            "create",
            "AR_receivable",
            "",
            {"FCUSTOMERID": one.party_ref, "FCURRENCYID": "USD", "FALLAMOUNTFOR": Decimal("1000.00")},
        )
        service.pull(sweep=True)
        world.clock.advance(3600)
        service.pull(sweep=True, accept_deletes=True)
        service.sync()
        before = rows(service, decisions.select().where(decisions.c.kind == "credit", decisions.c.is_current.is_(True)))
        waits = {row["subject"]: row for row in before if row["body"]["missing_rates"]}
        asked = open_conflicts(service, "missing_reference")
        assert f"{customer_of(service, one.account_id)}|cn" in waits
        codes = {code for row in waits.values() for code in row["body"]["missing_rates"]}
        assert {f"rate/cn/{code}" for code in codes} <= set(asked)
        file = tmp_path / "rates.csv"
        lines = "".join(f"{code},CNY,7.1234,2026-11-01,\n" for code in sorted(codes))
        file.write_text("﻿币别,本位币,汇率,生效日期,失效日期\n" + lines, encoding="utf-8")
        answer = service.credit.import_rates(file, ANNA)
        assert (answer["stated"], answer["unchanged"]) == (len(codes), 0)
        after = rows(service, decisions.select().where(decisions.c.kind == "credit", decisions.c.is_current.is_(True)))
        moved = {row["subject"] for row in after} - {
            row["subject"] for row in after if row["id"] in {old["id"] for old in before}
        }
        assert moved == set(waits)
        assert all(not row["body"]["missing_rates"] for row in after)
        assert not [cause for cause in open_conflicts(service, "missing_reference") if cause.startswith("rate/")]
        again = service.credit.import_rates(file, ANNA)
        assert (again["stated"], again["unchanged"]) == (0, len(codes))
        # It counts for 31 days and then nobody vouches for it: the exposure is incomplete again.
        world.clock.advance(10 * 86400)
        service.sync()
        service.credit.withdraw_rate(answer["ids"][0], BERT)
        assert [cause for cause in open_conflicts(service, "missing_reference") if cause.startswith("rate/")]
        assert service.rebuild_check().differences == []


def test_another_policy_shows_its_effect_first_and_does_exactly_that(synced: Synced) -> None:
    _, service = synced
    with service:
        shipped = service.credit.policy()
        assert (shipped["version"], shipped["hold_days"]) == ("1", 30)
        for wrong in ({"hold_days": 0}, {"mood": 1}, {"release_at_percent": 120}, {"min_overdue_minor": {"CNY": -1}}):
            with pytest.raises(TieoutError):
                service.credit.ask_policy({"values": wrong, "reason": "a test"}, ANNA)
        before = {row["subject"]: row["value"] for row in standing_credit(service)}
        wanted = {"values": {"hold_days": 10, "min_overdue_minor": {"CNY": 1}}, "reason": "the new board"}
        looked = service.credit.ask_policy({**wanted, "dry_run": True}, ANNA)
        asked = service.credit.ask_policy(wanted, ANNA)
        assert (looked["effect"], looked["state"], asked["state"]) == (asked["effect"], "preview", "waiting")
        assert asked["effect"]["moves"].get("watch -> hold", 0) > 0
        assert service.credit.policy()["version"] == "1"
        with pytest.raises(Denied):
            service.credit.approve(asked["id"], ANNA)
        service.credit.approve(asked["id"], BERT)
        after = {row["subject"]: row["value"] for row in standing_credit(service)}
        moves: dict[str, int] = {}
        for subject, value in after.items():
            if before[subject] != value:
                move = f"{before[subject]} -> {value}"
                moves[move] = moves.get(move, 0) + 1
        assert moves == asked["effect"]["moves"]
        assert {row["body"]["policy_version"] for row in standing_credit(service)} == {asked["version"]}
        service.credit.withdraw(asked["id"], "too strict", BERT)
        assert {row["body"]["policy_version"] for row in standing_credit(service)} == {"1"}
        assert service.rebuild_check().differences == []


def standing_credit(service: Service) -> list[Any]:
    return rows(service, decisions.select().where(decisions.c.kind == "credit", decisions.c.is_current.is_(True)))
