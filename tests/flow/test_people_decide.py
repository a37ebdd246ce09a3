"""Conflicts are answered once, undone without a trace in the CRM, and move no journal row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from sync.answering import AnswerError
from sync.service import Service
from tests.flow.books import (
    BILL,
    Example,
    Synced,
    books,
    claims_bound_to,
    count,
    decision,
    differences,
    document,
    examples,
    journal,
    open_conflicts,
    own_fields,
    pick,
    receive,
    rows,
    writes_since,
    zoho_record,
)
from tieout.core.errors import StaleWrite
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import accounts, balances, bindings, claims, customers, documents, memberships


def _push(service: Service, world: SandboxWorld) -> None:
    world.clock.advance(60)
    assert service.sync().ok
    assert service.verify() == []


def _owing(service: Service, kind: str) -> dict[str, Any]:
    """The open conflict whose best suggestion is an account that owes money."""
    owing = {row["account_id"] for row in rows(service, select(balances).where(balances.c.amount_minor > 0))}
    found = open_conflicts(service, kind)
    for conflict in sorted(found.values(), key=lambda row: row["cause"]):
        if conflict["suggestions"] and conflict["suggestions"][0]["target"] in owing:
            return dict(conflict)
    raise AssertionError(f"no open {kind} conflict names an account that owes anything")


def test_identity_link_shows_the_balance_in_the_crm_and_undo_clears_it_again(synced: Synced) -> None:
    world, service = synced
    with service:
        conflict = _owing(service, "identity")
        record, account = conflict["external_id"], conflict["suggestions"][0]["target"]
        assert own_fields(zoho_record(world, "Accounts", record)) == {}
        assert conflict["money_minor"] > 0
        state, lines, seq = books(service), journal(service), world.store.effects.last_seq

        service.resolve(conflict["id"], {"action": "link", "target": account}, "li")
        with pytest.raises(StaleWrite):
            service.resolve(conflict["id"], {"action": "leave"}, "wang")
        _push(service, world)
        shown = own_fields(zoho_record(world, "Accounts", record))
        assert shown["AR_Credit_Status"] in ("ok", "watch", "hold")
        assert Decimal(str(shown["AR_Open_Amount"])) > 0 or shown["AR_Balances"]
        touched = {(w.entity, w.record_id) for w in writes_since(world, seq) if w.entity != "Tasks"}
        assert ("Accounts", record) in touched
        claims_of_it = {w[1] for w in touched if w[0] in ("Invoices", "Deals")}
        mine = {row["external_id"] for row in rows(service, select(claims).where(claims.c.party_ref == record))}
        assert claims_of_it <= mine, "an answer changed records that do not hang on it"

        service.undo(conflict["id"], "li")
        with pytest.raises(StaleWrite):
            service.undo(conflict["id"], "li")
        _push(service, world)
        assert own_fields(zoho_record(world, "Accounts", record)) == {}
        assert journal(service) == lines
        back = [
            one for one in differences(state, books(service)) if "AR_As_Of" not in one and not one.startswith("shown")
        ]
        assert [one for one in back if '"reminder"' not in one] == []
        assert open_conflicts(service, "identity")[conflict["cause"]]["id"] == conflict["id"]


def test_identity_leave_and_separate_keep_the_record_out_until_they_are_undone(synced: Synced) -> None:
    world, service = synced
    with service:
        first, second = sorted(open_conflicts(service, "identity").values(), key=lambda row: row["cause"])[:2]
        service.resolve(first["id"], {"action": "leave"}, "li")
        target = second["suggestions"][0]["target"]
        service.resolve(second["id"], {"action": "separate", "target": target}, "li")
        seq = world.store.effects.last_seq
        _push(service, world)
        assert writes_since(world, seq) == []
        world.clock.advance(600)
        world.zoho.user_change("update", "Accounts", first["external_id"], {"Phone": "021-5555 0001"})
        world.zoho.user_change("update", "Accounts", second["external_id"], {"Phone": "021-5555 0002"})
        _push(service, world)
        left = open_conflicts(service, "identity")
        assert first["cause"] not in left, "people decide once"
        assert target not in [s["target"] for s in left.get(second["cause"], {"suggestions": []})["suggestions"]]
        for conflict in (first, second):
            service.undo(conflict["id"], "li")
        again = open_conflicts(service, "identity")
        assert target in [s["target"] for s in again[second["cause"]]["suggestions"]]
        assert first["cause"] in again


def _unlinked(service: Service) -> tuple[dict[str, Any], str]:
    """An open conflict about a CRM invoice, and a document nobody stands for."""
    bound = select(bindings.c.document_id).where(bindings.c.to_seq.is_(None), bindings.c.stream == "invoices")
    free = rows(
        service,
        select(documents.c.id, documents.c.currency)
        .where(documents.c.kind == "invoice", documents.c.state == "posted", documents.c.id.not_in(bound))
        .order_by(documents.c.number),
    )
    found = open_conflicts(service, "unlinked_document")
    conflict = next(c for c in sorted(found.values(), key=lambda row: row["cause"]) if c["stream"] == "invoices")
    return dict(conflict), next(row["id"] for row in free if row["currency"] == conflict["currency"])


def _not_for(service: Service, conflict: dict[str, Any]) -> list[tuple[str, str]]:
    """Documents whose figures the record's fields could not show, and the words that refuse them."""
    d = documents.c
    other = rows(service, select(d.id).where(d.kind == "invoice", d.currency != conflict["currency"]))[0]["id"]
    receipt = rows(service, select(d.id).where(d.kind == "payment", d.currency == conflict["currency"]))[0]["id"]
    return [(other, "cannot show"), (receipt, "is a payment; the record says invoice"), ("inv_none", "no document")]


