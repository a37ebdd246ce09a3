"""One mint however many ask; the vendor's mint limit is never used up; other credentials start anew."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from tieout.core import faults
from tieout.core.clock import Clock, ManualClock, SystemClock
from tieout.core.crypto import Sealer
from tieout.core.errors import AuthError, RateLimited
from tieout.core.ids import RandomIds, SeededIds
from tieout.core.ports import Token
from tieout.store.session import make_engine
from tieout.store.tables import tokens
from tieout.store.tokens import SqlTokenStore

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
SEALER = Sealer(["a key for tests"])


def store(engine: Engine, clock: Clock, digest: str = "d1") -> SqlTokenStore:
    return SqlTokenStore(engine, SEALER, "zoho", clock, SeededIds(3), config_digest=digest)


class Vendor:
    def __init__(self, clock: Clock) -> None:
        self.clock, self.minted, self.lock = clock, 0, threading.Lock()

    def mint(self) -> Token:
        self.clock.sleep(0.05)
        with self.lock:
            self.minted += 1
            return Token(
                f"1000.secret{self.minted}", self.clock.now() + timedelta(hours=1), {"api_domain": "https://a.example"}
            )


def test_the_token_is_shared_and_sealed(engine: Engine) -> None:
    clock = ManualClock(NOW)
    vendor = Vendor(clock)
    assert store(engine, clock).current() is None
    first = store(engine, clock).refresh(None, vendor.mint)
    again = store(engine, clock).current()
    assert again is not None
    assert (again.value, again.extra, again.generation) == (first.value, {"api_domain": "https://a.example"}, 1)
    assert store(engine, clock).refresh(None, vendor.mint).value == first.value
    assert vendor.minted == 1
    with engine.connect() as conn:
        row = conn.execute(select(tokens)).one()
    assert "secret" not in str(row)


def test_a_refused_token_is_renewed_once_and_a_lapsed_one_too(engine: Engine) -> None:
    clock = ManualClock(NOW)
    vendor = Vendor(clock)
    shared = store(engine, clock)
    first = shared.refresh(None, vendor.mint)
    second = shared.refresh(first, vendor.mint)
    assert second.generation == 2
    assert shared.refresh(first, vendor.mint).value == second.value  # somebody else was faster
    clock.advance(3600)
    assert shared.refresh(second, vendor.mint).generation == 3
    assert vendor.minted == 3


def test_changed_credentials_start_anew_with_a_mint_limit_of_their_own(engine: Engine) -> None:
    clock = ManualClock(NOW)
    vendor = Vendor(clock)
    token: Token | None = None
    for _ in range(8):
        token = store(engine, clock).refresh(token, vendor.mint)
    assert store(engine, clock, "d2").current() is None
    assert store(engine, clock, "d2").refresh(None, vendor.mint).generation == 9
    assert store(engine, clock, "d1").current() is None


def test_eight_threads_mint_once(engine: Engine) -> None:
    clock = SystemClock()
    vendor = Vendor(clock)
    stale = store(engine, clock).refresh(None, vendor.mint)
    got: list[Token] = []
    start = threading.Barrier(8)

    def ask(number: int) -> None:
        mine = SqlTokenStore(engine, SEALER, "zoho", clock, RandomIds(clock), config_digest="d1")
        start.wait()
        got.append(mine.refresh(stale, vendor.mint))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert vendor.minted == 2
    assert {token.value for token in got} == {"1000.secret2"}


def test_the_mint_limit_leaves_room_and_counts_failures(engine: Engine) -> None:
    clock = ManualClock(NOW)

    def refuse() -> Token:
        raise AuthError("invalid_code")

    for _ in range(8):
        with pytest.raises(AuthError):
            store(engine, clock).refresh(None, refuse)
        clock.advance(1)
    with pytest.raises(RateLimited) as told:
        store(engine, clock).refresh(None, refuse)
    assert told.value.retry_at == NOW + timedelta(minutes=10)
    clock.set(NOW + timedelta(minutes=10, seconds=1))
    assert store(engine, clock).refresh(None, Vendor(clock).mint).value == "1000.secret1"


@pytest.mark.parametrize("occurrence", [1, 2])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_kill_while_saving_leaves_a_store_that_goes_on(
    engine: Engine, engine_url: str, side: str, occurrence: int
) -> None:
    child = os.fork()
    if child == 0:
        mine = make_engine(engine_url)
        clock = ManualClock(NOW)
        faults.kill_at(f"{side}:token.save", occurrence)
        store(mine, clock).refresh(None, Vendor(clock).mint)
        os._exit(7)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 9
    clock = ManualClock(NOW)
    vendor = Vendor(clock)
    token = store(engine, clock).refresh(None, vendor.mint)  # waits until the dead one's lease has run out
    assert token.value == "1000.secret1"
    assert vendor.minted == (0 if (side, occurrence) == ("after", 2) else 1)
    assert clock.now() - NOW < timedelta(seconds=95)
