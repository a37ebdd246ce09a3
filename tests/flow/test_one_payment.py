"""One payment changes in the book of record: exactly what hangs on it changes in the CRM, to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from sqlalchemy import select

from connectors.kingdee.connector import KingdeeConnector
from tests.flow.books import (
    LOG,
    Example,
    Synced,
    decision,
    document,
    examples,
    hangs_on,
    match_ids,
    own_fields,
    receive,
    rows,
    undo_unnoticed,
    writes_since,
    zoho_record,
)
from tieout.core.errors import SourceError
from tieout.core.money import to_decimal
from tieout.core.ports import Page
from tieout.sandbox.kingdee.forms import FORMS
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import allocations, watermarks


def _shown(world: SandboxWorld, one: Example) -> dict[tuple[str, str], dict[str, object]]:
    return {(module, key): own_fields(zoho_record(world, module, key)) for module, key in sorted(one.dependants)}


def _has_all_dependants(one: Example) -> bool:
    return bool(one.deals) and bool(one.crm_accounts) and one.currency == "CNY" and one.open_minor > 10_000


def test_the_records_that_hang_on_an_invoice_are_those_of_the_company(synced: Synced) -> None:
    world, service = synced
    with service:
        found = examples(service)
        assert len(found) > 10
        for one in found:
            assert one.dependants == hangs_on(world, one.number), one.number


def test_partial_receipt_writes_the_invoice_its_deal_and_its_account_and_undoing_it_restores_them(
    synced: Synced,
) -> None:
    world, service = synced
    with service:
        one = next(example for example in examples(service) if _has_all_dependants(example))
        before = _shown(world, one)
        figures = dict(zoho_record(world, "Invoices", one.invoice))
        account = dict(zoho_record(world, "Accounts", one.crm_accounts[0]))
        last_paid_on = document(service, one.number)["last_payment_on"]

        world.clock.advance(3600)
        cents = 1_23  # a part that leaves cents on both sides
        seq = world.store.effects.last_seq
        receipt = receive(world, one.number, "1.23")
        world.clock.advance(60)
        assert service.sync().ok

        written = writes_since(world, seq)
        meant = hangs_on(world, one.number)
        assert {module for module, _ in meant} == {"Invoices", "Deals", "Accounts"}
        assert {(effect.entity, effect.record_id) for effect in written} == meant
        assert len(written) == len(meant), "a record was written twice"
        assert all(name.startswith("AR_") for effect in written for name in effect.changes)
        invoice = zoho_record(world, "Invoices", one.invoice)
        paid = Decimal(str(figures["AR_Paid_Amount"])) + Decimal("1.23")
        still = to_decimal(one.open_minor - cents, "CNY")
        assert Decimal(str(invoice["AR_Paid_Amount"])) == paid
        assert Decimal(str(invoice["AR_Open_Amount"])) == still
        assert Decimal(str(invoice["AR_Invoiced_Amount"])) == paid + still
        assert invoice["AR_Last_Payment_Date"] == "2026-11-24"
        assert invoice.get("AR_Next_Due_Date") == figures.get("AR_Next_Due_Date")
        overdue = Decimal(str(figures["AR_Overdue_Amount"]))
        assert Decimal(str(invoice["AR_Overdue_Amount"])) == (overdue - Decimal("1.23") if overdue else 0)
        assert invoice["AR_Payment_Status"] == ("overdue" if overdue else "partially_paid")
        shown = zoho_record(world, "Accounts", one.crm_accounts[0])
        for name in ("AR_Open_Amount", "AR_Credit_Exposure"):
            assert Decimal(str(shown[name])) == Decimal(str(account[name])) - Decimal("1.23"), name
        assert service.verify() == []

        world.clock.advance(3600)
        (match,) = match_ids(world, receipt, one.number)
        world.kingdee.user_change("unsettle", "AR_RECMacthLog", match)
        world.kingdee.user_change("delete", "AR_RECEIVEBILL", receipt)
        world.clock.advance(60)
        for _ in range(2):  # a record is gone when it is missed twice, a grace period apart
            assert all(pull.ok for pull in service.pull(sweep=True))
            world.clock.advance(900)
        seq = world.store.effects.last_seq
        assert service.sync().ok
        restored = _shown(world, one)
        for key, fields in before.items():
            now = {name: value for name, value in restored[key].items() if name != "AR_As_Of"}
            assert now == {name: value for name, value in fields.items() if name != "AR_As_Of"}, key
        assert {(effect.entity, effect.record_id) for effect in writes_since(world, seq)} == meant
        assert document(service, one.number)["last_payment_on"] == last_paid_on
        assert document(service, one.number)["open_minor"] == one.open_minor
        assert service.verify() == []
        assert service.rebuild_check().as_dict()["differences"] == []


def test_an_undone_allocation_leaves_unapplied_cash_and_is_found_by_the_sweep(synced: Synced) -> None:
    world, service = synced
    with service:
        one = next(example for example in examples(service) if _has_all_dependants(example))
        world.clock.advance(3600)
        receipt = receive(world, one.number, "77.77")
        world.clock.advance(60)
        service.sync()
        assert document(service, one.number)["open_minor"] == one.open_minor - 77_77
        assert document(service, receipt)["open_minor"] == 0

        world.clock.advance(86_400)
        (match,) = match_ids(world, receipt, one.number)
        undo_unnoticed(world, match)
        world.clock.advance(60)
        service.pull(["kingdee"], sweep=True)
        service.sync()
        assert document(service, one.number)["open_minor"] == one.open_minor
        assert document(service, receipt)["open_minor"] == -77_77
        account = zoho_record(world, "Accounts", one.crm_accounts[0])
        assert "unapplied 77.77" in account["AR_Balances"]
        assert decision(service, "payment_status", one.document_id)["body"]["open_minor"] == one.open_minor
        assert service.verify() == []


def test_a_sweep_that_breaks_off_before_the_fetch_still_finds_the_undone_allocation_next_time(synced: Synced) -> None:
    world, service = synced
    with service:
        one = examples(service)[0]
        world.clock.advance(3600)
        receipt = receive(world, one.number, "1.00")
        world.clock.advance(60)
        service.sync()
        service.pull(["kingdee"], sweep=True)
        (match,) = match_ids(world, receipt, one.number)
        undo_unnoticed(world, match)
        world.clock.advance(60)
        seen: list[bool] = []
        fetch = KingdeeConnector.fetch

        def broken(self: KingdeeConnector, stream: str, ids: Sequence[str]) -> Page:
            if stream == "allocations" and not seen:
                seen.append(True)
                raise SourceError("the network went away")
            return fetch(self, stream, ids)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(KingdeeConnector, "fetch", broken)
            service.pull(["kingdee"], sweep=True)
            assert seen
            assert document(service, one.number)["open_minor"] == one.open_minor - 100
            service.pull(["kingdee"], sweep=True)
        service.apply()
        assert document(service, one.number)["open_minor"] == one.open_minor


def test_most_settlements_undone_before_the_first_listing_of_ids_are_found_by_it(synced: Synced) -> None:
    """Nothing is remembered of their state yet, and what is commonest now is not what was read."""
    world, service = synced
    with service:
        (held,) = rows(service, _HELD)
        assert "marks" not in held["state"], "a listing had its say already"
        log = world.kingdee.library.ordered(FORMS[LOG])
        matches = sorted({str(row["FMATCHID"]) for row in log if row["FISACTIVATION"]})
        undone = matches[: len(matches) * 3 // 4]
        world.clock.advance(3600)
        for match in undone:
            undo_unnoticed(world, match)
        world.clock.advance(60)
        service.pull(["kingdee"], sweep=True)
        service.sync()
        log = world.kingdee.library.ordered(FORMS[LOG])
        left = {str(row["FMATCHID"]) for row in log if row["FISACTIVATION"]}
        applied = rows(service, select(allocations.c.group_key).where(allocations.c.is_applied))
        assert {str(row["group_key"]).partition("/")[0] for row in applied} <= left
        assert service.verify() == []


_HELD = select(watermarks.c.state).where(watermarks.c.connection == "kingdee", watermarks.c.stream == "allocations")
