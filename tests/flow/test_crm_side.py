"""What happens to CRM records by hand: our own echo, edited AR fields, deletions, lost deals."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import select

from tests.flow.books import (
    Synced,
    count,
    decision,
    examples,
    open_conflicts,
    own_fields,
    pick,
    receive,
    rows,
    writes_since,
    zoho_record,
)
from tests.flow.harness import outbox_states, versions
from tieout.store.tables import bindings, inputs, remote_seen


def test_our_own_writes_come_back_and_make_no_version(synced: Synced) -> None:
    world, service = synced
    with service:
        landed, seq, last = versions(service), world.store.effects.last_seq, count(service, inputs)
        world.clock.advance(600)
        pulls = service.pull(["zoho"], full=True)
        counts = [stream.counts for pull in pulls for stream in pull.streams]
        assert sum(c.rows for c in counts) > 60
        assert sum(c.new + c.older + c.refetch + c.drifted for c in counts) == 0
        service.apply()
        assert (versions(service), world.store.effects.last_seq, count(service, inputs)) == (landed, seq, last)


def test_a_hand_edit_of_an_ar_field_is_found_rewritten_once_and_reported(synced: Synced) -> None:
    world, service = synced
    with service:
        one = pick(service)
        right = own_fields(zoho_record(world, "Invoices", one.invoice))
        landed = versions(service)
        world.clock.advance(3600)
        world.zoho.user_change(
            "update", "Invoices", one.invoice, {"AR_Open_Amount": 1.5, "AR_Payment_Status": "paid", "Description": "?"}
        )
        edited_at = world.clock.now()
        world.clock.advance(60)
        seq = world.store.effects.last_seq
        summary = service.sync()
        assert summary.ok
        assert sum(s.counts.drifted for pull in summary.pulls for s in pull.streams) == 1
        assert versions(service) == landed, "no mapped field moved"
        (effect,) = writes_since(world, seq)
        assert (effect.entity, effect.record_id) == ("Invoices", one.invoice)
        assert set(effect.changes) <= {"AR_Open_Amount", "AR_Payment_Status", "AR_As_Of"}
        assert own_fields(zoho_record(world, "Invoices", one.invoice)) == right
        (seen,) = rows(service, select(remote_seen).where(remote_seen.c.remote_id == one.invoice))
        assert seen["drifted_at"] is not None, "nobody can see that somebody edited our field"
        assert seen["drifted_at"] >= edited_at

        seq = world.store.effects.last_seq
        for _ in range(2):
            world.clock.advance(600)
            assert service.sync().ok
        assert writes_since(world, seq) == []
        assert set(outbox_states(service)) == {"done"}


def test_a_field_that_was_filled_before_the_record_was_ever_read_is_put_right(synced: Synced) -> None:
    world, service = synced
    with service:
        account = zoho_record(world, "Invoices", pick(service).invoice)["Account_Name"]["id"]
        world.clock.advance(3600)
        typed = {"Subject": "typed", "Invoice_Number": "NOBODY-1", "Account_Name": {"id": account}, "Grand_Total": 5}
        typed |= {"AR_Payment_Status": "overdue", "AR_Open_Amount": 5}
        world.zoho.user_change("create", "Invoices", None, typed)
        world.clock.advance(60)
        seq = world.store.effects.last_seq
        summary = service.sync()
        assert summary.ok
        assert sum(s.counts.drifted for pull in summary.pulls for s in pull.streams) == 0, (
            "nobody changed what we wrote"
        )
        (effect,) = writes_since(world, seq)
        assert {"AR_Payment_Status", "AR_Open_Amount"} <= set(effect.changes)
        shown = zoho_record(world, "Invoices", effect.record_id)
        assert (shown["AR_Payment_Status"], shown["AR_Open_Amount"]) == (None, None), (
            "no document of the books stands behind it"
        )
        world.clock.advance(600)
        assert service.sync().ok
        assert len(writes_since(world, seq)) == 1


def test_an_invoice_deleted_in_the_crm_is_unbound_and_leaves_its_deals_figures(synced: Synced) -> None:
    world, service = synced
    with service:
        one = pick(service, lambda e: bool(e.deals))
        deal = f"zoho/deal:{one.deals[0]}"
        # Only the invoice ties the document to the deal from now on.
        world.clock.advance(3600)
        world.zoho.user_change("update", "Deals", one.deals[0], {"Order_No": "", "Contract_No": ""})
        world.zoho.user_change("update", "Invoices", one.invoice, {"Deal_Name__s": {"id": one.deals[0]}})
        world.clock.advance(60)
        service.sync()
        held = decision(service, "payment_status", deal)
        assert held["body"]["open_minor"] >= one.open_minor
        world.clock.advance(3600)
        world.zoho.user_change("delete", "Invoices", one.invoice)
        world.clock.advance(60)
        assert service.sync().ok
        standing = rows(
            service,
            select(bindings).where(bindings.c.external_id == one.invoice, bindings.c.to_seq.is_(None)),
        )
        assert standing == []
        assert rows(service, select(bindings).where(bindings.c.external_id == one.invoice)), "history is kept"
        now = decision(service, "payment_status", deal)
        assert now["body"]["open_minor"] == held["body"]["open_minor"] - one.open_minor
        assert decision(service, "payment_status", one.document_id)["body"]["open_minor"] == one.open_minor
        assert service.verify() == []
        assert service.rebuild_check().as_dict()["differences"] == []

        world.clock.advance(3600)
        world.zoho.user_change("undelete", "Invoices", one.invoice)
        world.clock.advance(60)
        assert service.sync().ok
        assert decision(service, "payment_status", deal)["body"]["open_minor"] == held["body"]["open_minor"]


def test_an_invoice_out_of_the_bin_that_stands_for_nothing_now_shows_no_figures(synced: Synced) -> None:
    """Another record took its bill meanwhile: what was written into it once is nobody's word any more."""
    world, service = synced
    with service:
        one = pick(service)
        assert "AR_Open_Amount" in own_fields(zoho_record(world, "Invoices", one.invoice))
        world.clock.advance(3600)
        world.zoho.user_change("delete", "Invoices", one.invoice)
        account = {"id": one.crm_accounts[0]}
        twin = {"Subject": "again", "ERP_Bill_No": one.number, "Account_Name": account, "Grand_Total": 1}
        world.zoho.user_change("create", "Invoices", None, twin)
        world.clock.advance(60)
        assert service.sync().ok
        world.clock.advance(3600)
        world.zoho.user_change("undelete", "Invoices", one.invoice)
        world.clock.advance(60)
        assert service.sync().ok
        assert f"zoho/invoices/{one.invoice}" in open_conflicts(service, "unlinked_document")
        assert set(own_fields(zoho_record(world, "Invoices", one.invoice))) <= {"AR_As_Of"}
        assert service.rebuild_check().as_dict()["differences"] == []


