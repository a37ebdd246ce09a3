"""One stream or one connection in trouble: the others go on, cursors stay, recovery completes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from connectors.kingdee.connector import KingdeeConnector
from sync.apply import ready_to_settle
from tests.flow.books import (
    BILL,
    Synced,
    books,
    differences,
    document,
    examples,
    own_fields,
    receive,
    rows,
    zoho_record,
)
from tests.flow.harness import make_world, open_installation, outbox_states
from tieout.core.errors import SourceError
from tieout.store.tables import conflicts, connections, decisions, documents, outbox, watermarks


def _mark(service: object, stream: str) -> dict[str, object]:
    w = watermarks.c
    (row,) = rows(service, select(watermarks).where(w.connection == "kingdee", w.stream == stream))  # type: ignore[arg-type]
    return dict(row)


def test_a_stream_in_trouble_keeps_its_cursor_while_the_others_go_on(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, service = synced
    with service:
        one = next(e for e in examples(service) if e.open_minor > 10_000)
        before = _mark(service, "invoices")
        world.clock.advance(3600)
        bill = world.kingdee.user_change(
            "create", BILL, "", {"FCUSTOMERID": one.party_ref, "FALLAMOUNTFOR": Decimal("9.00")}
        )
        receipt = receive(world, one.number, "3.00")
        world.clock.advance(60)
        read = KingdeeConnector.read

        def broken(self: KingdeeConnector, stream: str, *args: object) -> object:
            if stream == "invoices":
                raise SourceError("the network went away")
            return read(self, stream, *args)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(KingdeeConnector, "read", broken)
            summary = service.sync()
        assert not summary.ok
        errors = {s.stream: s.error for pull in summary.pulls for s in pull.streams if s.error}
        assert errors == {"invoices": "the network went away"}
        after = _mark(service, "invoices")
        assert (after["since_at"], after["state"], after["completed_at"]) == (
            before["since_at"],
            before["state"],
            before["completed_at"],
        )
        assert "network" in str(after["error"])
        assert document(service, receipt)["open_minor"] == 0, "payments and allocations went on"
        assert document(service, one.number)["open_minor"] == one.open_minor - 3_00

        world.clock.advance(600)
        assert service.sync().ok
        assert document(service, str(bill["FBillNo"]))["state"] == "posted"
        assert _mark(service, "invoices")["error"] is None
        assert service.verify() == []


def test_a_whole_read_that_is_shown_nothing_leaves_the_cursor_in_place(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty list is also what a server in trouble gives; where the read stands may not be forgotten over it."""
    world, service = synced
    with service:
        before = _mark(service, "customers")
        world.clock.advance(3600)
        handle = world.kingdee.handle

        def empty(req: Any) -> Any:
            is_list = "ExecuteBillQuery" in req.path and "BD_Customer" in req.body.decode()
            return replace(handle(req), body=b"[]") if is_list else handle(req)

        with monkeypatch.context() as patch:
            patch.setattr(world.kingdee, "handle", empty)
            service.pull(["kingdee"], full=True)
        after = _mark(service, "customers")
        assert after["completed_at"] != before["completed_at"], "the read came to its end"
        assert after["since_at"] == before["since_at"]
        assert after["deletes_since_at"] == before["deletes_since_at"]


def test_dead_credentials_of_one_connection_do_not_block_the_other(synced: Synced) -> None:
    world, service = synced
    with service:
        one = next(e for e in examples(service) if e.open_minor > 10_000)
        secret = world.kingdee.settings.app_secret
        world.clock.advance(7200)
        receive(world, one.number, "4.00")
        object.__setattr__(world.kingdee.settings, "app_secret", "changed by the administrator")
        world.kingdee.sessions.__init__(world.clock, world.kingdee.settings)  # type: ignore[misc]
        world.zoho.user_change("update", "Invoices", one.invoice, {"AR_Open_Amount": 1})
        world.clock.advance(60)
        summary = service.sync()
        assert not summary.ok
        by_name = {pull.connection: pull for pull in summary.pulls}
        assert by_name["zoho"].ok
        assert by_name["kingdee"].error
        (state,) = rows(service, select(connections).where(connections.c.name == "kingdee"))
        assert state["auth_state"] == "dead"
        (other,) = rows(service, select(connections).where(connections.c.name == "zoho"))
        assert other["auth_state"] == "ok"
        shown = own_fields(zoho_record(world, "Invoices", one.invoice))
        assert Decimal(str(shown["AR_Open_Amount"])) * 100 == one.open_minor, "the healthy side was still put right"

        object.__setattr__(world.kingdee.settings, "app_secret", secret)
        world.kingdee.sessions.__init__(world.clock, world.kingdee.settings)  # type: ignore[misc]
        world.clock.advance(3600)
        assert service.sync().ok
        (state,) = rows(service, select(connections).where(connections.c.name == "kingdee"))
        assert state["auth_state"] == "ok"
        assert document(service, one.number)["open_minor"] == one.open_minor - 4_00
        assert service.verify() == []


def test_nothing_is_decided_before_every_first_pull_is_complete(
    tmp_path: Path, engine_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(16, 40)
    read = KingdeeConnector.read

    def broken(self: KingdeeConnector, stream: str, *args: object) -> object:
        if stream == "allocations":
            raise SourceError("not today")
        return read(self, stream, *args)  # type: ignore[arg-type]

    with open_installation(tmp_path, world, engine_url) as service:
        seq = world.store.effects.last_seq
        with monkeypatch.context() as patch:
            patch.setattr(KingdeeConnector, "read", broken)
            for _ in range(2):
                summary = service.sync()
                assert not summary.ok
                assert summary.applied.is_waiting
                assert not ready_to_settle(service.ctx)
                for table in (decisions, outbox, conflicts):
                    assert rows(service, select(func.count().label("n")).select_from(table))[0]["n"] == 0
                world.clock.advance(600)
        assert rows(service, select(func.count().label("n")).select_from(documents))[0]["n"] > 40
        written = [e for e in world.store.effects.since(seq) if e.entity in ("Invoices", "Deals", "Accounts", "Tasks")]
        assert written == []
        assert service.sync().ok
        assert set(outbox_states(service)) == {"done"}
        state = books(service)
        assert service.verify() == []
    (tmp_path / "straight").mkdir()
    again = make_world(16, 40)
    with open_installation(tmp_path / "straight", again, f"sqlite:///{tmp_path}/straight.db") as straight:
        assert straight.sync().ok
        assert differences(state, books(straight)) == []