def test_binding_an_unlinked_invoice_shows_its_status_and_undo_clears_it(synced: Synced) -> None:
    world, service = synced
    with service:
        conflict, target = _unlinked(service)
        record = conflict["external_id"]
        assert own_fields(zoho_record(world, "Invoices", record)) == {}
        state, seq = books(service), world.store.effects.last_seq
        for wrong, why in _not_for(service, conflict):
            with pytest.raises(AnswerError, match=why):
                service.resolve(conflict["id"], {"action": "bind", "target": wrong}, "li")
        service.resolve(conflict["id"], {"action": "bind", "target": target}, "li")
        _push(service, world)
        shown = own_fields(zoho_record(world, "Invoices", record))
        assert shown["AR_Payment_Status"] == decision(service, "payment_status", target)["value"]
        deal = (zoho_record(world, "Invoices", record).get("Deal_Name__s") or {}).get("id")
        written = {(w.entity, w.record_id) for w in writes_since(world, seq)}
        assert ("Invoices", record) in written
        assert written <= {("Invoices", record), ("Deals", deal)}
        service.undo(conflict["id"], "li")
        _push(service, world)
        assert own_fields(zoho_record(world, "Invoices", record)) == {}
        back = [one for one in differences(state, books(service)) if not one.startswith("shown")]
        assert [one for one in back if "deal:" not in one or "none" not in one] == []
        service.resolve(conflict["id"], {"action": "leave"}, "li")
        seq = world.store.effects.last_seq
        _push(service, world)
        assert writes_since(world, seq) == []
        assert conflict["cause"] not in open_conflicts(service, "unlinked_document")
        assert service.rebuild_check().as_dict()["differences"] == []


def test_a_document_given_to_another_claim_goes_back_to_the_first_when_the_answer_is_undone(synced: Synced) -> None:
    world, service = synced
    with service:
        conflict, _ = _unlinked(service)
        currencies = {row["id"]: row["currency"] for row in rows(service, select(documents))}
        one = next(
            e for e in examples(service) if e.open_minor > 10_000 and currencies[e.document_id] == conflict["currency"]
        )
        assert [c["external_id"] for c in claims_bound_to(service, one.document_id) if c["stream"] == "invoices"] == [
            one.invoice
        ]
        state = books(service)
        service.resolve(conflict["id"], {"action": "bind", "target": one.document_id}, "li")
        _push(service, world)
        assert [c["external_id"] for c in claims_bound_to(service, one.document_id) if c["stream"] == "invoices"] == [
            conflict["external_id"]
        ]
        assert own_fields(zoho_record(world, "Invoices", one.invoice)) == {}
        service.undo(conflict["id"], "li")
        _push(service, world)
        assert [c["external_id"] for c in claims_bound_to(service, one.document_id) if c["stream"] == "invoices"] == [
            one.invoice
        ]
        assert own_fields(zoho_record(world, "Invoices", one.invoice))["AR_Payment_Status"]
        back = [one for one in differences(state, books(service)) if not one.startswith("shown")]
        assert [one for one in back if "deal:" not in one or "none" not in one] == []


