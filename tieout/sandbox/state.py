"""What the sandbox remembers: documents, the request log and the oracle of effective writes."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from tieout.core import exact_json
from tieout.core.dates import iso_utc
from tieout.sandbox.http import encode

Doc = dict[str, Any]

_SCHEMA = """
create table if not exists docs (
  vendor text not null, collection text not null, id text not null, doc blob not null,
  primary key (vendor, collection, id)) without rowid;
create table if not exists effects (seq integer primary key, doc blob not null);
"""


class Collection:
    """JSON documents by id, in memory with write-through; treat what `get` and `values` give as read-only."""

    def __init__(self, store: SandboxStore, vendor: str, name: str, docs: dict[str, Doc]) -> None:
        self._store = store
        self.vendor = vendor
        self.name = name
        self._docs = docs

    def get(self, doc_id: str) -> Doc | None:
        return self._docs.get(doc_id)

    def put(self, doc_id: str, doc: Doc) -> None:
        self._docs[doc_id] = doc
        if self._store.is_on_disk:
            row = (self.vendor, self.name, doc_id, encode(doc))
            self._store.write("insert or replace into docs values (?,?,?,?)", row)

    def delete(self, doc_id: str) -> bool:
        """Forget a document; False when there was none."""
        if self._docs.pop(doc_id, None) is None:
            return False
        self._store.write("delete from docs where vendor=? and collection=? and id=?", (self.vendor, self.name, doc_id))
        return True

    def values(self) -> list[Doc]:
        return list(self._docs.values())

    def items(self) -> list[tuple[str, Doc]]:
        return list(self._docs.items())

    def __len__(self) -> int:
        return len(self._docs)

    def __contains__(self, doc_id: object) -> bool:
        return doc_id in self._docs


@dataclass(slots=True)
class Effect:
    """One write as the vendor saw it. `kind` is `effective`, or `noop` when nothing changed."""

    seq: int
    at: str
    vendor: str
    operation: str
    entity: str
    record_id: str
    changes: dict[str, list[Any]] = field(default_factory=dict)
    key: str = ""
    request_no: int = 0
    kind: str = "effective"
    actor: str = "api"
    trigger: list[str] | None = None

    def as_doc(self) -> Doc:
        return asdict(self)


class Effects:
    """Append-only list of writes: the oracle that tells whether something was written twice."""

    def __init__(self, store: SandboxStore, loaded: list[Effect]) -> None:
        self._store = store
        self._list = loaded

    def record(
        self,
        at: datetime,
        vendor: str,
        operation: str,
        entity: str,
        record_id: str,
        changes: dict[str, list[Any]],
        *,
        key: str = "",
        request_no: int = 0,
        actor: str = "api",
        trigger: list[str] | None = None,
    ) -> Effect:
        """Append one write; `changes` maps a field to [from, to]; an update without changes is a `noop`.

        `actor` is `api` for calls over HTTP and `user` for changes made as a person would.
        """
        kind = "noop" if operation == "update" and not changes else "effective"
        with self._store.lock:
            effect = Effect(
                len(self._list) + 1,
                iso_utc(at),
                vendor,
                operation,
                entity,
                record_id,
                changes,
                key,
                request_no,
                kind,
                actor,
                trigger,
            )
            self._list.append(effect)
            if self._store.is_on_disk:
                self._store.write("insert into effects values (?,?)", (effect.seq, encode(effect.as_doc())))
        return effect

    def since(self, seq: int = 0) -> list[Effect]:
        """Everything after the given sequence number, oldest first."""
        return self._list[seq:]

    @property
    def last_seq(self) -> int:
        return len(self._list)


@dataclass(slots=True)
class LoggedRequest:
    """One answered request; `credits` in the vendor's own unit, `rows` given or written."""

    no: int
    at: str
    vendor: str
    method: str
    path: str
    status: int
    credits: int
    ms: float
    rows: int
    query: str = ""
    note: str = ""


