"""Two hosts with four workers on one database, and all that happens to them; the end is that of one calm box.

Workers, API and scheduler are killed, the queue forgets, the database crashes and restarts; then come a backup, its
restore and a change of keys.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from sync.service import Service, open_service
from tests.crash import endstate
from tests.crash.endstate import State, difference
from tests.crash.servers import OwnPostgres, OwnQueue
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
from tieout.store import sealed
from tieout.store.tables import inbox, inputs

PROCESSES = (("scheduler",), ("worker", "fast"), ("worker", "bulk"))


@pytest.fixture
def postgres() -> Iterator[OwnPostgres]:
    made = OwnPostgres()
    yield made
    made.close()


@pytest.fixture
def queue() -> Iterator[OwnQueue]:
    made = OwnQueue()
    yield made
    made.close()


def _today() -> object:
    return business_on(CLOCK.now(), "Asia/Shanghai")


def _service(config: Path) -> Service:
    return open_service(load(config, vendor_settings=vendor_settings))


@pytest.mark.timeout(1200)
def test_two_hosts_end_where_one_box_ends_whatever_happens_to_them(
    tmp_path: Path, postgres: OwnPostgres, queue: OwnQueue
) -> None:
    today = _today()
    one_box, found = _both(tmp_path / "once", postgres, queue, "once")
    if _today() != today:  # a business day began in between, and with it other decisions
        one_box, found = _both(tmp_path / "again", postgres, queue, "again")
    for expected, state in zip(one_box, found, strict=True):
        assert difference(without_writes(expected), state) == []
    assert [CRM_ACCOUNT in str(state["memberships"]) for state in found] == [False, True]


def _both(folder: Path, postgres: OwnPostgres, queue: OwnQueue, name: str) -> tuple[list[State], list[State]]:
    folder.mkdir()
    return single_box(folder / "box", queue.url), _hosts(folder, postgres, queue, name)


def _hosts(folder: Path, postgres: OwnPostgres, queue: OwnQueue, name: str) -> list[State]:
    sandbox = Sandbox(folder / "sandbox")
    sock = listen("127.0.0.1", 0, tries=1)
    port = port_of(sock)
    sock.close()
    address = f"http://127.0.0.1:{port}"
    database_url = postgres.database(f"fleet_{name}")
    hosts = []
    for host in ("a", "b"):
        (folder / host).mkdir()
        config = write_config(
            folder / host / "tieout.toml",
            database_url=database_url,
            redis_url=queue.url,
            connections=sandbox.connections,
            timeout_seconds=TIMEOUT_SECONDS,
            public_url=address,
        )
        hosts.append(Fleet(config, PATH=f"{postgres.programs}{os.pathsep}{os.environ['PATH']}"))
    first, second = hosts
    serve = ("serve", "--port", str(port))
    try:
        with _service(folder / "a" / "tieout.toml") as service:
            service.migrate()
            assert first.command("setup", "zoho")["ok"]
            for arguments in PROCESSES:
                first.start(*arguments)
                second.start(*arguments)
            first.start(*serve)
            _kills(first, second, service, postgres, queue, serve)
            ends = [endstate.state(service, sandbox)]
            heard = select(func.count()).select_from(inbox).where(inbox.c.stream == "customers")
            before = count(service, heard)
            users_work(sandbox)
            CLOCK.sleep(1.1)
            wait(lambda: count(service, heard) > before, 30, "the webhook did not arrive")
            key = service.create_api_key("robot", "operator", "test")
            with httpx.Client(base_url=address, headers={"authorization": f"Bearer {key}"}, trust_env=False) as client:
                asked = client.post("/v1/connections/kingdee/sync")
                assert asked.status_code == 202
                queue.kill(and_forget=False)
                postgres.restart("fast")
                queue.start()
                run = f"/v1/runs/{asked.json()['run']}"
                wait(
                    lambda: _is_done(client, run), 120, "nobody pulled what was asked for before the servers went away"
                )
            _settles(service, hosts)
            ends.append(endstate.state(service, sandbox))
            ended = {one: host.words(one)[-1500:] for host in hosts for one in host.ended()}
            assert ended == {}, "a process did not get over a server that went away"
        assert first.command("backup", str(folder / "copy.backup"))["ok"]
        for host in hosts:
            codes = host.stop()
            bad = {one: host.words(one)[-2000:] for one, code in codes.items() if code not in (0, -signal.SIGTERM)}
            assert bad == {}
            assert host.left_over() == []
        _drills(folder, postgres, sandbox, name)
        return ends
    finally:
        for host in hosts:
            host.destroy()
        sandbox.stop()


def _is_done(client: httpx.Client, run: str) -> bool:
    try:
        answer = client.get(run)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200 and answer.json()["state"] == "done"


def _kills(
    first: Fleet, second: Fleet, service: Service, postgres: OwnPostgres, queue: OwnQueue, serve: tuple[str, ...]
) -> None:
    """In the middle of the first sync: workers, API and scheduler killed, the queue forgets, the database crashes."""
    marks = select(func.count()).select_from(inputs).where(inputs.c.kind == "mark")
    wait(lambda: count(service, marks) >= 2, 90, "nothing is being applied", every=0.02)
    for host, names in ((first, ("worker fast", "serve", "scheduler")), (second, ("worker bulk",))):
        for name in names:
            host.kill(name)
    assert not is_quiet(service), "they were faster than their death"
    queue.kill(and_forget=True)
    postgres.restart("immediate")
    queue.start()
    for arguments in (("worker", "fast"), ("scheduler",), serve):
        first.start(*arguments)
    second.start("worker", "bulk")
    _settles(service, (first, second))


def _settles(service: Service, hosts: Sequence[Fleet]) -> None:
    """All is read, applied and sent; else the last words of every process."""
    try:
        wait(lambda: is_quiet(service), 240, "never quiet")
    except AssertionError as error:
        words = "\n".join(f"--- {name}\n{host.words(name)[-1500:]}" for host in hosts for name in host.running)
        raise AssertionError(f"still waiting: {endstate.waiting(service)}\n{words}") from error


def _writes(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [one for one in sandbox.effects() if one["actor"] == "api"]


def _drills(folder: Path, postgres: OwnPostgres, sandbox: Sandbox, name: str) -> None:
    """What was copied while everything ran is restored and sends nothing again; the keys change, the tokens stay."""
    config = folder / "a" / "tieout.toml"
    (folder / "c").mkdir()
    text = config.read_text().replace(f"fleet_{name}", f"restored_{name}").replace(str(folder / "a"), str(folder / "c"))
    other = folder / "c" / "tieout.toml"
    other.write_text(text, encoding="utf-8")
    postgres.database(f"restored_{name}")
    restored = Fleet(other, PATH=f"{postgres.programs}{os.pathsep}{os.environ['PATH']}")
    before = _writes(sandbox)
    assert restored.command("restore", str(folder / "copy.backup"))["pushing"] == "paused"
    restored.command("pull", "--full")
    restored.command("apply")
    restored.command("push", "resume")
    assert restored.command("sync")["ok"]
    again = [f"{one['entity']} {one['record_id']} {one['changes']}" for one in _writes(sandbox)[len(before) :]]
    assert again == [], "a restore sent something again:\n" + "\n".join(again)
    assert restored.command("verify") is not None  # it ends with 0
    old = "a test key, nothing else"
    other.write_text(text.replace(f'"{old}"', f'"the next key,{old}"'), encoding="utf-8")
    assert restored.command("secrets", "rotate")["sealed"] >= 1
    other.write_text(text.replace(f'"{old}"', '"the next key"'), encoding="utf-8")
    assert restored.command("sync")["ok"]
    with _service(other) as service:
        assert sealed.unopenable(service.ctx.engine, service.ctx.sealer) == []
