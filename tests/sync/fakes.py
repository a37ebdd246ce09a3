"""A remote that lives in the test's process and a context whose connector speaks to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from sync.context import Context
from tieout.core import config as configuration
from tieout.core.clock import Clock, ManualClock
from tieout.core.crypto import Sealer
from tieout.core.errors import TieoutError, UnknownOutcome
from tieout.core.ids import Ids, SeededIds
from tieout.core.ports import (
    Channel,
    Connector,
    Cursor,
    Finding,
    IdPage,
    Page,
    Receipt,
    RemoteChange,
    Seen,
    SourceRow,
    SourceTotal,
    StreamInfo,
    WritableField,
)
from tieout.core.versions import SourceVersion
from tieout.store import connections as connection_store

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
CONFIG = """
[tieout]
home = "{home}"
database_url = "{url}"
redis_url = "{redis}"
secret_key = "a key for tests"
public_url = "https://tieout.example"
[companies.cn]
name = "示例"
functional_currency = "CNY"
timezone = "Asia/Shanghai"
book_of_record = "zoho"
[connections.zoho]
vendor = "zoho_crm"
client_id = "c"
client_secret = "s"
refresh_token = "r"
company = "cn"
interval = "5m"
push_mode = "auto"
timeout_seconds = 10.0
{more}
"""


@dataclass
class Remote:
    """Records by module and id, an oracle of effective writes, and answers that can be scripted."""

    records: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    effects: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    by_key: dict[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[str, str]] = field(default_factory=dict)  # remote id -> outcome, code; used once
    raises: list[TieoutError] = field(default_factory=list)
    lose_reply: int = 0  # this many writes are applied and their answer lost
    writes: list[int] = field(default_factory=list)  # rows per write call
    reads: int = 0
    fetched: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    fetch_errors: list[TieoutError] = field(default_factory=list)
    stamps: dict[str, datetime] = field(default_factory=dict)
    guarded: list[tuple[str, datetime]] = field(default_factory=list)
    channels: dict[str, Channel] = field(default_factory=dict)

    def write(self, changes: Sequence[RemoteChange]) -> list[Receipt]:
        self.writes.append(len(changes))
        if self.raises:
            raise self.raises.pop(0)
        out = [self._one(change) for change in changes]
        if self.lose_reply:
            self.lose_reply -= 1
            raise UnknownOutcome("the answer was lost")
        return out

    def _one(self, change: RemoteChange) -> Receipt:
        if change.if_unmodified_since is not None:
            self.guarded.append((change.remote_id, change.if_unmodified_since))
        scripted = self.answers.pop(change.remote_id or change.key, None)
        if scripted is not None:
            return Receipt(change.change_id, scripted[0], change.remote_id, scripted[1], "told so")  # type: ignore[arg-type]
        if change.operation == "create":
            # No unique field helps here: a create that is sent twice makes two records.
            self.effects.append((change.module, change.key, dict(change.fields)))
            self.by_key.setdefault(change.key, f"t{len(self.effects)}")
            return Receipt(change.change_id, "done", self.by_key[change.key])
        record = self.records.setdefault((change.module, change.remote_id), {})
        moved = {name: value for name, value in change.fields.items() if record.get(name) != value}
        if moved:
            self.effects.append((change.module, change.remote_id, moved))
            record.update(moved)
        return Receipt(change.change_id, "done", change.remote_id)

    def read_back(self, changes: Sequence[RemoteChange]) -> list[Seen]:
        self.reads += 1
        if self.raises:
            raise self.raises.pop(0)
        out = []
        for change in changes:
            if change.operation == "create":
                found = self.by_key.get(change.key, "")
                out.append(Seen(change.module, found, bool(found), {}))
                continue
            record = self.records.setdefault((change.module, change.remote_id), {})
            stamp = self.stamps.get(change.remote_id)
            out.append(
                Seen(change.module, change.remote_id, True, {name: record.get(name) for name in change.fields}, stamp)
            )
        return out

    def fetch(self, stream: str, ids: Sequence[str]) -> list[tuple[str, str]]:
        """(id, content) of the records asked for."""
        self.fetched.append((stream, tuple(ids)))
        if self.fetch_errors:
            raise self.fetch_errors.pop(0)
        return [(key, repr(sorted(self.records.get(("Invoices", key), {}).items()))) for key in ids]

    def ensure_channel(self, notify_url: str, token: str, now: datetime, current: Channel | None) -> Channel:
        from datetime import timedelta

        if self.raises:
            raise self.raises.pop(0)
        channel = Channel("100", token, notify_url, now + timedelta(days=6, hours=23), ["Invoices.all"])
        self.channels[channel.channel_id] = channel
        return channel


class FakeConnector:
    """The connector protocol over a Remote, here or in another process."""

    def __init__(self, remote: Any, clock: Clock) -> None:
        self.remote, self.clock, self.is_closed = remote, clock, False

    def streams(self) -> Sequence[StreamInfo]:
        return [
            StreamInfo("invoices", "Invoices", "claim", writable=True),
            StreamInfo("customers", "Accounts", "party", writable=True),
        ]

    def write(self, changes: Sequence[RemoteChange]) -> list[Receipt]:
        return list(self.remote.write(changes))

    def read_back(self, changes: Sequence[RemoteChange]) -> list[Seen]:
        return list(self.remote.read_back(changes))

    def fetch(self, stream: str, external_ids: Sequence[str]) -> Page:
        now = self.clock.now()
        rows = [
            SourceRow(key, SourceVersion(now, None, now), b'{"id":"' + key.encode() + b'"}', content)
            for key, content in self.remote.fetch(stream, list(external_ids))
        ]
        return Page(rows, [], None)

    def read(self, stream: str, cursor: Cursor, resume: Mapping[str, Any] | None = None) -> Iterator[Page]:
        return iter(())

    def next_cursor(self, stream: str, cursor: Cursor, started_at: datetime, seen: Mapping[str, Any]) -> Cursor:
        return Cursor(started_at)

    def deleted(self, stream: str, cursor: Cursor, resume: Mapping[str, Any] | None = None) -> Iterator[Page]:
        return iter(())

    def ids(self, stream: str, resume: Mapping[str, Any] | None = None) -> Iterator[IdPage]:
        return iter(())

    def totals(self) -> Iterator[Sequence[SourceTotal]]:
        return iter(())

    def check(self) -> list[Finding]:
        return []

    def setup(self, fields: Sequence[WritableField], *, dry_run: bool) -> list[Finding]:
        return []

    def ensure_channel(self, notify_url: str, token: str, now: datetime, current: Channel | None = None) -> Channel:
        made: Channel = self.remote.ensure_channel(notify_url, token, now, current)
        return made

    def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeContext(Context):
    """A context whose connector speaks to `remote`."""

    remote: Any = None

    def connector(self, name: str, lane: str = "bulk") -> Connector:
        return FakeConnector(self.remote, self.clock)


def make_context(
    engine: Engine, url: str, home: Path, *, clock: Clock | None = None, ids: Ids | None = None, redis: str = "",
    more: str = "", remote: Any = None,
) -> FakeContext:  # fmt: skip
    """A context over a fake remote; without `redis` the queue server is absent."""
    import connectors

    text = CONFIG.format(home=home, url=url, redis=redis, more=more)
    config = configuration.parse(text, home / "tieout.toml", environ={}, vendor_settings=connectors.check_settings)
    connection_store.ensure(engine, {name: conf.vendor for name, conf in config.connections.items()})
    return FakeContext(
        config, engine, clock or ManualClock(NOW), ids or SeededIds(5), Sealer(["k"]), remote=remote or Remote()
    )


# ------------------------------------------------------------------ the remote in another process' life
class _Proxy:
    """Calls a Remote in the process that serves it."""

    def __init__(self, address: str) -> None:
        self._link: Connection = Client(address, "AF_UNIX")

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            self._link.send((name, args))
            kind, value = self._link.recv()
            if kind == "raised":
                raise value
            return value

        return call


@contextmanager
def served(remote: Remote, folder: Path) -> Iterator[str]:
    """Serve a Remote to forked children over a socket; answers the address for `_Proxy`."""
    address = str(folder / "remote.sock")
    listener = Listener(address, "AF_UNIX")

    def talk(link: Connection) -> None:
        try:
            while True:
                name, args = link.recv()
                try:
                    answer = ("ok", getattr(remote, name)(*args))
                except TieoutError as error:
                    answer = ("raised", error)
                link.send(answer)
        except (EOFError, OSError):
            link.close()

    def accept() -> None:
        while True:
            try:
                link = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(link,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield address
    finally:
        listener.close()


def proxy(address: str) -> Any:
    """The remote as a child process sees it."""
    return _Proxy(address)
