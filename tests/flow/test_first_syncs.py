"""First, second and third sync of the main job."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.flow.books import ZOHO_MODULES, writes_since
from tests.flow.harness import make_world, open_installation, outbox_states, versions
from tieout.sandbox.world import SandboxWorld

STREAMS = {
    "zoho": ("customers", "deals", "invoices"),
    "kingdee": ("customers", "invoices", "payments", "refunds", "allocations", "credit_limits", "rates"),
}


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

        echoes = Counter(module for module, _ in {(e.entity, e.record_id) for e in writes_since(world, 0)})

        world.clock.advance(600)
        before = world.store.requests.next_no()
        second = service.sync()
        assert second.ok
        assert versions(service) == landed
        assert world.store.effects.last_seq == written
        assert all(stream.counts.new == 0 for pull in second.pulls for stream in pull.streams)
        read = _rows_read(second)
        # Our own writes moved the stamps of these records, and of no others: nothing else may be read again.
        assert read.keys() == {(vendor, stream) for vendor, streams in STREAMS.items() for stream in streams}
        for stream, module in ZOHO_MODULES.items():
            assert 0 < read["zoho", stream] <= echoes[module], f"{stream}: {read}, written: {echoes}"
        assert {key: rows for key, rows in read.items() if key[0] == "kingdee" and rows} == {}
        given = sum(one.rows for one in world.store.requests.since(before) if "/oauth/" not in one.path)
        assert given == sum(read.values()), "what the vendors count as given is what we count as read"
        # One ask per stream, and one of the delete feed per Zoho stream: the echo of each stream fits one page.
        asked = _asked(world, before)
        assert len(asked) == 10 + 3, asked
        assert service.rebuild_check().as_dict()["differences"] == []

        world.clock.advance(600)
        before = world.store.requests.next_no()
        third = service.sync()
        assert third.ok
        assert set(_rows_read(third).values()) == {0}
        asked = _asked(world, before)
        assert len(asked) == 10 + 3, asked
        assert service.rebuild_check().as_dict()["differences"] == []


def _rows_read(synced: Any) -> dict[tuple[str, str], int]:
    """Rows that the pulls of a sync read, by connection and stream."""
    return {(pull.connection, stream.stream): stream.counts.rows for pull in synced.pulls for stream in pull.streams}


def _asked(world: SandboxWorld, before: int) -> list[str]:
    """Every request that both vendors saw since, but for the minting of tokens."""
    since = world.store.requests.since(before)
    return [f"{one.vendor} {one.method} {one.path}" for one in since if "/oauth/" not in one.path]


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
