"""The hold timeline of the reference with two CRMs: each is written to exactly as often as the status changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sync.service import Service
from tests.flow.books import receive, rows, writes_since
from tests.flow.harness import make_world
from tests.flow.test_credit_terms import ANNA, BERT, credit_of, limit
from tests.flow.test_two_crms import open_three
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import decisions, documents, memberships


@pytest.fixture
def world() -> SandboxWorld:
    return make_world(40, 90, seed=11)


@pytest.fixture
def service(tmp_path: Path, world: SandboxWorld) -> Iterator[Service]:
    with open_three(tmp_path, world, f"sqlite:///{tmp_path / 'tieout.db'}") as opened:
        assert opened.sync().ok
        world.clock.advance(60)
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

    def bill(amount: Decimal) -> str:
        fields = {"FCUSTOMERID": record["FCUSTOMERID"], "FALLAMOUNTFOR": amount, "FENDDATE_H": "2027-06-30T00:00:00"}
        return str(world.kingdee.user_change("create", "AR_receivable", "", fields)["FBillNo"])

    def step(change: Callable[[], Any]) -> dict[str, list[str]]:
        seq = world.store.effects.last_seq
        change()
        world.clock.advance(60)
        assert service.sync().ok
        return statuses(world, seq, records)

    start = Decimal(credit_of(service, customer)["body"]["exposure_minor"]) / 100
    first_bill = bill(Decimal(555_000) - start)  # the reference's numbers in thousands of yuan
    early = receive(world, first_bill, Decimal(60_000))
    asked = service.credit.ask_limit(customer, limit(50_000_000), ANNA)
    assert step(lambda: service.credit.approve(asked["id"], BERT)) == {"zoho": [], "fxiaoke": []}
    steps: list[tuple[Callable[[], Any], int, list[str]]] = [
        (lambda: bill(Decimal(15_000)), 510, ["hold"]),
        (lambda: receive(world, first_bill, Decimal(30_000)), 480, []),
        (lambda: receive(world, first_bill, Decimal(35_000)), 445, []),
        (lambda: world.clock.advance(86400), 445, ["ok"]),
        (lambda: world.kingdee.user_change("cancel", "AR_RECEIVEBILL", early), 505, ["hold"]),
    ]
    for change, thousands, pushed in steps:
        assert step(change) == {"zoho": pushed, "fxiaoke": pushed}, thousands
        assert credit_of(service, customer)["body"]["exposure_minor"] == thousands * 100_000
