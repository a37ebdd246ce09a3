"""That the simulator notices a tombstone over a record that was read again since it was deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from sync.pull import run_pull
from tests.sim.landed import Landed
from tests.sim.plan import Plan
from tests.sim.process import nobody
from tests.sim.twin import Theatre
from tieout.store.session import unit
from tieout.store.tables import source_records


def test_a_tombstone_over_a_record_that_came_back_is_noticed(theatre: Theatre) -> None:
    world = theatre._world(Plan(1000, 0, "sqlite", "auto", starts_empty=False, steps=(), faults=()), "rough")
    process = world.processes["one"]
    try:
        record = str(world.vendors.records()["Invoices"][0]["id"])
        look = Landed(world)
        for operation, is_gone in (("delete", True), ("undelete", False)):
            world.time.advance(600)
            world.vendors.zoho.user_change(operation, "Invoices", record)
            world.time.advance(600)
            assert process.run(lambda ctx: run_pull(ctx, "zoho", streams=["invoices"]))
            gone = [("zoho", "invoices", record)] if is_gone else []
            assert _said(look, gone) == []
        with nobody(), unit(world.database.engine, "admin.commit") as conn:
            mine = (source_records.c.connection == "zoho", source_records.c.external_id == record)
            conn.execute(update(source_records).where(*mine).values(is_deleted=True))
        (problem,) = _said(look, [("zoho", "invoices", record)])
        assert "it was read again" in problem
    finally:
        world.close()


def test_an_old_deletion_over_a_record_that_the_cursor_says_came_back_is_noticed(theatre: Theatre) -> None:
    world = theatre._world(Plan(1000, 0, "sqlite", "auto", starts_empty=False, steps=(), faults=()), "rough")
    process = world.processes["one"]
    try:
        record = str(world.vendors.records()["Deals"][0]["id"])
        world.time.advance(600)
        deleted_at = world.vendors.now("zoho")
        world.vendors.zoho.user_change("delete", "Deals", record)
        world.time.advance(60)
        world.vendors.zoho.user_change("undelete", "Deals", record)
        (line,) = world.vendors.came_back("Deals", None)
        assert (line["id"], datetime.fromisoformat(line["deleted_time"])) == (record, deleted_at.replace(microsecond=0))
        assert world.vendors.came_back("Deals", world.vendors.now("zoho").isoformat(timespec="seconds")) == []
        world.time.advance(600)
        assert process.run(lambda ctx: run_pull(ctx, "zoho", streams=["deals"]))
        assert _said(Landed(world), [], marks=[("zoho", "deals", "moved")]) == []
        with nobody(), unit(world.database.engine, "admin.commit") as conn:
            mine = (source_records.c.connection == "zoho", source_records.c.external_id == record)
            conn.execute(update(source_records).where(*mine).values(is_deleted=True, modified_at=deleted_at))
        (problem,) = _said(Landed(world), [], marks=[("zoho", "deals", "moved")])
        assert "landed as deleted" in problem
    finally:
        world.close()


def _said(look: Landed, gone: list[tuple[str, str, str]], marks: list[tuple[str, str, str]] | None = None) -> list[str]:
    with nobody(), look._world.database.engine.connect() as conn:
        out = list(look.check(conn, list(marks or []), gone))
        conn.rollback()
    return out