@pytest.mark.parametrize("named", ["by its own numbers", "by its invoice alone"])
def test_a_lost_deal_shows_no_stale_figures(synced: Synced, named: str) -> None:
    world, service = synced
    with service:
        one = pick(service, lambda e: bool(e.deals) and e.open_minor > 10_000)
        if named == "by its invoice alone":
            world.clock.advance(3600)
            world.zoho.user_change("update", "Deals", one.deals[0], {"Order_No": "", "Contract_No": ""})
            world.zoho.user_change("update", "Invoices", one.invoice, {"Deal_Name__s": {"id": one.deals[0]}})
            world.clock.advance(60)
            assert service.sync().ok
        stage = zoho_record(world, "Deals", one.deals[0])["Stage"]
        shown = own_fields(zoho_record(world, "Deals", one.deals[0]))
        assert Decimal(str(shown["AR_Open_Amount"])) > 0
        world.clock.advance(3600)
        world.zoho.user_change("update", "Deals", one.deals[0], {"Stage": "Closed Lost"})
        world.clock.advance(60)
        assert service.sync().ok
        left = own_fields(zoho_record(world, "Deals", one.deals[0]))
        assert set(left) <= {"AR_As_Of"}, left
        world.clock.advance(3600)
        receive(world, one.number, "1.00")
        world.zoho.user_change("update", "Deals", one.deals[0], {"Stage": stage})
        world.clock.advance(60)
        assert service.sync().ok
        again = own_fields(zoho_record(world, "Deals", one.deals[0]))
        assert Decimal(str(again["AR_Open_Amount"])) == Decimal(str(shown["AR_Open_Amount"])) - 1


def test_an_account_deleted_in_the_crm_takes_no_balance_with_it(synced: Synced) -> None:
    world, service = synced
    with service:
        one = next(e for e in examples(service) if len(e.crm_accounts) == 1)
        world.clock.advance(3600)
        world.zoho.user_change("delete", "Accounts", one.crm_accounts[0])
        world.clock.advance(60)
        assert service.sync().ok
        seq = world.store.effects.last_seq
        receive(world, one.number, "1.00")
        world.clock.advance(60)
        assert service.sync().ok, "a deleted record is not written to"
        assert ("Accounts", one.crm_accounts[0]) not in {(w.entity, w.record_id) for w in writes_since(world, seq)}
        assert set(outbox_states(service)) == {"done"}
        assert service.verify() == []
