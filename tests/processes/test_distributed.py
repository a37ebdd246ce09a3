"""Workers, API and scheduler on PostgreSQL and Redis end where `tieout sync` on one box ends, kills included."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis
from sqlalchemy import create_engine, func, make_url, select, text

from sync.service import Service, open_service
from tests.crash import endstate
from tests.crash.endstate import State, difference
from tests.crash.writeconfig import write_config
from tests.processes.boxes import (
    CRM_ACCOUNT,
    TIMEOUT_SECONDS,
    count,
    is_quiet,
    single_box,
    users_work,
    without_writes,
)
from tests.processes.control import Sandbox
from tests.processes.fleet import CLOCK, Fleet, wait
from tieout.cli.vendors import vendor_settings
from tieout.core.config import load
from tieout.core.dates import business_on
from tieout.runtime.ports import listen, port_of
from tieout.store.session import reading
from tieout.store.tables import channels, inbox, inputs


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


def _today() -> object:
    return business_on(CLOCK.now(), "Asia/Shanghai")


def _both(folder: Path, server: str, worker: str, redis_url: str) -> tuple[list[State], list[State]]:
    folder.mkdir()
    one_box = single_box(folder / "box", redis_url)
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
        assert difference(without_writes(expected), found) == []
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
    wait(lambda: count(service, marks) >= 2, 60, "nothing is being applied", every=0.02)
    fleet.kill("worker fast")
    assert not is_quiet(service), "the worker was faster than its death"
    redis.Redis.from_url(redis_url).flushall()
    fleet.start("worker", "fast")
    wait(lambda: is_quiet(service), 150, f"still waiting: {endstate.waiting(service)}")
    return endstate.state(service, sandbox)


def _second(fleet: Fleet, service: Service, sandbox: Sandbox, address: str) -> State:
    """Users work: Zoho calls the webhook, somebody asks for a sync of the books over the API."""
    with reading(service.ctx.engine) as conn:
        assert conn.execute(select(channels.c.expires_at > channels.c.renewed_at)).scalar_one()
    heard = select(func.count()).select_from(inbox).where(inbox.c.stream == "customers")
    before = count(service, heard)
    users_work(sandbox)
    CLOCK.sleep(1.1)
    wait(lambda: count(service, heard) > before, 20, "the webhook did not arrive")
    key = service.create_api_key("robot", "operator", "test")
    with httpx.Client(base_url=address, headers={"authorization": f"Bearer {key}"}, trust_env=False) as client:
        asked = client.post("/v1/connections/kingdee/sync")
        assert asked.status_code == 202
        run = f"/v1/runs/{asked.json()['run']}"
        wait(lambda: client.get(run).json()["state"] == "done", 60, "nobody pulled")
    wait(lambda: is_quiet(service), 60, f"still waiting: {endstate.waiting(service)}")
    return endstate.state(service, sandbox)


def _api_answers(fleet: Fleet, address: str) -> None:
    with httpx.Client(base_url=address, trust_env=False) as client:
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert ready.status_code == 200, ready.text
    assert fleet.command("verify") is not None
