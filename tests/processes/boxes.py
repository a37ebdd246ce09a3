"""What a fleet of processes is compared with: one box in the foreground, with the same people at work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from sync.service import Service, open_service
from tests.crash import endstate
from tests.crash.endstate import State
from tests.crash.writeconfig import write_config
from tests.processes.control import Sandbox
from tests.processes.fleet import CLOCK, Fleet
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.store.session import reading
from tieout.store.tables import watermarks

STREAMS = 10  # three of Zoho, seven of Kingdee
CRM_ACCOUNT = "5725767000001000091"  # of the seeded company: known by a short name that no rule links
TIMEOUT_SECONDS = 2  # of a vendor's call: an outcome that nobody saw is read back after that long


def users_work(sandbox: Sandbox) -> None:
    """A payment with its allocation, a later due date, and a CRM account that gets its legal name."""
    settled = [{"bill": "AR00000001", "amount": 63_000}]
    fields = {"FCONTACTUNIT": "CUST0001", "FRECAMOUNTFOR": 63_000, "allocations": settled}
    sandbox.change("kingdee", "create", "AR_RECEIVEBILL", "", fields)
    sandbox.change("kingdee", "update", "AR_receivable", "AR00000002", {"FENDDATE_H": "2030-01-31T00:00:00"})
    legal = {"Legal_Name": "Tannhof Werkzeuge GmbH & Co. KG"}
    sandbox.change("zoho", "update", "Accounts", CRM_ACCOUNT, legal)


def single_box(folder: Path, redis_url: str) -> list[State]:
    """Ends of two foreground syncs on SQLite, users at work in between."""
    folder.mkdir()
    sandbox = Sandbox(folder / "sandbox")
    try:
        config = write_config(
            folder / "tieout.toml",
            database_url=f"sqlite:///{folder / 'tieout.db'}",
            redis_url=redis_url,
            connections=sandbox.connections,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        fleet = Fleet(config)
        ends = []
        for is_second in (False, True):
            if is_second:
                users_work(sandbox)
            CLOCK.sleep(1.1)  # the vendors' stamps have whole seconds
            assert fleet.command("sync")["ok"]
            with open_service(load(config, vendor_settings=vendor_settings)) as service:
                assert endstate.waiting(service) == {}
                ends.append(endstate.state(service, sandbox))
        return ends
    finally:
        sandbox.stop()


def count(service: Service, query: Any) -> int:
    """The number that a query answers."""
    with reading(service.ctx.engine) as conn:
        return int(conn.execute(query).scalar_one())


def has_read_everything(service: Service) -> bool:
    """Whether every stream was read to its end once."""
    query = select(func.count()).select_from(watermarks).where(watermarks.c.first_completed_at.is_not(None))
    return count(service, query) == STREAMS


def is_quiet(service: Service) -> bool:
    """Everything read, applied and sent, and still so after a moment in which the scheduler has swept."""
    for moment in (0.0, 4.0):
        CLOCK.sleep(moment)
        if not has_read_everything(service) or endstate.waiting(service):
            return False
    return True


def without_writes(state: State) -> State:
    """Slices may send an amount before a later slice changes it: what counts is where it ends, and the tasks."""
    return {kind: facts for kind, facts in state.items() if kind != "crm writes"}
