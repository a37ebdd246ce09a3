"""Posted documents change, are voided or vanish in the book of record: reversal and repost, nothing edited in place."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, select, update

from sync.service import Service
from tests.flow.books import (
    BILL,
    LOG,
    Example,
    Synced,
    decision,
    document,
    examples,
    journal,
    kingdee_doc,
    match_ids,
    open_conflicts,
    own_fields,
    pick,
    receive,
    rows,
    tampering,
    undo_unnoticed,
    zoho_record,
)
from tieout.reports import health
from tieout.sandbox.kingdee.forms import FORMS
from tieout.sandbox.world import SandboxWorld
from tieout.store.queries.as_of import known_at, open_by_line
from tieout.store.session import reading
from tieout.store.tables import (
    allocations,
    balances,
    documents,
    entries,
    postings,
    source_records,
    watermarks,
)


def _later(world: SandboxWorld, service: Service, seconds: int = 120) -> None:
    world.clock.advance(seconds)
    assert service.sync().ok


def _sound(service: Service, *, at_the_end: bool = True) -> None:
    assert service.verify() == []
    if at_the_end:  # it folds the whole log again
        assert service.rebuild_check().as_dict()["differences"] == []


def _paid_in_part(service: Service, world: SandboxWorld, amount: str = "50.00") -> tuple[Example, str]:
    one = pick(service, lambda e: e.open_minor > 20_000 and e.currency == "CNY")
    world.clock.advance(3600)
    receipt = receive(world, one.number, amount)
    _later(world, service)
    assert document(service, one.number)["open_minor"] == one.open_minor - int(Decimal(amount) * 100)
    return one, receipt


def test_voiding_a_paid_bill_reverses_it_and_leaves_the_money_unapplied(synced: Synced) -> None:
    world, service = synced
    with service:
        one, receipt = _paid_in_part(service, world)
        before = journal(service)
        world.clock.advance(86_400)
        # The settlement is undone first, as the system demands; its stamp tells a poll nothing.
        (match,) = match_ids(world, receipt, one.number)
        undo_unnoticed(world, match)
        world.kingdee.user_change("cancel", BILL, one.number)
        world.clock.advance(60)
        service.pull(["kingdee"])
        service.apply()
        doc = document(service, one.number)
        assert (doc["state"], doc["open_minor"], doc["entry_id"]) == ("void", 0, None)
        assert document(service, receipt)["open_minor"] == -50_00
        after = journal(service)
        assert after[: len(before)] == before, "the journal is append-only"
        added = {row["id"]: row for row in after[len(before) :]}
        assert all(row["reverses_id"] for row in added.values())
        effective = rows(service, select(entries.c.effective_on).where(entries.c.id.in_(list(added))))
        assert {row["effective_on"].isoformat() for row in effective} == {"2026-11-25"}, "dated at discovery"
        _sound(service, at_the_end=False)

        _later(world, service)
        service.pull(["kingdee"], sweep=True)
        _later(world, service)
        # The source has released the allocation: that the bill was paid is still for a person to look at.
        (asked,) = open_conflicts(service, "payment_match").values()
        assert "bill_voided" in asked["title"]
        assert (asked["money_minor"], asked["currency"]) == (50_00, one.currency)
        assert document(service, receipt)["open_minor"] == -50_00
        assert decision(service, "payment_status", one.document_id)["value"] == "void"
        shown = own_fields(zoho_record(world, "Invoices", one.invoice))
        assert Decimal(str(shown.get("AR_Open_Amount", 0))) == 0
        _sound(service, at_the_end=False)
        assert service.rebuild_check().ok

        other = pick(service, lambda it: it.party_ref == one.party_ref and it.currency == one.currency)
        world.kingdee.user_change("settle", LOG, "", {"source": receipt, "bill": other.number, "amount": "50.00"})
        _later(world, service)
        assert document(service, receipt)["open_minor"] == 0
        assert open_conflicts(service, "payment_match") == {}, "the money has found its use"
        _sound(service, at_the_end=False)


def test_a_bill_voided_while_its_payment_still_counts_there_is_a_conflict_for_people(synced: Synced) -> None:
    world, service = synced
    with service:
        one, receipt = _paid_in_part(service, world)
        world.clock.advance(3600)
        form = FORMS[BILL]
        stamp = "2026-11-24T12:00:00.000"
        world.kingdee.library.put(
            form, {**kingdee_doc(world, BILL, one.number), "FCancelStatus": "B", "FModifyDate": stamp}
        )
        _later(world, service)
        assert document(service, one.number)["state"] == "void"
        assert document(service, receipt)["open_minor"] == -50_00, "released to unapplied cash"
        (conflict,) = open_conflicts(service, "payment_match").values()
        assert (conflict["money_minor"], conflict["currency"], conflict["blocks_balance"]) == (50_00, "CNY", True)
        _sound(service, at_the_end=False)
        bill = kingdee_doc(world, BILL, one.number)
        world.kingdee.library.put(form, {**bill, "FCancelStatus": "A", "FModifyDate": "2026-11-24T12:30:00.000"})
        _later(world, service, 3600)
        assert document(service, one.number)["open_minor"] == one.open_minor - 50_00
        assert document(service, receipt)["open_minor"] == 0
        assert open_conflicts(service, "payment_match") == {}
        _sound(service, at_the_end=False)


def test_unaudit_takes_a_bill_out_of_the_books_and_audit_brings_it_back(synced: Synced) -> None:
    world, service = synced
    with service:
        one = pick(service, lambda e: bool(e.deals))
        shown = own_fields(zoho_record(world, "Invoices", one.invoice))
        world.clock.advance(3600)
        world.kingdee.user_change("unaudit", BILL, one.number)
        _later(world, service)
        assert document(service, one.number)["state"] == "draft"
        assert document(service, one.number)["open_minor"] == 0
        _sound(service, at_the_end=False)
        world.clock.advance(3600)
        world.kingdee.user_change("audit", BILL, one.number)
        _later(world, service)
        assert document(service, one.number)["state"] == "posted"
        again = own_fields(zoho_record(world, "Invoices", one.invoice))
        assert {k: v for k, v in again.items() if k != "AR_As_Of"} == {
            k: v for k, v in shown.items() if k != "AR_As_Of"
        }
        _sound(service, at_the_end=False)


def test_correcting_amount_due_date_and_customer_reposts(synced: Synced) -> None:
    world, service = synced
    with service:
        one, receipt = _paid_in_part(service, world)
        before = journal(service)
        total = document(service, one.number)["total_minor"]
        bill = kingdee_doc(world, BILL, one.number)

        world.clock.advance(3600)
        world.kingdee.user_change(
            "update",
            BILL,
            one.number,
            {"FALLAMOUNTFOR": bill["FALLAMOUNTFOR"] + 10, "FENDDATE_H": "2027-03-01T00:00:00"},
        )
        _later(world, service)
        doc = document(service, one.number)
        assert doc["total_minor"] == total + 10_00
        assert doc["open_minor"] == one.open_minor - 50_00 + 10_00
        assert doc["due_on"].isoformat() == "2027-03-01"
        body = decision(service, "payment_status", one.document_id)["body"]
        assert (body["overdue_minor"], body["next_due_on"]) == (0, "2027-03-01")
        shown = zoho_record(world, "Invoices", one.invoice)
        assert Decimal(str(shown["AR_Open_Amount"])) * 100 == doc["open_minor"]
        _sound(service, at_the_end=False)

        # Less than was paid on it: the payment cannot count on it any more as it is.
        world.clock.advance(3600)
        world.kingdee.user_change("update", BILL, one.number, {"FALLAMOUNTFOR": Decimal("20.00")})
        _later(world, service)
        assert document(service, one.number)["open_minor"] == 20_00
        assert document(service, receipt)["open_minor"] == -50_00
        (conflict,) = open_conflicts(service, "payment_match").values()
        assert conflict["evidence"]["refusal"] == "over_debit"
        _sound(service, at_the_end=False)
        world.clock.advance(3600)
        world.kingdee.user_change("update", BILL, one.number, {"FALLAMOUNTFOR": bill["FALLAMOUNTFOR"]})
        _later(world, service)
        assert document(service, one.number)["open_minor"] == one.open_minor - 50_00
        assert open_conflicts(service, "payment_match") == {}

        # Another customer: the posting moves to that customer's account, by reversal and repost.
        other = next(e for e in examples(service) if e.account_id != one.account_id)
        world.clock.advance(3600)
        world.kingdee.user_change("update", BILL, one.number, {"FCUSTOMERID": other.party_ref})
        _later(world, service)
        doc = document(service, one.number)
        assert doc["account_id"] == other.account_id
        after = journal(service)
        assert after[: len(before)] == before
        _sound(service)


def test_a_red_bill_is_netted_against_its_invoice(synced: Synced) -> None:
    world, service = synced
    with service:
        one = pick(service, lambda e: e.open_minor > 20_000 and e.currency == "CNY")
        world.clock.advance(3600)
        red = world.kingdee.user_change(
            "create", BILL, "", {"FCUSTOMERID": one.party_ref, "FALLAMOUNTFOR": Decimal("-30.00")}
        )
        _later(world, service)
        credit = document(service, red["FBillNo"])
        assert (credit["kind"], credit["total_minor"], credit["open_minor"]) == ("credit_note", -30_00, -30_00)
        assert document(service, one.number)["open_minor"] == one.open_minor
        world.clock.advance(3600)
        world.kingdee.settle(red["FBillNo"], one.number, Decimal("30.00"))
        _later(world, service)
        assert document(service, red["FBillNo"])["open_minor"] == 0
        doc = document(service, one.number)
        assert doc["open_minor"] == one.open_minor - 30_00
        shown = zoho_record(world, "Invoices", one.invoice)
        assert Decimal(str(shown["AR_Open_Amount"])) * 100 == doc["open_minor"]
        _sound(service)


def test_a_settlement_without_entry_that_is_undone_still_stands_in_the_report_of_then(synced: Synced) -> None:
    """A red bill against a bill of the same customer moves nothing in the journal; what was known then is kept."""
    world, service = synced
    with service:
        one = pick(service, lambda e: e.open_minor > 20_000 and e.currency == "CNY")
        world.clock.advance(3600)
        red = _red_bill(world, one.party_ref)
        _later(world, service)
        apart, first = _open_now(service), _point(service)
        world.kingdee.settle(red["FBillNo"], one.number, Decimal("30.00"))
        _later(world, service)
        netted, second = _open_now(service), _point(service)
        (match,) = match_ids(world, red["FBillNo"], one.number)
        world.clock.advance(3600)
        undo_unnoticed(world, match)
        world.clock.advance(60)
        service.pull(["kingdee"], sweep=True)
        service.apply()
        assert document(service, one.number)["open_minor"] == one.open_minor
        assert netted != apart == _open_now(service)
        assert (_open_now(service, first), _open_now(service, second)) == (apart, netted)
        _sound(service)


def _red_bill(world: SandboxWorld, party_ref: str) -> Any:
    return world.kingdee.user_change("create", BILL, "", {"FCUSTOMERID": party_ref, "FALLAMOUNTFOR": Decimal("-30.00")})


def _point(service: Service) -> str:
    with reading(service.ctx.engine) as conn:
        return known_at(conn, None).text


def _open_now(service: Service, point: str | None = None) -> dict[tuple[str, str], int]:
    with reading(service.ctx.engine) as conn:
        return dict(open_by_line(conn, date(2026, 12, 1), known_at(conn, point)))


def test_a_red_bill_that_becomes_a_bill_gives_back_what_it_had_settled(synced: Synced) -> None:
    """Somebody corrects the sign of a red bill that was settled already: the paid bill is open again."""
    world, service = synced
    with service:
        one = pick(service, lambda e: e.open_minor > 20_000 and e.currency == "CNY")
        world.clock.advance(3600)
        red = _red_bill(world, one.party_ref)
        world.kingdee.settle(red["FBillNo"], one.number, Decimal("30.00"))
        _later(world, service)
        assert document(service, one.number)["open_minor"] == one.open_minor - 30_00
        world.clock.advance(3600)
        world.kingdee.user_change("update", BILL, red["FBillNo"], {"FALLAMOUNTFOR": Decimal("40.00")})
        _later(world, service)
        became = document(service, red["FBillNo"])
        assert (became["kind"], became["total_minor"], became["open_minor"]) == ("invoice", 40_00, 40_00)
        assert document(service, one.number)["open_minor"] == one.open_minor
        _sound(service)


def test_a_settlement_whose_date_is_corrected_in_place_counts_once(synced: Synced) -> None:
    world, service = synced
    with service:
        one, receipt = _paid_in_part(service, world)
        world.clock.advance(3600)
        corrected = {"FVERIFYDATE": "2026-11-23T00:00:00", "FModifyDate": "2026-11-24T12:00:00.000"}
        for row in list(world.kingdee.library.ordered(FORMS[LOG])):
            if receipt in (row["FTARGETBILLNO"], row["FSRCBILLNO"]):
                world.kingdee.library.put(FORMS[LOG], {**row, **corrected})
        _later(world, service)
        assert document(service, one.number)["open_minor"] == one.open_minor - 50_00
        assert document(service, receipt)["open_minor"] == 0
        assert open_conflicts(service, "payment_match") == {}
        mine = select(allocations.c.is_active).where(allocations.c.to_ref.like("%:" + str(_fid(world, one.number))))
        assert sorted(row["is_active"] for row in rows(service, mine)) == [False, True]
        _sound(service)


def _fid(world: SandboxWorld, number: str) -> int:
    return int(kingdee_doc(world, BILL, number)["FID"])


def test_a_hard_delete_counts_when_it_is_missed_twice_a_grace_period_apart(synced: Synced) -> None:
    world, service = synced
    with service:
        one, receipt = _paid_in_part(service, world)
        world.clock.advance(3600)
        world.kingdee.user_change("delete", BILL, one.number)
        world.clock.advance(60)
        service.pull(["kingdee"], sweep=True)
        service.apply()
        assert document(service, one.number)["state"] == "posted", "missed once is not gone"
        world.clock.advance(60)
        service.pull(["kingdee"], sweep=True)
        service.apply()
        assert document(service, one.number)["state"] == "posted", "missed twice within the grace is not gone"
        world.clock.advance(900)
        service.pull(["kingdee"], sweep=True)
        assert service.sync().ok
        assert document(service, one.number)["state"] == "void"
        assert document(service, receipt)["open_minor"] == -50_00
        assert decision(service, "payment_status", one.document_id)["value"] == "void"
        _sound(service, at_the_end=False)
        world.kingdee.user_change("undelete", BILL, one.number)
        world.clock.advance(900)
        service.pull(["kingdee"], sweep=True)
        assert service.sync().ok
        assert document(service, one.number)["state"] == "posted"
        assert document(service, one.number)["open_minor"] == one.open_minor
        _sound(service)


def test_a_mass_vanish_is_held_back_and_said_and_an_empty_listing_deletes_nothing(synced: Synced) -> None:
    world, service = synced
    with service:
        numbers = [row["number"] for row in rows(service, select(documents).where(documents.c.kind == "invoice"))]
        gone = sorted(numbers)[:12]
        for number in gone:
            world.kingdee.user_change("delete", BILL, number)
        for _ in range(3):
            world.clock.advance(900)
            pulls = service.pull(["kingdee"], sweep=True)
        service.apply()
        posted = rows(
            service, select(documents.c.number).where(documents.c.kind == "invoice", documents.c.state == "posted")
        )
        assert {row["number"] for row in posted} >= set(gone)
        (mark,) = rows(
            service,
            select(watermarks).where(watermarks.c.connection == "kingdee", watermarks.c.stream == "invoices"),
        )
        assert "12 of" in (mark["error"] or ""), "nobody is told"
        assert not pulls[0].ok, "nobody is told"

        world.clock.advance(120)
        assert service.pull(["kingdee"])[0].ok  # no sweep is due: the notice stands until somebody answers
        with reading(service.ctx.engine) as conn:
            lines = health.connection_lines(conn, service.config, world.clock.now())
        (line,) = [s for one in lines if one["name"] == "kingdee" for s in one["streams"] if s["stream"] == "invoices"]
        assert line["state"] == "failed"
        assert "12 of" in line["error"]
        assert any("12 of" in finding["message"] for finding in service.doctor()["findings"])

        form = FORMS[BILL]
        for doc in list(world.kingdee.library.ordered(form)):
            world.kingdee.library.remove(form, doc)
        for _ in range(3):
            world.clock.advance(900)
            (pull,) = service.pull(["kingdee"], sweep=True)
            assert any(s.stream == "invoices" and "empty" in s.error for s in pull.streams)
        service.apply()
        assert (
            rows(
                service,
                select(source_records).where(
                    source_records.c.stream == "invoices",
                    source_records.c.connection == "kingdee",
                    source_records.c.is_deleted,
                ),
            )
            == []
        )
        assert service.verify() == []


def test_tampering_with_the_books_is_found(synced: Synced) -> None:
    _, service = synced
    with service:
        assert service.verify() == []
        first = rows(service, select(postings).order_by(postings.c.entry_id, postings.c.line).limit(2))
        # Both legs of an entry and the running balance, so that every sum still agrees: only the chain can tell.
        with tampering(service) as conn:
            for row in first:
                sign = 1 if row["amount_minor"] > 0 else -1
                same = (postings.c.entry_id == row["entry_id"]) & (postings.c.line == row["line"])
                conn.execute(update(postings).where(same).values(amount_minor=row["amount_minor"] + sign))
                b = balances.c
                conn.execute(
                    update(balances)
                    .where(b.account_id == row["account_id"], b.code == row["code"], b.currency == row["currency"])
                    .values(amount_minor=b.amount_minor + sign)
                )
        breaches = service.verify()
        assert any(breach.invariant.startswith("hash chain") for breach in breaches), breaches
        with tampering(service) as conn:
            for row in first:
                same = (postings.c.entry_id == row["entry_id"]) & (postings.c.line == row["line"])
                conn.execute(update(postings).where(same).values(amount_minor=row["amount_minor"]))
        assert any(breach.invariant == "running balance" for breach in service.verify())
        with tampering(service) as conn:
            conn.execute(delete(postings).where(postings.c.entry_id == first[0]["entry_id"]))
        assert any(breach.invariant == "entry has postings" for breach in service.verify())