def test_merge_and_unmerge_move_no_journal_row(synced: Synced) -> None:
    world, service = synced
    with service:
        one, other = _two_customers(examples(service))
        mine, theirs = (_customer_of(service, e.account_id) for e in (one, other))
        lines, state = journal(service), books(service)
        owed = [
            decision(service, "credit", f"{customer}|cn")["body"]["open_by_currency"] for customer in (mine, theirs)
        ]
        service.merge(mine, theirs, "li")
        _push(service, world)
        assert _customer_of(service, other.account_id) == mine
        together = decision(service, "credit", f"{mine}|cn")["body"]["open_by_currency"]
        assert together == {c: owed[0].get(c, 0) + owed[1].get(c, 0) for c in owed[0].keys() | owed[1].keys()}
        shown = zoho_record(world, "Accounts", other.crm_accounts[0])
        if set(together) == {"CNY"}:
            assert Decimal(str(shown["AR_Open_Amount"])) * 100 == together["CNY"]
        assert journal(service) == lines
        assert document(service, other.number)["account_id"] == other.account_id
        service.unmerge(mine, [], "li")
        _push(service, world)
        assert _customer_of(service, other.account_id) == theirs
        assert journal(service) == lines
        back = [one for one in differences(state, books(service)) if "reminder" not in one and "AR_As_Of" not in one]
        assert back == []
        assert rows(service, select(memberships).where(memberships.c.member == other.account_id)), "history is kept"
        assert count(service, customers) >= 2
        assert service.rebuild_check().as_dict()["differences"] == []


def _two_customers(found: list[Example]) -> tuple[Example, Example]:
    first = found[0]
    return first, next(e for e in found if not set(e.crm_accounts) & set(first.crm_accounts))


def _customer_of(service: Service, account: str) -> str:
    m = memberships.c
    (row,) = rows(service, select(m.customer_id).where(m.member == account, m.to_seq.is_(None)))
    return str(row["customer_id"])


def test_linking_a_customer_later_brings_suggestions_for_its_unlinked_invoices(synced: Synced) -> None:
    """What a claim is compared with includes its customer: an answer about the customer reaches its invoices."""
    world, service = synced
    with service:
        conflict = _owing(service, "identity")
        record, account = conflict["external_id"], conflict["suggestions"][0]["target"]
        (owed, *_) = rows(
            service,
            select(documents)
            .where(documents.c.account_id == account, documents.c.kind == "invoice", documents.c.open_minor > 0)
            .order_by(documents.c.number),
        )
        world.clock.advance(600)
        amount = Decimal(owed["total_minor"]) / 100
        made = world.zoho.user_change(
            "create",
            "Invoices",
            None,
            {
                "Subject": "nothing anybody knows", "Account_Name": {"id": record}, "Currency": owed["currency"],
                "Grand_Total": amount, "Status": "Created", "Invoice_Date": owed["issue_on"].isoformat(),
            },
        )  # fmt: skip
        _push(service, world)
        cause = f"zoho/invoices/{made['id']}"
        assert open_conflicts(service, "unlinked_document")[cause]["suggestions"] == []
        service.resolve(conflict["id"], {"action": "link", "target": account}, "li")
        suggested = open_conflicts(service, "unlinked_document")[cause]["suggestions"]
        assert owed["id"] in [s["target"] for s in suggested]


def test_a_document_that_comes_after_its_claim_is_suggested_for_it(synced: Synced) -> None:
    world, service = synced
    with service:
        one = next(e for e in examples(service) if e.currency == "CNY")
        world.clock.advance(600)
        fields = {"Subject": "nothing anybody knows", "Account_Name": {"id": one.crm_accounts[0]}, "Currency": "CNY"}
        made = world.zoho.user_change(
            "create", "Invoices", None, {**fields, "Grand_Total": Decimal("1234.56"), "Status": "Created"}
        )
        _push(service, world)
        cause = f"zoho/invoices/{made['id']}"
        assert open_conflicts(service, "unlinked_document")[cause]["suggestions"] == []
        world.clock.advance(600)
        bill = world.kingdee.user_change(
            "create", BILL, "", {"FCUSTOMERID": one.party_ref, "FALLAMOUNTFOR": Decimal("1234.56")}
        )
        _push(service, world)
        (suggested,) = open_conflicts(service, "unlinked_document")[cause]["suggestions"]
        assert suggested["target"] == document(service, bill["FBillNo"])["id"]
        world.clock.advance(600)
        world.kingdee.user_change("update", BILL, bill["FBillNo"], {"FALLAMOUNTFOR": Decimal("1200.00")})
        _push(service, world)
        assert open_conflicts(service, "unlinked_document")[cause]["suggestions"] == []


