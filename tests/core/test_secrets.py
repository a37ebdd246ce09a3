"""Secrets are sealed to their place, logs show none, ids sort and fault points are known."""

from __future__ import annotations

import io
import os
import signal
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.core import crypto, faults, logging
from tieout.core.clock import ManualClock, SystemClock
from tieout.core.crypto import Sealer
from tieout.core.errors import ConfigError, HomeError, SourceError, TieoutError
from tieout.core.ids import RandomIds, SeededIds

KEY, OTHER = "a long enough secret key", "another secret key"


@given(st.text(max_size=200), st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40))
def test_what_is_sealed_opens_at_its_place_only(text: str, place: str) -> None:
    sealer = Sealer([KEY])
    sealed = sealer.seal(text, place)
    assert sealer.open(sealed, place) == text
    with pytest.raises(ConfigError, match="was found at"):
        sealer.open(sealed, place + "x")


def test_a_new_key_opens_what_the_old_one_sealed_and_rotates_it() -> None:
    sealed = Sealer([OTHER]).seal("refresh", "tokens/zoho")
    both = Sealer([KEY, OTHER])
    assert both.open(sealed, "tokens/zoho") == "refresh"
    rotated = both.rotate(sealed)
    assert Sealer([KEY]).open(rotated, "tokens/zoho") == "refresh"
    with pytest.raises(ConfigError, match="cannot be opened with this key"):
        Sealer([KEY]).open(sealed, "tokens/zoho")


def test_digests_are_keyed_and_are_known_while_keys_rotate() -> None:
    both = Sealer([KEY, OTHER])
    assert both.macs("x") == (Sealer([KEY]).mac("x"), Sealer([OTHER]).mac("x"))
    assert both.mac("x") == Sealer([KEY]).mac("x"), "new digests are made with the newest key"
    assert Sealer([KEY]).mac("x") != Sealer([OTHER]).mac("x")
    assert crypto.same("abc", "abc")
    assert not crypto.same("abc", "abd")
    assert len(crypto.sha256_hex("tok_x")) == 64


def test_no_key_is_one_clear_line() -> None:
    with pytest.raises(ConfigError, match="no secret key") as caught:
        Sealer([])
    assert "TIEOUT_SECRET_KEY" in caught.value.hint


def test_the_home_key_is_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    key = crypto.home_key(path)
    assert crypto.home_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    Sealer([key])
    with pytest.raises(HomeError, match="cannot write the secret key"):
        crypto.home_key(tmp_path / "none" / "secret.key")


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
