"""A pull in slices: however long it is, a job lasts about two seconds, and the end is the same as of one long pull."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from sync import jobs
from sync.pull import run_pull
from sync.service import Service, open_service
from sync.sweep import due
from tests.flow.books import books, differences, rows
from tests.flow.harness import SharedClock, make_world, transport, write_config
from tieout.cli.vendors import vendor_settings
from tieout.core import faults
from tieout.core.config import load
from tieout.sandbox.world import SandboxWorld
from tieout.store.tables import connections, documents, runs, source_records, sweep_marks, watermarks

BILL = "AR_receivable"
CALL = 0.45  # seconds each call takes: about five calls a slice


class Slow(httpx.BaseTransport):
    """The vendors' servers at a certain speed; counts the calls."""

    def __init__(self, world: SandboxWorld) -> None:
        self._inner, self._world, self.calls = transport(world), world, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        self._world.clock.advance(CALL)
        return self._inner.handle_request(request)


def install(folder: Path, world: SandboxWorld, url: str) -> tuple[Service, Slow]:
    """An installation that reads small pages from slow servers."""
    folder.mkdir(exist_ok=True)
    path = write_config(folder, world, url)
    text = path.read_text(encoding="utf-8")
    text = text.replace('vendor = "zoho_crm"', 'vendor = "zoho_crm"\nper_page = 10')
    path.write_text(text.replace('vendor = "kingdee"', 'vendor = "kingdee"\npage_rows = 10'), encoding="utf-8")
    slow = Slow(world)
    config = load(path, vendor_settings=vendor_settings)
    service = open_service(config, transport=slow, clock=SharedClock(world.clock))
    service.migrate()
    return service, slow


def slices(service: Service, name: str, calls: Callable[[], int]) -> list[int]:
    """Run the job of a pull until it rings no more; the calls of each slice."""
    out = []
    while True:
        before = calls()
        is_more = jobs._STEPS["pull"](service.ctx, name)
        out.append(calls() - before)
        if not is_more:
            return out


def one(service: Service, table: Any, **where: Any) -> dict[str, Any]:
    (row,) = rows(service, select(table).where(*(table.c[name] == value for name, value in where.items())))
    return dict(row)


def test_a_long_pull_is_many_short_jobs_and_costs_no_call_more(tmp_path: Path, engine_url: str) -> None:
    world = make_world(10, 30)
    whole, fast = install(tmp_path / "whole", world, f"sqlite:///{tmp_path}/whole.db")
    with whole:
        whole.prepare()
        fast.calls = 0
        assert all(pull.ok for pull in whole.pull())
        whole.apply()
        straight, fewest = books(whole), fast.calls
    service, slow = install(tmp_path / "sliced", make_world(10, 30), engine_url)
    with service:
        service.prepare()
        slow.calls = 0
        lengths: list[int] = []
        for name in ("zoho", "kingdee"):
            assert jobs._STEPS["pull"](service.ctx, name)
            assert f"pull:{name}" in due(service.ctx), "the sweep goes on with a round that nobody rings for"
            run = one(service, runs, connection=name, kind="pull")
            assert (run["state"], run["ended_at"]) == ("running", None)
            assert sum(stream["rows"] for stream in run["counts"].values()) > 0
            lengths += slices(service, name, lambda: slow.calls)
            run = one(service, runs, connection=name, kind="pull")
            assert run["state"] == "done"
            for stream in run["counts"].values():
                mark = one(service, watermarks, connection=name, stream=stream["stream"])
                assert mark["rows_read"] == stream["rows"]
            assert one(service, connections, name=name)["pull_round"] is None
            assert f"pull:{name}" not in due(service.ctx)
        assert len(lengths) > 4
        # Time is looked at between pages; a page of bills carries its entries, the end of a stream its deletes.
        assert max(lengths) <= 9
        service.apply()
        assert differences(straight, books(service)) == []
        assert slow.calls <= fewest
        assert service.rebuild_check().ok


