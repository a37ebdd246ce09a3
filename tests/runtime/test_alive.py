"""The health checks of processes that answer no requests."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

import worker
from sync.alive import SCHEDULER, scheduler_lives, worker_lives
from tests.runtime.test_worker import ROOT, start, wait_until
from tieout.cli import alive
from tieout.core.clock import SystemClock
from tieout.store import leases
from tieout.store.session import make_engine

NOBODY = "postgresql+psycopg://x:hidden@127.0.0.1:1/x"


def test_a_worker_lives_until_it_is_gone_and_only_that_of_its_queue_and_host(redis_url: str) -> None:
    host = socket.gethostname()
    assert not worker_lives(redis_url, "fast", host)
    child = start(redis_url, "fast")
    try:
        assert wait_until(lambda: worker_lives(redis_url, "fast", host))
        assert not worker_lives(redis_url, "bulk", host)
        assert not worker_lives(redis_url, "fast", "another container")
        child.kill()
        child.wait()
        with worker.connect(redis_url) as connection:
            (entry,) = [key for key in connection.keys("rq:worker:*") if connection.type(key) == b"hash"]
            assert 0 < connection.ttl(entry) <= worker.WORKER_TTL + 60, "the sign of a dead worker stays too long"
            connection.pexpire(entry, 1)
        time.sleep(0.05)
        assert not worker_lives(redis_url, "fast", host)
    finally:
        child.kill()
        child.wait()


def test_the_scheduler_lives_while_it_renews_its_lead(engine_url: str) -> None:
    engine = make_engine(engine_url)
    clock = SystemClock()
    assert not scheduler_lives(engine_url, clock.now())
    lease = leases.acquire(engine, SCHEDULER, "own_1", ttl_seconds=15, clock=clock)
    assert lease is not None
    assert scheduler_lives(engine_url, clock.now())
    assert not scheduler_lives(engine_url, clock.now() + timedelta(seconds=16)), "it hangs"
    leases.release(engine, lease)
    assert not scheduler_lives(engine_url, clock.now())
    engine.dispose()


def _check(folder: Path, redis_url: str, database_url: str, *names: str) -> subprocess.CompletedProcess[str]:
    config = folder / "tieout.toml"
    config.write_text(
        f'[tieout]\nhome = "{folder}"\ndatabase_url = "{database_url}"\nredis_url = "{redis_url}"\n'
        '[companies.cn]\nname = "C"\nfunctional_currency = "CNY"\ntimezone = "Asia/Shanghai"\n',
        encoding="utf-8",
    )
    return subprocess.run(
        [sys.executable, "-m", alive.__name__, *names],
        cwd=ROOT, text=True, capture_output=True, check=False, timeout=60,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "TIEOUT_CONFIG": str(config), "TIEOUT_SECRET_KEY": "a test key"},
    )  # fmt: skip


def test_the_program_ends_with_0_only_for_a_process_that_lives(tmp_path: Path, redis_url: str, engine_url: str) -> None:
    silent = _check(tmp_path, redis_url, engine_url, "scheduler")
    assert (silent.returncode, silent.stderr) == (1, "scheduler shows no sign of life\n")
    engine = make_engine(engine_url)
    assert leases.acquire(engine, SCHEDULER, "own_1", ttl_seconds=60, clock=SystemClock()) is not None
    engine.dispose()
    lives = _check(tmp_path, redis_url, engine_url, "scheduler")
    assert (lives.returncode, lives.stderr) == (0, "")
    assert _check(tmp_path, redis_url, engine_url, "fast").returncode == 1
    assert _check(tmp_path, redis_url, engine_url, "slow").returncode == 2


@pytest.mark.parametrize("name", ["fast", "scheduler"])
def test_what_cannot_be_reached_is_no_sign_of_life_and_no_secret_is_told(tmp_path: Path, name: str) -> None:
    found = _check(tmp_path, "redis://:hidden@127.0.0.1:1/0", NOBODY, name)
    assert found.returncode == 1
    assert found.stderr.strip()
    assert "hidden" not in found.stderr
    assert "Traceback" not in found.stderr
