"""First, second and third sync of the main job."""

from __future__ import annotations

from pathlib import Path

from tests.flow.harness import make_world, open_installation, outbox_states, versions


def test_second_sync_writes_nothing_and_third_makes_only_the_empty_asks(tmp_path: Path, engine_url: str) -> None:
    world = make_world()
    with open_installation(tmp_path, world, engine_url) as service:
        first = service.sync()
        assert first.ok
        assert service.verify() == []
        assert set(outbox_states(service)) == {"done"}
        landed, written = versions(service), world.store.effects.last_seq
        assert landed > 300
        assert written > 100

        world.clock.advance(600)
        second = service.sync()
        assert second.ok
        assert versions(service) == landed
        assert world.store.effects.last_seq == written
        assert all(stream.counts.new == 0 for pull in second.pulls for stream in pull.streams)

        world.clock.advance(600)
        before = world.store.requests.next_no()
        third = service.sync()
        assert third.ok
        assert [stream.counts.rows for pull in third.pulls for stream in pull.streams] == [0] * 10
        asked = [request for request in world.store.requests.since(before) if "/oauth/" not in request.path]
        # One ask per stream, and one of the delete feed per Zoho stream.
        assert len(asked) == 10 + 3, [f"{request.method} {request.path}" for request in asked]
        assert service.rebuild_check().as_dict()["differences"] == []


def test_ledger_ties_out_with_the_book_of_record_and_every_break_with_the_crm_is_explained(
    tmp_path: Path, engine_url: str
) -> None:
    world = make_world()
    with open_installation(tmp_path, world, engine_url) as service:
        service.sync()
        sections = {section["counterpart"]: section for section in service.reconcile().as_dict()["sections"]}
        assert sections["kingdee"]["is_valid"]
        assert sections["kingdee"]["break_count"] == 0
        assert sections["kingdee"]["totals"]
        assert sections["zoho"]["is_valid"]
        assert {cause["cause"] for cause in sections["zoho"]["causes"]} <= {"conflict_pending", "no_crm_record"}
