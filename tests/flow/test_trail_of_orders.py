"""What people order of an installation stands in the audit trail, in the unit that does it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sync import jobs
from sync.service import Service
from tests.flow.books import BILL, Synced, rows
from tieout.core import faults
from tieout.core.errors import TieoutError
from tieout.store import audit, sealed
from tieout.store.session import reading
from tieout.store.tables import audit as audit_table
from tieout.store.tables import documents

ANNA = "user:anna"


@pytest.fixture(autouse=True)
def _without_faults() -> Iterator[None]:
    yield
    faults.set_hook(None)


def told(service: Service, action: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Actor, subject and body of each line of an action, oldest first."""
    with reading(service.ctx.engine) as conn:
        assert audit.verify(conn) == []
    query = select(audit_table).where(audit_table.c.action == action).order_by(audit_table.c.seq)
    return [(row["actor"], row["subject"], row["body"]) for row in rows(service, query)]


def test_a_sync_is_noted_once_for_each_run_that_was_asked_for(synced: Synced) -> None:
    world, service = synced
    with service:
        run = service.start_sync("zoho", ANNA)
        assert service.start_sync("zoho", "user:bert") == run
        assert told(service, "sync.start") == [(ANNA, "zoho", {"run": run})]
        while jobs._STEPS["pull"](service.ctx, "zoho"):
            pass
        world.clock.advance(60)
        assert service.sync(["kingdee"], actor="cli:li").ok
        assert service.sync().ok  # nobody ordered this one
        assert told(service, "sync.start")[1:] == [("cli:li", "kingdee", {"full": False})]


def test_deletions_that_a_person_accepts_are_noted_and_ordinary_ones_are_not(synced: Synced) -> None:
    world, service = synced
    with service:
        query = select(documents.c.number).where(documents.c.kind == "invoice").order_by(documents.c.number)
        numbers = [row["number"] for row in rows(service, query)]
        world.kingdee.user_change("delete", BILL, numbers[0])
        for _ in range(2):
            world.clock.advance(900)
            service.pull(["kingdee"], sweep=True)
        world.clock.advance(900)
        assert all(pull.ok for pull in service.pull(["kingdee"], accept_deletes=True, actor=ANNA))
        assert told(service, "pull.accept_deletes") == [], "nothing was held back"
        for number in numbers[1:13]:
            world.kingdee.user_change("delete", BILL, number)
        for _ in range(2):
            world.clock.advance(900)
            service.pull(["kingdee"], sweep=True)
        world.clock.advance(900)
        service.pull(["kingdee"], accept_deletes=True, actor=ANNA)
        ((actor, subject, body),) = told(service, "pull.accept_deletes")
        assert (actor, subject, body["records"]) == (ANNA, "kingdee/invoices", 12)
        assert "12 of" in body["why"]


def test_a_backup_is_noted_before_it_is_made(synced: Synced, tmp_path: Path) -> None:
    _, service = synced
    copy = tmp_path / "copy.backup"
    with service:
        service.backup(copy, ANNA)
        assert told(service, "backup") == [(ANNA, "copy.backup", {})]
        with pytest.raises(TieoutError, match="exists already"):
            service.backup(copy, ANNA)
        assert len(told(service, "backup")) == 1


def test_secrets_change_with_their_line_or_not_at_all(synced: Synced) -> None:
    _, service = synced
    with service:
        service.ctx.config = service.config.model_copy(
            update={"given_secret_key": f"the next key,{service.config.given_secret_key}"}
        )

        def fail(point: str) -> None:
            if point == "before:admin.commit":
                raise OSError("the disk is gone")

        for order in (service.rotate_secrets, service.forget_secrets):
            faults.set_hook(fail)
            with pytest.raises(OSError):
                order(ANNA)
            faults.set_hook(None)
            assert sealed.unopenable(service.ctx.engine, service.ctx.sealer) == []
        assert told(service, "secrets.rotate") + told(service, "secrets.forget") == []
        count = service.rotate_secrets(ANNA)["sealed"]
        assert count >= 1
        assert told(service, "secrets.rotate") == [(ANNA, "database", {"sealed": count})]
        service.forget_secrets(ANNA)
        assert told(service, "secrets.forget") == [(ANNA, "database", {"unopenable": count})]
