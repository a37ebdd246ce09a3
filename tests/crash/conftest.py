"""One vendors' process per test process, and the stored states of both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.crash.clock import SharedTime
from tests.crash.databases import PostgresDatabases, SqliteFiles
from tests.crash.matrix import Matrix
from tests.crash.vendors import Vendors
from tests.postgres import Pool


@pytest.fixture(scope="session")
def shared_time() -> SharedTime:
    return SharedTime()


@pytest.fixture(scope="session")
def vendors(tmp_path_factory: pytest.TempPathFactory, shared_time: SharedTime) -> Iterator[Vendors]:
    made = Vendors(tmp_path_factory.mktemp("vendors"), shared_time)
    yield made
    made.close()


@pytest.fixture(scope="session")
def _sqlite_matrix(
    tmp_path_factory: pytest.TempPathFactory,
    _sqlite_template: Path,
    vendors: Vendors,
    shared_time: SharedTime,
    redis_server: str,
) -> Iterator[Matrix]:
    folder = tmp_path_factory.mktemp("crash")
    blank = f"sqlite:///{_sqlite_template}"
    made = Matrix(folder, SqliteFiles(folder), blank, vendors, redis_server, shared_time)
    yield made
    made.close()


@pytest.fixture(scope="session")
def _postgresql_matrix(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_pool: Pool,
    vendors: Vendors,
    shared_time: SharedTime,
    redis_server: str,
) -> Iterator[Matrix]:
    folder = tmp_path_factory.mktemp("crash")
    databases = PostgresDatabases(postgres_pool)
    made = Matrix(folder, databases, postgres_pool.template.url, vendors, redis_server, shared_time)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def matrix(request: pytest.FixtureRequest, redis_server: str) -> Matrix:
    """The stages on each engine, with an empty queue server."""
    client = redis.Redis.from_url(redis_server)
    client.flushdb()
    client.close()
    found: Matrix = request.getfixturevalue(f"_{request.param}_matrix")
    return found
