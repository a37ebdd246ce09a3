"""Zoho CRM, Fxiaoke and Kingdee in one home: both CRMs show the books, nothing of Fxiaoke posts, rebuild is clean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from connectors.fxiaoke.events import EventCipher
from sync.apply import run_apply
from sync.channels import ensure_channel
from sync.inbox import accept, run_inbox
from sync.push import run_push
from sync.service import Service
from tests.flow.books import document, receive, rows, writes_since
from tests.flow.harness import outbox_states
from tests.flow.two_crms import synced_three, three_systems
from tieout.core.errors import Denied
from tieout.sandbox.fxiaoke.callbacks import decrypt, sha1
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import bindings, claims, conflicts, documents, memberships, outbox
from tieout.web.app import build


@pytest.fixture
def world() -> SandboxWorld:
    return three_systems()


@pytest.fixture
def service(tmp_path: Path, world: SandboxWorld) -> Iterator[Service]:
    with synced_three(tmp_path, world) as opened:
        yield opened


@pytest.fixture
def service_on_both(tmp_path: Path, world: SandboxWorld, engine_url: str) -> Iterator[Service]:
    with synced_three(tmp_path, world, engine_url) as opened:
        yield opened


def record(world: SandboxWorld, name: str, record_id: str) -> dict[str, Any]:
    return dict(world.store.collection("fxiaoke", name).get(record_id) or {})


def labelled(world: SandboxWorld, name: str, record_id: str) -> dict[str, Any]:
    """Our fields of a record by label: their names are the administrator's."""
    kind, row = world.fxiaoke.tenant.object(name), record(world, name, record_id)
    out = {}
    for field in kind.fields.values():
        if field.label.startswith("AR ") and row.get(field.api_name) is not None:
            value = row[field.api_name]
            out[field.label] = next((label for label, option in field.options if option == value), value)
    return out


def bound(service: Service, stream: str) -> dict[str, list[str]]:
    """Fxiaoke record -> numbers of the documents it is bound to."""
    b, d = bindings.c, documents.c
    statement = (
        select(b.external_id, d.number)
        .join(documents, d.id == b.document_id)
        .where(b.connection == "fxiaoke", b.stream == stream, b.to_seq.is_(None))
        .order_by(d.number)
    )
    out: dict[str, list[str]] = {}
    for row in rows(service, statement):
        out.setdefault(row["external_id"], []).append(row["number"])
    return out


def test_three_systems_meet_in_one_home(world: SandboxWorld, service_on_both: Service) -> None:
    truth, service = world.truth, service_on_both

    # Everything there is a claim: only documents of the book of record posted.
    assert {row["connection"] for row in rows(service, select(documents.c.connection))} == {"kingdee"}
    kinds = {row["kind"] for row in rows(service, select(claims.c.kind).where(claims.c.connection == "fxiaoke"))}
    assert kinds == {"deal", "order", "invoice", "payment", "allocation", "installment"}

    # Bound as the truth says, by the numbers that only labels tell.
    for stream, facts, name in (("invoices", "fx_invoices", "bill"), ("payments", "fx_payments", "receipt")):
        found = bound(service, stream)
        for key, fact in truth[facts].items():
            assert found.get(key, []) == ([fact[name]] if fact["expect"] == "link" else []), (stream, fact)

    # Linked to the customers of the books, the tax id taken from an object of its own.
    m = memberships.c
    linked = {
        row["member"].split("/")[2]
        for row in rows(service, select(m.member).where(m.to_seq.is_(None), m.member.like("fxiaoke/customers/%")))
    }
    assert linked >= {key for key, fact in truth["fx_accounts"].items() if fact["expect"] == "link"}

    # Each bound invoice shows its document, amounts as text, dates as local midnight, options by label.
    for key, (number,) in bound(service, "invoices").items():
        shown, doc = labelled(world, "InvoiceApplicationObj", key), document(service, number)
        assert shown["AR Open Amount"] == f"{doc['open_minor'] / 100:.2f}"
        assert shown["AR Payment Status"] in ("open", "partially_paid", "overdue", "paid")
    orders = bound(service, "orders")
    assert orders
    for key, numbers in orders.items():
        total = sum(document(service, number)["total_minor"] for number in numbers)
        assert labelled(world, "SalesOrderObj", key)["AR Invoiced Amount"] == f"{total / 100:.2f}"
    assert outbox_states(service).keys() == {"done"}

    # No automation was woken, nothing was written twice.
    written = [one for one in world.store.effects.since(0) if one.vendor == "fxiaoke"]
    assert written
    assert [one for one in written if one.trigger] == []
    assert len({(one.entity, one.record_id) for one in written}) == len(written)

    # The same again, once our own writes have been seen: one empty ask per object, nothing written.
    seq = world.store.effects.last_seq
    world.clock.advance(400)
    assert service.sync().ok
    no = max(one.no for one in world.store.requests.since(0))
    world.clock.advance(400)
    assert service.sync().ok
    asked = world.store.requests.since(no, "fxiaoke")
    assert len(asked) == 8, [one.note for one in asked]  # 7 streams and the customers' financial records
    assert writes_since(world, seq) == []
    rebuilt = service.rebuild_check()
    assert rebuilt.ok, rebuilt
    compared = service.reconcile(actor="test")
    shown = next(one for one in compared["sections"] if one["counterpart"] == "fxiaoke")
    assert shown["is_valid"], shown


