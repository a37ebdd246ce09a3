"""The embedded queue server: private, durable, gone when told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tieout.core.clock import SystemClock
from tieout.core.config import parse
from tieout.runtime import valkey
from tieout.runtime.processes import Supervisor


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path


@pytest.fixture
def tree() -> Iterator[Supervisor]:
    supervisor = Supervisor(SystemClock())
    yield supervisor
    supervisor.stop()


def url_of(home: Path) -> str:
    return parse(f'[tieout]\nhome = "{home}"', home / "tieout.toml", environ={}).redis_url


def test_it_keeps_its_data_over_a_restart_and_never_evicts(home: Path, tree: Supervisor) -> None:
    url = url_of(home)
    tree.start(valkey.program(home, url))
    assert tree.run(lambda: valkey.answers(url), timeout=20)
    with valkey.client(url) as client:
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert client.config_get("appendfsync")["appendfsync"] == "everysec"
        assert client.config_get("port")["port"] == "0"
        client.set("bell", "rung")
    tree.stop()
    assert not valkey.answers(url)
    again = Supervisor(SystemClock())
    try:
        again.start(valkey.program(home, url))
        assert again.run(lambda: valkey.answers(url), timeout=20)
        with valkey.client(url) as client:
            assert client.get("bell") == b"rung"
    finally:
        again.stop()


def test_a_server_left_by_a_killed_run_is_ended(home: Path, tree: Supervisor) -> None:
    url = url_of(home)
    assert not valkey.end_leftover(url)
    child = tree.start(valkey.program(home, url))
    assert tree.run(lambda: valkey.answers(url), timeout=20)
    pid = child.pid
    assert valkey.end_leftover(url)
    assert tree.run(lambda: child.pid not in (pid, None) and valkey.answers(url), timeout=20)


def test_a_long_home_gets_a_short_private_socket(home: Path, tree: Supervisor) -> None:
    deep = home / ("long-" * 18) / "home"
    (deep / "logs").mkdir(parents=True)
    url = url_of(deep)
    socket = Path(url.removeprefix("unix://"))
    assert len(os.fsencode(socket)) < 104
    tree.start(valkey.program(deep, url))
    assert tree.run(lambda: valkey.answers(url), timeout=20)
    assert socket.parent.stat().st_mode & 0o777 == 0o700
    assert (deep / "valkey" / "appendonlydir").is_dir()
    tree.stop()
    socket.parent.rmdir()


def test_a_silent_address_is_no_server(home: Path) -> None:
    assert not valkey.answers(url_of(home))
    with pytest.raises(redis.ConnectionError):
        valkey.client(url_of(home)).ping()