def test_money_at_stake_in_an_open_question_follows_the_books_within_a_day(synced: Synced) -> None:
    world, service = synced
    with service:
        conflict = _owing(service, "identity")
        (account,) = rows(service, select(accounts).where(accounts.c.id == conflict["suggestions"][0]["target"]))
        world.clock.advance(600)
        world.kingdee.user_change(
            "create",
            BILL,
            "",
            {
                "FCUSTOMERID": account["party_ref"],
                "FALLAMOUNTFOR": Decimal("777.00"),
                "FCURRENCYID": conflict["currency"],
            },
        )
        world.clock.advance(86_400)
        _push(service, world)
        now = open_conflicts(service, "identity")[conflict["cause"]]
        assert (now["id"], now["money_minor"]) == (conflict["id"], conflict["money_minor"] + 777_00)


def test_a_settlement_left_as_it_is_stays_left_when_its_bill_is_touched(synced: Synced) -> None:
    world, service = synced
    with service:
        one = pick(service, lambda it: it.currency == "CNY" and it.open_minor > 100_00)
        world.clock.advance(60)
        receive(world, one.number, "50.00")
        world.kingdee.user_change("update", BILL, one.number, {"FALLAMOUNTFOR": Decimal("30.00")})
        _push(service, world)
        (conflict,) = open_conflicts(service, "payment_match").values()
        service.resolve(conflict["id"], {"action": "leave"}, "li")
        _push(service, world)

        world.kingdee.user_change("update", BILL, one.number, {"FENDDATE_H": "2026-12-24T00:00:00"})
        _push(service, world)
        assert document(service, one.number)["total_minor"] == 30_00
        assert open_conflicts(service, "payment_match") == {}, "nothing that the person saw has changed"
        assert service.rebuild_check().as_dict()["differences"] == []

        service.undo(conflict["id"], "li")
        _push(service, world)
        assert [row["cause"] for row in open_conflicts(service, "payment_match").values()] == [conflict["cause"]]


def test_an_answer_taken_back_after_its_question_is_settled_opens_nothing(synced: Synced) -> None:
    """While the answer stood the settlement came to count and the record could be read: nothing is left to ask."""
    world, service = synced
    with service:
        one = pick(service, lambda it: it.currency == "CNY" and it.open_minor > 100_00)
        record = one.invoice
        status = zoho_record(world, "Invoices", record)["Status"]
        world.clock.advance(60)
        receive(world, one.number, "50.00")
        world.kingdee.user_change("update", BILL, one.number, {"FALLAMOUNTFOR": Decimal("30.00")})
        world.zoho.user_change("update", "Invoices", record, {"Status": "On hold by legal"})
        _push(service, world)
        (payment,) = open_conflicts(service, "payment_match").values()
        (word,) = [row for row in open_conflicts(service, "unmapped_value").values() if row["external_id"] == record]
        for conflict in (payment, word):
            service.resolve(conflict["id"], {"action": "leave"}, "li")
        world.kingdee.user_change("update", BILL, one.number, {"FALLAMOUNTFOR": Decimal("80.00")})
        world.zoho.user_change("update", "Invoices", record, {"Status": status})
        _push(service, world)
        assert document(service, one.number)["open_minor"] == 30_00, "the settlement counts now"

        for conflict in (payment, word):
            service.undo(conflict["id"], "li")
        _push(service, world)
        assert open_conflicts(service, "payment_match") == {}
        assert [row for row in open_conflicts(service, "unmapped_value").values() if row["external_id"] == record] == []
        assert service.rebuild_check().as_dict()["differences"] == []

        world.zoho.user_change("update", "Invoices", record, {"Status": "On hold by legal"})
        _push(service, world)
        (again,) = [row for row in open_conflicts(service, "unmapped_value").values() if row["external_id"] == record]
        service.resolve(again["id"], {"action": "leave"}, "li")
        service.undo(again["id"], "li")
        _push(service, world)
        assert again["cause"] in open_conflicts(service, "unmapped_value"), "what is still so is asked again"
        assert service.rebuild_check().as_dict()["differences"] == []
