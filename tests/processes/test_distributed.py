"""Workers, API and scheduler on PostgreSQL and Redis end where `tieout sync` on one box ends, kills included."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from sqlalchemy import create_engine, func, make_url, select, text

from sync.service import Service, open_service
from tests.crash import endstate
from tests.crash.endstate import State, difference
from tests.crash.writeconfig import write_config
from tests.processes.control import Sandbox
from tests.processes.fleet import CLOCK, Fleet, wait
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.core.dates import business_on
from tieout.runtime.ports import listen, port_of
from tieout.store.session import reading
from tieout.store.tables import channels, inbox, inputs, watermarks

STREAMS = 10  # three of Zoho, seven of Kingdee
CRM_ACCOUNT = "5725767000001000091"  # of the seeded company: known by a short name that no rule links
TIMEOUT_SECONDS = 2  # of a vendor's call: an outcome that nobody saw is read back after that long


@contextmanager
def _database(server: str, worker: str) -> Iterator[str]:
    """An empty database."""
    name = f"tieout_fleet_{os.getpid()}_{worker}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as conn:
            conn.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


def _users_work(sandbox: Sandbox) -> None:
    """A payment with its allocation, a later due date, and a CRM account that gets its legal name."""
    settled = [{"bill": "AR00000001", "amount": 63_000}]
    fields = {"FCONTACTUNIT": "CUST0001", "FRECAMOUNTFOR": 63_000, "allocations": settled}
    sandbox.change("kingdee", "create", "AR_RECEIVEBILL", "", fields)
    sandbox.change("kingdee", "update", "AR_receivable", "AR00000002", {"FENDDATE_H": "2030-01-31T00:00:00"})
    legal = {"Legal_Name": "Tannhof Werkzeuge GmbH & Co. KG"}
    sandbox.change("zoho", "update", "Accounts", CRM_ACCOUNT, legal)


def _single_box(folder: Path, redis_url: str) -> list[State]:
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
                _users_work(sandbox)
            CLOCK.sleep(1.1)  # the vendors' stamps have whole seconds
            assert fleet.command("sync")["ok"]
            with open_service(load(config, vendor_settings=vendor_settings)) as service:
                assert endstate.waiting(service) == {}
                ends.append(endstate.state(service, sandbox))
        return ends
    finally:
        sandbox.stop()


def _count(service: Service, query: Any) -> int:
    with reading(service.ctx.engine) as conn:
        return int(conn.execute(query).scalar_one())


def _has_read_everything(service: Service) -> bool:
    query = select(func.count()).select_from(watermarks).where(watermarks.c.first_completed_at.is_not(None))
    return _count(service, query) == STREAMS


def _is_quiet(service: Service) -> bool:
    """Everything read, applied and sent, and still so after a moment in which the scheduler has swept."""
    for moment in (0.0, 4.0):
        CLOCK.sleep(moment)
        if not _has_read_everything(service) or endstate.waiting(service):
            return False
    return True


def _without_writes(state: State) -> State:
    """Slices may send an amount before a later slice changes it: what counts is where it ends, and the tasks."""
    return {kind: facts for kind, facts in state.items() if kind != "crm writes"}


def _today() -> object:
    return business_on(CLOCK.now(), "Asia/Shanghai")


def _both(folder: Path, server: str, worker: str, redis_url: str) -> tuple[list[State], list[State]]:
    folder.mkdir()
    one_box = _single_box(folder / "box", redis_url)
    redis.Redis.from_url(redis_url).flushdb()
    with _database(server, worker) as database_url:
        return one_box, _fleet(folder / "fleet", database_url, redis_url)


@pytest.mark.timeout(900)
def test_a_fleet_ends_where_one_box_ends(tmp_path: Path, postgres_server: str, worker_id: str, redis_url: str) -> None:
    today = _today()
    one_box, fleet = _both(tmp_path / "once", postgres_server, worker_id, redis_url)
    if _today() != today:  # a business day began in between, and with it other decisions
        one_box, fleet = _both(tmp_path / "again", postgres_server, worker_id, redis_url)
    for expected, found in zip(one_box, fleet, strict=True):
        assert difference(_without_writes(expected), found) == []
    assert [CRM_ACCOUNT in str(state["memberships"]) for state in fleet] == [False, True]
    assert fleet[0]["crm fields"] != fleet[1]["crm fields"]


def _fleet(folder: Path, database_url: str, redis_url: str) -> list[State]:
    folder.mkdir()
    sandbox = Sandbox(folder / "sandbox")
    sock = listen("127.0.0.1", 0, tries=1)
    port = port_of(sock)
    sock.close()
    address = f"http://127.0.0.1:{port}"
    config = write_config(
        folder / "tieout.toml",
        database_url=database_url,
        redis_url=redis_url,
        connections=sandbox.connections,
        timeout_seconds=TIMEOUT_SECONDS,
        public_url=address,
    )
    fleet = Fleet(config)
    try:
        with open_service(load(config, vendor_settings=vendor_settings)) as service:
            service.migrate()
            assert fleet.command("setup", "zoho")["ok"]
            fleet.start("serve", "--port", str(port))
            fleet.start("worker", "fast")
            fleet.start("worker", "bulk")
            fleet.start("scheduler")
            ends = [_first(fleet, service, sandbox, redis_url)]
            ends.append(_second(fleet, service, sandbox, address))
            _api_answers(fleet, address)
        codes = fleet.stop()
        # uvicorn ends in order, then by the signal it was sent.
        bad = {name: fleet.words(name)[-2000:] for name, code in codes.items() if code not in (0, -signal.SIGTERM)}
        assert bad == {}
        assert fleet.left_over() == []
        return ends
    finally:
        fleet.destroy()
        sandbox.stop()


def _first(fleet: Fleet, service: Service, sandbox: Sandbox, redis_url: str) -> State:
    """The first sync; the fast worker dies in the middle of it, and Redis forgets everything."""
    marks = select(func.count()).select_from(inputs).where(inputs.c.kind == "mark")
    wait(lambda: _count(service, marks) >= 2, 60, "nothing is being applied", every=0.02)
    fleet.kill("worker fast")
    assert not _is_quiet(service), "the worker was faster than its death"
    redis.Redis.from_url(redis_url).flushall()
    fleet.start("worker", "fast")
    wait(lambda: _is_quiet(service), 150, f"still waiting: {endstate.waiting(service)}")
    return endstate.state(service, sandbox)


def _second(fleet: Fleet, service: Service, sandbox: Sandbox, address: str) -> State:
    """Users work: Zoho calls the webhook, somebody asks for a sync of the books over the API."""
    with reading(service.ctx.engine) as conn:
        assert conn.execute(select(channels.c.expires_at > channels.c.renewed_at)).scalar_one()
    heard = select(func.count()).select_from(inbox).where(inbox.c.stream == "customers")
    before = _count(service, heard)
    _users_work(sandbox)
    CLOCK.sleep(1.1)
    wait(lambda: _count(service, heard) > before, 20, "the webhook did not arrive")
    key = service.create_api_key("robot", "operator", "test")
    with httpx.Client(base_url=address, headers={"authorization": f"Bearer {key}"}, trust_env=False) as client:
        asked = client.post("/v1/connections/kingdee/sync")
        assert asked.status_code == 202
        run = f"/v1/runs/{asked.json()['run']}"
        wait(lambda: client.get(run).json()["state"] == "done", 60, "nobody pulled")
    wait(lambda: _is_quiet(service), 60, f"still waiting: {endstate.waiting(service)}")
    return endstate.state(service, sandbox)


def _api_answers(fleet: Fleet, address: str) -> None:
    with httpx.Client(base_url=address, trust_env=False) as client:
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert ready.status_code == 200, ready.text
    assert fleet.command("verify") is not None
