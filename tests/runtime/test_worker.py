"""The RQ worker: one queue, JSON jobs, short leases, an orderly end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis
from rq import Queue
from rq.job import Job

import worker
from sync import jobs, working

ROOT = Path(__file__).parents[2]
CHILD = (
    "import sys, worker\nconnection = worker.connect(sys.argv[1])\n"
    "worker.build_worker(sys.argv[2], connection).work(logging_level='WARNING')"
)


def start(url: str, queue: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", CHILD, url, queue], cwd=ROOT, text=True)


def wait_until(what: object, seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def test_a_worker_takes_jobs_of_its_own_queue_only(redis_url: str, tmp_path: Path) -> None:
    with worker.connect(redis_url) as connection:
        mine, other = (Queue(name, connection=connection, serializer="json") for name in worker.QUEUES)
        job = mine.enqueue("math.gcd", 12, 18)
        mine.enqueue("os.mkdir", str(tmp_path / "mine"))
        other.enqueue("os.mkdir", str(tmp_path / "other"))
        worker.build_worker("fast", connection).work(burst=True, logging_level="WARNING")
        assert (tmp_path / "mine").is_dir()
        assert not (tmp_path / "other").exists()
        assert other.count == 1
        assert job.return_value() == 6


def test_jobs_are_json_not_pickle(redis_url: str) -> None:
    import zlib

    with worker.connect(redis_url) as connection:
        job = Queue("fast", connection=connection, serializer="json").enqueue("math.gcd", 12, 18)
        raw = connection.hget(Job.key_for(job.id), "data")
        assert isinstance(raw, bytes)
        assert json.loads(zlib.decompress(raw))[0] == "math.gcd"


def test_recovery_does_not_wait_for_minutes(redis_url: str) -> None:
    with worker.connect(redis_url) as connection:
        built = worker.build_worker("fast", connection)
        assert [queue.name for queue in built.queues] == ["fast"]
        assert built.worker_ttl <= 60
        assert built.maintenance_interval <= 30
        assert built.job_monitoring_interval <= 10


def test_a_lost_reply_is_not_asked_again(redis_url: str) -> None:
    with worker.connect(redis_url) as connection:
        retry = connection.get_connection_kwargs()["retry"]
        assert retry.get_retries() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_ends_at_once_and_signs_off(redis_url: str, number: signal.Signals) -> None:
    from rq import Worker

    with worker.connect(redis_url) as connection, start(redis_url, "bulk") as process:
        assert wait_until(lambda: [one.get_state() for one in Worker.all(connection=connection)] == ["idle"])
        process.send_signal(number)
        assert process.wait(5) == 0
        assert wait_until(lambda: Worker.count(connection=connection) == 0, 2)


def test_a_job_taken_before_a_kill_is_not_lost(redis_url: str) -> None:
    """It stays known to RQ, under its own registry: listening to one queue moves it, never pops it."""
    with worker.connect(redis_url) as connection, start(redis_url, "fast") as process:
        queue = Queue("fast", connection=connection, serializer="json")
        job = queue.enqueue("time.sleep", 30)
        assert wait_until(lambda: job.get_status(refresh=True) == "started")
        process.kill()
        process.wait(5)
        assert job.get_status(refresh=True) == "started"
        assert job.id in queue.started_job_registry.get_job_ids(cleanup=False)


def test_a_worker_goes_on_after_the_queue_server_went_away(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RQ's own loop ends where a server goes away during a job: it quits, or its last word is not heard."""
    made: list[Stub] = []

    class Stub:
        def __init__(self) -> None:
            made.append(self)
            self.is_asked_to_end = len(made) == 3

        def work(self, **_: object) -> None:
            if len(made) == 1:
                raise redis.ConnectionError("gone")

    monkeypatch.setattr(worker, "build_worker", lambda *_: Stub())
    monkeypatch.setattr(working, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(jobs, "_config", None)
    config = SimpleNamespace(redis_url=redis_url)
    worker.main("fast", config)  # type: ignore[arg-type]  # all it asks of a configuration
    assert len(made) == 3
    made.clear()
    worker.main("fast", config, burst=True)  # type: ignore[arg-type]  # as above
    assert len(made) == 1
    config.redis_url = "unix:///nowhere/at/all.sock"
    with pytest.raises(redis.RedisError):
        worker.main("fast", config)  # type: ignore[arg-type]  # as above
