"""The sandbox's clock and memory."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from tieout.core.clock import SystemClock
from tieout.sandbox.clock import SandboxClock
from tieout.sandbox.state import LoggedRequest, RequestLog, SandboxStore

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_frozen_clock_moves_only_when_told() -> None:
    clock = SandboxClock(START, running=False)
    SystemClock().sleep(0.01)
    assert clock.now() == START
    clock.advance(90)
    assert clock.now() == START + timedelta(seconds=90)
    clock.set(datetime(2026, 4, 1, 8, tzinfo=timezone(timedelta(hours=8))))
    assert clock.now() == datetime(2026, 4, 1, tzinfo=UTC)
    with pytest.raises(ValueError):
        clock.advance(-1)
    with pytest.raises(ValueError):
        clock.set(datetime(2026, 4, 1))


def test_a_running_clock_runs_and_can_be_frozen_and_set_running() -> None:
    clock = SandboxClock(START)
    SystemClock().sleep(0.02)
    first = clock.now()
    assert first > START
    clock.freeze()
    held = clock.now()
    SystemClock().sleep(0.02)
    assert clock.now() == held
    clock.run()
    SystemClock().sleep(0.02)
    assert held < clock.now() < held + timedelta(seconds=30)


def test_documents_effects_and_counters_survive_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "s.db")
    store = SandboxStore(path)
    store.collection("zoho", "_fields").put("f", {})
    assert store.is_empty()
    with store.batch():
        for n in range(3):
            store.collection("zoho", "Accounts").put(
                str(n), {"id": str(n), "sum": Decimal("12345678901234567.89"), "名": "甲"}
            )
        with store.batch():
            store.collection("kingdee", "BD").put("x", {"a": None})
    store.collection("zoho", "Accounts").put("1", {"id": "1"})
    assert store.collection("zoho", "Accounts").delete("2") is True
    assert store.collection("zoho", "Accounts").delete("2") is False
    assert [store.next_number("zoho", "n", 7) for _ in range(2)] == [7, 8]
    store.effects.record(START, "zoho", "update", "Accounts", "1", {"a": [None, Decimal("1.10")]}, key="k", trigger=[])
    store.effects.record(START, "zoho", "update", "Accounts", "1", {})
    store.close()

    again = SandboxStore(path)
    accounts = again.collection("zoho", "Accounts")
    assert dict(accounts.items()) == {
        "0": {"id": "0", "sum": Decimal("12345678901234567.89"), "名": "甲"},
        "1": {"id": "1"},
    }
    assert (len(accounts), "0" in accounts, accounts.get("2")) == (2, True, None)
    assert again.collections("kingdee") == ["BD"]
    assert again.next_number("zoho", "n", 7) == 9
    first, second = again.effects.since(0)
    assert (first.kind, first.changes, first.key, first.trigger) == (
        "effective",
        {"a": [None, Decimal("1.10")]},
        "k",
        [],
    )
    assert (second.kind, second.seq, again.effects.last_seq) == ("noop", 2, 2)
    assert again.effects.since(1) == [second]
    assert not again.is_empty()
    again.close()


def test_a_batch_that_fails_keeps_memory_and_file_equal(tmp_path: Path) -> None:
    path = str(tmp_path / "s.db")
    store = SandboxStore(path)

    def half() -> None:
        with store.batch():
            store.collection("v", "c").put("1", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert "1" in store.collection("v", "c")
    store.close()
    assert "1" in SandboxStore(path).collection("v", "c")


def test_threads_may_write_at_once(tmp_path: Path) -> None:
    store = SandboxStore(str(tmp_path / "s.db"))

    def work(name: str) -> None:
        for n in range(50):
            with store.batch():
                store.collection("v", name).put(str(n), {"no": store.next_number("v", "shared", 0)})

    threads = [threading.Thread(target=work, args=(f"c{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [doc["no"] for n in range(4) for doc in store.collection("v", f"c{n}").values()]
    assert sorted(numbers) == list(range(200))
    store.close()


def test_the_request_log_is_a_ring_per_vendor() -> None:
    log = RequestLog(size=2)
    for vendor in ("a", "a", "b", "a"):
        log.add(LoggedRequest(log.next_no(), "", vendor, "GET", "/", 200, 1, 0.1, 0))
    assert [entry.no for entry in log.since(0)] == [2, 3, 4]
    assert [entry.no for entry in log.since(2, "a")] == [4]
    log.clear()
    assert log.since(0) == []
    assert log.next_no() == 5