@pytest.mark.parametrize("point", ["before:landing.commit", "after:landing.commit", "after:run.commit"])
def test_killed_in_a_slice(tmp_path: Path, point: str) -> None:
    url = f"sqlite:///{tmp_path}/sliced.db"
    world = make_world(10, 30)
    whole, _ = install(tmp_path / "whole", world, f"sqlite:///{tmp_path}/whole.db")
    with whole:
        whole.pull(["kingdee"])
        whole.pull(["zoho"])
        whole.apply()
        straight = books(whole)
    world = make_world(10, 30)
    for occurrence in (2, 5, 9):
        child = os.fork()
        if child == 0:
            mine, _ = install(tmp_path / "sliced", world, url)
            faults.kill_at(point, occurrence)
            slices(mine, "kingdee", lambda: 0)
            os._exit(0)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 9, f"{point} is passed fewer than {occurrence} times"
        world.clock.advance(200)  # the lease of the dead, whose clock ran on
    service, slow = install(tmp_path / "sliced", world, url)
    with service:
        before = one(service, connections, name="kingdee")["pull_round"]
        slices(service, "kingdee", lambda: slow.calls)
        if before is not None:
            assert one(service, runs, id=before["run"])["state"] == "done", "the run outlives its processes"
        slices(service, "zoho", lambda: slow.calls)
        service.apply()
        assert differences(straight, books(service)) == []


def test_a_sweep_in_slices_finds_what_vanished(tmp_path: Path) -> None:
    world = make_world(10, 30)
    service, _ = install(tmp_path / "home", world, f"sqlite:///{tmp_path}/tieout.db")
    with service:
        assert all(pull.ok for pull in service.pull())
        service.apply()
        number = rows(service, select(documents.c.number).where(documents.c.kind == "invoice"))[3]["number"]
        world.kingdee.user_change("delete", BILL, number)
        seen = 0
        for _ in range(2):
            world.clock.advance(3700)
            while jobs._STEPS["pull"](service.ctx, "kingdee"):
                seen = max(seen, len(rows(service, select(sweep_marks))))
        assert seen > 20, "the list of ids was never cut"
        assert rows(service, select(sweep_marks)) == []
        service.apply()
        assert one(service, documents, number=number, connection="kingdee")["state"] == "void"
        assert one(service, watermarks, connection="kingdee", stream="invoices")["leg"] is None
        assert service.rebuild_check().ok


def test_a_full_pull_that_was_killed_goes_on_as_a_full_one(tmp_path: Path) -> None:
    world = make_world(10, 30)
    service, slow = install(tmp_path / "home", world, f"sqlite:///{tmp_path}/tieout.db")
    with service:
        service.pull()
        service.apply()
        world.clock.advance(600)
    child = os.fork()
    if child == 0:
        mine, _ = install(tmp_path / "home", world, f"sqlite:///{tmp_path}/tieout.db")
        faults.kill_at("after:landing.commit", 5)
        run_pull(mine.ctx, "kingdee", full=True, trigger="full")
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 9
    world.clock.advance(200)  # the lease of the dead, whose clock ran on
    service, slow = install(tmp_path / "home", world, f"sqlite:///{tmp_path}/tieout.db")
    with service:
        slices(service, "kingdee", lambda: slow.calls)
        found = one(service, runs, connection="kingdee", trigger="full")
        assert found["state"] == "done"
        for name, stream in found["counts"].items():
            held = len(
                rows(
                    service,
                    select(source_records).where(
                        source_records.c.connection == "kingdee", source_records.c.stream == name
                    ),
                )
            )
            read = one(service, watermarks, connection="kingdee", stream=name)["rows_read"]
            assert (stream["stream"], read) == (name, 2 * held)


def test_a_command_takes_over_a_round_and_pulls_to_the_end(tmp_path: Path) -> None:
    world = make_world(10, 30)
    service, _ = install(tmp_path / "home", world, f"sqlite:///{tmp_path}/tieout.db")
    with service:
        assert jobs._STEPS["pull"](service.ctx, "kingdee")
        (pull,) = service.pull(["kingdee"])
        assert pull.ok
        assert any(stream.is_resumed for stream in pull.streams)
        assert len(pull.streams) == 7
        held = rows(service, select(runs.c.state, runs.c.error).where(runs.c.connection == "kingdee"))
        assert [(row["state"], row["error"]) for row in held] == [
            ("failed", "another pull of this connection took its place"),
            ("done", None),
        ]
        assert jobs._STEPS["pull"](service.ctx, "kingdee")  # seven empty asks at this pace are two slices
        assert not jobs._STEPS["pull"](service.ctx, "kingdee")
