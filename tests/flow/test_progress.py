"""Progress of one run: what was read before it began is neither done nor counted."""

from __future__ import annotations

from pathlib import Path

from tests.flow.harness import make_world, open_installation


def test_a_stream_is_done_once_it_was_read_after_the_run_began(tmp_path: Path, engine_url: str) -> None:
    world = make_world(8, 16)
    with open_installation(tmp_path, world, engine_url) as service:
        service.sync()
        first = service.progress()
        assert {event["state"] for event in first} == {"done"}
        world.clock.advance(60)
        since = service.ctx.clock.now()
        pulls = [event for event in service.progress(since) if event["step"] == "pull"]
        assert {event["state"] for event in pulls} == {"running"}, "the read of last time is not this run's"
        service.pull(["kingdee"])
        states = {(event["connection"], event["state"]) for event in service.progress(since) if event["step"] == "pull"}
        assert states == {("kingdee", "done"), ("zoho", "running")}
        service.pull()
        again = service.progress(since)
        assert {event["state"] for event in again} == {"done"}


def test_an_old_failure_is_not_this_runs(tmp_path: Path, engine_url: str) -> None:
    world = make_world(8, 16)
    with open_installation(tmp_path, world, engine_url) as service:
        world.faults.add("kingdee", "ExecuteBillQuery", "status_500", times=500)
        service.pull(["kingdee"])
        assert "failed" in {event["state"] for event in service.progress() if event.get("connection") == "kingdee"}
        world.clock.advance(3600)
        since = service.ctx.clock.now()
        assert {e["state"] for e in service.progress(since) if e.get("connection") == "kingdee"} == {"running"}
        service.pull(["kingdee"])
        assert "failed" in {event["state"] for event in service.progress(since) if event.get("connection") == "kingdee"}