class RequestLog:
    """The last requests of each vendor, and running totals since the last clear."""

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._rings: dict[str, deque[LoggedRequest]] = {}
        self._no = 0
        self._lock = threading.Lock()

    def next_no(self) -> int:
        """The number under which the coming request will be logged."""
        with self._lock:
            self._no += 1
            return self._no

    def add(self, entry: LoggedRequest) -> None:
        with self._lock:
            self._rings.setdefault(entry.vendor, deque(maxlen=self._size)).append(entry)

    def since(self, no: int = 0, vendor: str | None = None) -> list[LoggedRequest]:
        """Requests with a number above `no`, oldest first."""
        with self._lock:
            rings = [self._rings.get(vendor, deque())] if vendor else list(self._rings.values())
            found = [entry for ring in rings for entry in ring if entry.no > no]
        return sorted(found, key=lambda entry: entry.no)

    def clear(self) -> None:
        with self._lock:
            self._rings.clear()


class SandboxStore:
    """All documents of one sandbox; with a path, a later start goes on where the first was.

    Writes outside `batch()` are committed one by one. SQLite in WAL mode without a sync per commit: state survives a
    killed process, which is what the sandbox promises.
    """

    def __init__(self, path: str | None) -> None:
        self.lock = threading.RLock()
        self._depth = 0
        self._collections: dict[tuple[str, str], Collection] = {}
        self._db: sqlite3.Connection | None = None
        loaded: dict[tuple[str, str], dict[str, Doc]] = {}
        effects: list[Effect] = []
        if path is not None:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=normal")
            self._db.executescript(_SCHEMA)
            for vendor, name, doc_id, raw in self._db.execute("select vendor, collection, id, doc from docs"):
                loaded.setdefault((vendor, name), {})[doc_id] = exact_json.loads_fast(raw)
            for (raw,) in self._db.execute("select doc from effects order by seq"):
                effects.append(Effect(**exact_json.loads_fast(raw)))
        for (vendor, name), docs in loaded.items():
            self._collections[vendor, name] = Collection(self, vendor, name, docs)
        self.effects = Effects(self, effects)
        self.requests = RequestLog()

    @property
    def is_on_disk(self) -> bool:
        """Whether what is written is kept in a file too: until `close`, after which all goes on in memory."""
        return self._db is not None

    def collection(self, vendor: str, name: str) -> Collection:
        """The collection of that vendor and name, made when first asked for."""
        with self.lock:
            found = self._collections.get((vendor, name))
            if found is None:
                found = self._collections[vendor, name] = Collection(self, vendor, name, {})
            return found

    def collections(self, vendor: str) -> list[str]:
        """Names of the vendor's collections."""
        with self.lock:
            return sorted(name for owner, name in self._collections if owner == vendor)

    def is_empty(self) -> bool:
        """Whether nothing was stored yet; a vendor's own bookkeeping (names with `_` first) does not count."""
        with self.lock:
            return not any(len(held) for (_, name), held in self._collections.items() if not name.startswith("_"))

    def next_number(self, vendor: str, name: str, start: int) -> int:
        """The next number of a persistent counter whose first value is `start`."""
        with self.lock:
            counters = self.collection(vendor, "_counters")
            doc = counters.get(name)
            number = start if doc is None else int(doc["next"])
            counters.put(name, {"next": number + 1})
            return number

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Write many documents in one transaction; nesting is allowed, other threads wait."""
        with self.lock:
            if self._depth == 0 and self._db is not None:
                self._db.execute("begin immediate")
            self._depth += 1
            try:
                yield
            finally:
                # Committed even after an error: memory already holds the writes, and the two must not differ.
                self._depth -= 1
                if self._depth == 0 and self._db is not None:
                    self._db.execute("commit")

    def write(self, sql: str, parameters: tuple[Any, ...]) -> None:
        """Run one write-through statement (used by the collections and the oracle)."""
        if self._db is not None:
            with self.lock:
                self._db.execute(sql, parameters)

    def close(self) -> None:
        with self.lock:
            if self._db is not None:
                self._db.close()
                self._db = None
