"""Logs show no secrets, ids sort and fault points are known."""

from __future__ import annotations

import io
import os
import signal
from datetime import UTC, datetime, timedelta

import pytest

from tieout.core import faults, logging
from tieout.core.clock import ManualClock, SystemClock
from tieout.core.errors import SourceError, TieoutError
from tieout.core.ids import RandomIds, SeededIds

KEY, OTHER = "a long enough secret key", "another secret key"


@pytest.mark.parametrize(
    "secret",
    [
        "Bearer abcdef123456",
        "Zoho-oauthtoken 1000.8cb99dxxxxxxxxxxx9be93.9b8xxxxxxxxxxxxxxxf",
        "1000.8cb99d0123456789.9b8f0123456789ab",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.s5dH1",
        "finance@example.com",
        "tok_0123456789abcdefghij",
    ],
)
def test_secrets_are_taken_out_of_log_lines_by_shape_and_by_key(secret: str) -> None:
    sink = io.StringIO()
    logging.configure(json_lines=True, stream=sink)
    log = logging.get("test")
    log.warning("seen", detail=f"got {secret} here", refresh_token="canary-by-key", cookie={"a": "canary-by-key"})
    logging.configure()
    said = sink.getvalue()
    assert secret not in said
    assert "canary-by-key" not in said
    assert "[redacted]" in said
    assert '"room": "test"' in said


def test_control_characters_cannot_forge_log_lines() -> None:
    assert logging.redact("a\x1b[2Jb\x00") == "a\\x1b[2Jb\\x00"


def test_ids_sort_by_time_and_never_repeat() -> None:
    clock = ManualClock(datetime(2026, 11, 1, tzinfo=UTC))
    ids = RandomIds(clock)
    made = []
    for _ in range(200):
        made.append(ids.new("inv"))
        clock.advance(0.001)
    assert made == sorted(made)
    assert len(set(made)) == 200
    assert all(len(name) == len("inv_") + 22 for name in made)
    assert ids.token() != ids.token()
    assert 0 <= ids.jitter() < 1


def test_seeded_ids_repeat_exactly() -> None:
    def draw(seed: int) -> list[object]:
        ids = SeededIds(seed)
        return [ids.new("inv"), ids.new("pay"), ids.token(8), ids.jitter()]

    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


def test_clocks() -> None:
    clock = ManualClock(datetime(2026, 11, 1, tzinfo=UTC))
    clock.sleep(90)
    assert clock.now() == datetime(2026, 11, 1, 0, 1, 30, tzinfo=UTC)
    assert clock.monotonic() == 90
    clock.set(datetime(2026, 12, 1, tzinfo=UTC))
    assert clock.monotonic() == 90
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 11, 1))
    system = SystemClock()
    assert system.now().utcoffset() == timedelta(0)
    before = system.monotonic()
    system.sleep(0.01)
    system.sleep(-1)
    assert system.monotonic() - before >= 0.01


def test_only_listed_fault_points_can_be_passed() -> None:
    passed: list[str] = []
    faults.hit("before:landing.commit")
    faults.set_hook(passed.append)
    try:
        faults.hit("before:landing.commit")
    finally:
        faults.set_hook(None)
    assert passed == ["before:landing.commit"]
    with pytest.raises(AssertionError, match="unlisted"):
        faults.hit("before:nothing")
    with pytest.raises(ValueError, match="unknown fault point"):
        faults.kill_at("nothing")


def test_a_kill_comes_at_the_named_occurrence() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        faults.kill_at("after:run.commit", occurrence=2)
        for mark in (b"1", b"2"):
            os.write(writer, mark)
            faults.hit("before:run.commit")
            faults.hit("after:run.commit")
        os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert os.read(reader, 10) == b"12"
    os.close(reader)


def test_errors_say_what_and_what_to_do() -> None:
    error = TieoutError("the port is taken.", hint="Choose another.", code="port")
    assert str(error) == "the port is taken. Choose another."
    assert error.code == "port"
    source = SourceError("no", connection="zoho", stream="deals", external_id="1")
    assert (source.code, source.connection, source.stream, source.external_id) == ("source", "zoho", "deals", "1")
