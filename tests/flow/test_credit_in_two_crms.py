"""The hold timeline of the reference with two CRMs: each is written to exactly as often as the status changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sync.service import Service
from tests.flow import hold_timeline
from tests.flow.books import rows, writes_since
from tests.flow.test_credit_terms import ANNA, BERT, credit_of, limit
from tests.flow.two_crms import synced_three, three_systems
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import decisions, documents, memberships


@pytest.fixture
def world() -> SandboxWorld:
    return three_systems()


@pytest.fixture
def service(tmp_path: Path, world: SandboxWorld) -> Iterator[Service]:
    with synced_three(tmp_path, world) as opened:
        yield opened


def in_both(service: Service) -> tuple[str, str, set[str]]:
    """A customer in yuan that nothing is known against, one of its bills, and its records in Zoho and Fxiaoke."""
    m, d = memberships.c, documents.c
    held: dict[str, list[str]] = {}
    for row in rows(service, select(m.customer_id, m.member).where(m.to_seq.is_(None)).order_by(m.member)):
        held.setdefault(row["customer_id"], []).append(row["member"])
    for customer, members in sorted(held.items()):
        parts = {crm: [one for one in members if one.startswith(f"{crm}/customers/")] for crm in ("zoho", "fxiaoke")}
        bills = rows(
            service,
            select(d.number, d.currency).where(d.account_id.in_(members), d.kind == "invoice", d.open_minor > 0),
        )
        if any(len(found) != 1 for found in parts.values()) or {row["currency"] for row in bills} != {"CNY"}:
            continue
        c = decisions.c
        value = rows(
            service,
            select(c.value, c.next_change_on).where(c.kind == "credit", c.subject == f"{customer}|cn", c.is_current),
        )
        if value and value[0]["value"] == "ok" and credit_of(service, customer)["body"]["exposure_minor"] < 40_000_000:
            return customer, bills[0]["number"], {one[0].rsplit("/", 1)[-1] for one in parts.values()}
    raise AssertionError("no customer of the seeded company is calm and in both CRMs")


def statuses(world: SandboxWorld, seq: int, records: set[str]) -> dict[str, list[str]]:
    """The credit statuses written to these records since, by CRM, as their users read them."""
    out: dict[str, list[str]] = {"zoho": [], "fxiaoke": []}
    field = next(
        one for one in world.fxiaoke.tenant.object("AccountObj").fields.values() if one.label == "AR Credit Status"
    )
    labels = {option: label for label, option in field.options}
    for effect in writes_since(world, seq):
        if effect.record_id not in records:
            continue
        if effect.entity == "Accounts" and "AR_Credit_Status" in effect.changes:
            out["zoho"].append(str(effect.changes["AR_Credit_Status"][1]))
        if effect.entity == "AccountObj" and field.api_name in effect.changes:
            value = effect.changes[field.api_name][1]
            out["fxiaoke"].append(str(labels.get(value, value)))
    return out


def test_both_crms_hear_of_each_status_change_once(world: SandboxWorld, service: Service) -> None:
    customer, number, records = in_both(service)
    record = next(
        one for one in world.store.collection("kingdee", "AR_receivable").values() if one["FBillNo"] == number
    )

    def step(change: Callable[[], Any]) -> dict[str, list[str]]:
        seq = world.store.effects.last_seq
        change()
        world.clock.advance(60)
        assert service.sync().ok
        return statuses(world, seq, records)

    exposure = credit_of(service, customer)["body"]["exposure_minor"]
    steps = hold_timeline.begin(world, record["FCUSTOMERID"], exposure)
    asked = service.credit.ask_limit(customer, limit(hold_timeline.LIMIT_MINOR), ANNA)
    assert step(lambda: service.credit.approve(asked["id"], BERT)) == {"zoho": [], "fxiaoke": []}
    for change, thousands, pushed in steps:
        assert step(change) == {"zoho": pushed, "fxiaoke": pushed}, thousands
        assert credit_of(service, customer)["body"]["exposure_minor"] == thousands * 100_000