def test_a_payment_in_the_books_reaches_both_crms(world: SandboxWorld, service: Service) -> None:
    invoices = bound(service, "invoices")
    key, (number,) = next(
        (key, numbers) for key, numbers in invoices.items() if document(service, numbers[0])["open_minor"] > 10_000
    )
    before = document(service, number)["open_minor"]
    seq = world.store.effects.last_seq
    receive(world, number, "1.23")
    world.clock.advance(60)
    assert service.sync().ok

    assert document(service, number)["open_minor"] == before - 123
    assert labelled(world, "InvoiceApplicationObj", key)["AR Open Amount"] == f"{(before - 123) / 100:.2f}"
    written = writes_since(world, seq)
    assert {one.vendor for one in written} >= {"fxiaoke", "zoho"}
    order = record(world, "InvoiceApplicationObj", key)["order_id"]
    touched = {(one.entity, one.record_id) for one in written if one.vendor == "fxiaoke"}
    assert {("InvoiceApplicationObj", key), ("SalesOrderObj", order)} <= touched
    assert len(touched) == len([one for one in written if one.vendor == "fxiaoke"])
    assert service.rebuild_check().ok


def test_an_order_made_invalid_lets_go_of_its_documents_and_comes_back(world: SandboxWorld, service: Service) -> None:
    key = next(iter(bound(service, "invoices")))
    number = bound(service, "invoices")[key]
    world.fxiaoke.user_change("invalid", "InvoiceApplicationObj", key)
    world.clock.advance(60)
    assert service.sync().ok
    assert key not in bound(service, "invoices")
    world.fxiaoke.user_change("recover", "InvoiceApplicationObj", key)
    world.clock.advance(60)
    assert service.sync().ok
    assert bound(service, "invoices")[key] == number
    assert service.rebuild_check().ok


def test_an_event_of_fxiaoke_wakes_the_record_and_is_answered_sealed(world: SandboxWorld, service: Service) -> None:
    ctx = service.ctx
    ensure_channel(ctx, "fxiaoke")
    found = service.setup("fxiaoke", dry_run=True)["findings"]
    address = next(one["message"] for one in found if one["code"] == "webhook_address").split(" ")[-1]
    secret = address.rsplit("/", 1)[1]
    api = TestClient(build(service.config, service=service))
    answers: list[int] = []

    def deliver(url: str, body: bytes, headers: dict[str, str]) -> bytes:
        answer = api.post(f"/webhooks/fxiaoke/{secret}", content=body, headers=headers)
        answers.append(answer.status_code)
        return answer.content

    world.fxiaoke.callbacks.deliver = deliver
    world.fxiaoke.user_change("set_callback", "", None, {"url": address})
    key, (number,) = next(iter(bound(service, "invoices").items()))
    field = next(
        one.api_name
        for one in world.fxiaoke.tenant.object("InvoiceApplicationObj").fields.values()
        if one.label == "AR Open Amount"
    )
    world.clock.advance(60)
    world.faults.add("fxiaoke", "CALLBACK", "duplicate_callback")
    world.fxiaoke.user_change("update", "InvoiceApplicationObj", key, {field: "0.01"})  # a hand edit of our field
    assert answers == [200, 200]
    assert {one.outcome for one in world.fxiaoke.callbacks.history} == {"ok"}
    assert run_inbox(ctx, "fxiaoke").records == 1
    run_apply(ctx)
    run_push(ctx, "fxiaoke", limit_seconds=None)
    right = f"{document(service, number)['open_minor'] / 100:.2f}"
    assert labelled(world, "InvoiceApplicationObj", key)["AR Open Amount"] == right

    body = world.fxiaoke.callbacks.body(("update", "AccountObj", "a1"), "AC1", 0, world.fxiaoke.settings.callback_key)
    with pytest.raises(Denied):
        accept(ctx, "fxiaoke", body.replace(b'"AC1"', b'"AC2"'), {}, {}, path_secret=secret)
    cipher = EventCipher(world.fxiaoke.settings.callback_key)
    assert decrypt(cipher.seal(b"success"), cipher.text) == b"success"
    assert cipher.sign("1", "2") == sha1("1", "2", cipher.text)


def test_an_answer_lost_after_the_write_is_read_back_and_not_sent_again(world: SandboxWorld, service: Service) -> None:
    _, (number,) = next(
        (key, numbers)
        for key, numbers in bound(service, "invoices").items()
        if document(service, numbers[0])["open_minor"] > 10_000
    )
    seq = world.store.effects.last_seq
    receive(world, number, "2.00")
    world.clock.advance(60)
    world.faults.add("fxiaoke", r"data/update$", "service_timeout_after")
    service.sync()
    assert outbox_states(service).get("uncertain", 0) == 1
    for _ in range(4):
        world.clock.advance(120)
        service.sync()
    assert outbox_states(service).keys() == {"done"}
    written = [one for one in writes_since(world, seq) if one.vendor == "fxiaoke"]
    assert len({(one.entity, one.record_id) for one in written}) == len(written)
    open_ones = rows(service, select(outbox.c.id).where(outbox.c.state != "done"))
    assert open_ones == []
    unlinked = select(conflicts.c.kind).where(conflicts.c.connection == "fxiaoke", conflicts.c.state == "open")
    assert {row["kind"] for row in rows(service, unlinked)} <= {"identity", "unlinked_document"}


def test_a_customer_of_both_crms_is_reminded_in_the_first_configured_one(world: SandboxWorld, service: Service) -> None:
    m = memberships.c
    held: dict[str, set[str]] = {}
    for row in rows(service, select(m.customer_id, m.member).where(m.to_seq.is_(None), m.member.like("%/customers/%"))):
        held.setdefault(row["customer_id"], set()).add(row["member"].split("/")[0])
    both = {customer for customer, names in held.items() if names == {"zoho", "fxiaoke"}}
    assert both
    events = rows(service, select(outbox.c.connection, outbox.c.subject).where(outbox.c.operation == "create"))
    asked = {row["connection"] for row in events if row["subject"].split("|")[0] in both}
    assert asked <= {"zoho"}
    assert events
