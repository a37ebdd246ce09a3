"""Landing: source rows become versions in the input log, in the caller's transaction together with the cursor."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, func, select, update

from tieout.core import exact_json
from tieout.core.ports import BadRow, SourceRow
from tieout.core.versions import Newer, SourceVersion, compare
from tieout.store.among import among, among_given
from tieout.store.bulk import insert_new, insert_rows, put_rows
from tieout.store.session import is_sqlite, lock_rows
from tieout.store.tables import dirty, inputs, payloads, pending, remote_seen, source_records
from tieout.store.upsert import touch, upsert

DELETED = "deleted"
_CHUNK = 400
_s = source_records.c
# What every page and every read asks is made once.
_OF_STREAM = (_s.connection == bindparam("of"), _s.stream == bindparam("in_stream"))
_CURRENT = select(
    _s.external_id, _s.source_hash, _s.modified_at, _s.counter, _s.read_started_at, _s.is_deleted, _s.needs_fetch
).where(*_OF_STREAM, among_given(_s.external_id, "keys"))
_MOVE_STAMPS = (
    update(source_records)
    .where(*_OF_STREAM, _s.external_id == bindparam("b_id"))
    .values(
        modified_at=bindparam("b_modified"),
        counter=bindparam("b_counter"),
        read_started_at=bindparam("b_read"),
        needs_fetch=False,
    )
)
_NEEDING_FETCH = (
    select(_s.external_id)
    .where(*_OF_STREAM, _s.needs_fetch.is_(True))
    .order_by(_s.external_id)
    .limit(bindparam("most", type_=Integer))
)
_NEEDING_FETCH_BEFORE = _NEEDING_FETCH.where(
    _s.payload_hash.is_(None) | (_s.source_hash != _s.payload_hash) | (_s.read_started_at < bindparam("before"))
)
_SEEN = select(remote_seen.c.remote_id, remote_seen.c.fields, remote_seen.c.remote_modified_at).where(
    remote_seen.c.connection == bindparam("of"),
    remote_seen.c.module == bindparam("in_module"),
    among_given(remote_seen.c.remote_id, "keys"),
)
_HOLD = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name"), 0)))
_PAYLOADS = select(payloads.c.hash, payloads.c.body).where(among_given(payloads.c.hash, "keys"))


@dataclass
class LandCounts:
    """What one page did: rows seen, new current versions, unchanged, older than current, to be fetched again…"""

    rows: int = 0
    new: int = 0
    unchanged: int = 0
    older: int = 0
    refetch: int = 0
    bad: int = 0
    deleted: int = 0
    drifted: int = 0

    def add(self, other: LandCounts) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def payload_hash(payload: bytes) -> str:
    """Content address of a raw payload (blake2b, 16 bytes, hex)."""
    return hashlib.blake2b(payload, digest_size=16).hexdigest()


def chunks(values: Sequence[Any], size: int = _CHUNK) -> Iterable[Sequence[Any]]:
    """Slices small enough for one statement's parameters on both engines."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def land(
    conn: Connection,
    *,
    connection: str,
    stream: str,
    module: str,
    rows: Sequence[SourceRow],
    bad: Sequence[BadRow] = (),
    run_id: str | None,
    now: datetime,
    fetched_by_id: bool = False,
) -> LandCounts:
    """Land one page: new versions to the input log, current pointers, what our own fields were seen to hold.

    Versions are ordered by `core.versions.compare` (D4); equal content is no new version (D5). Deletions of records
    never seen are ignored. Rows that cannot be read are logged as landed versions with a problem, never dropped.
    """
    hold_records(conn, connection)
    counts = LandCounts(rows=len(rows) + len(bad), bad=len(bad))
    all_rows = _newest_per_id([*rows, *(_quarantined(b, now) for b in bad)])
    if not all_rows:
        return counts
    current = _current(conn, connection, stream, [row.external_id for row in all_rows])
    new: list[tuple[SourceRow, bool]] = []
    stamps: list[dict[str, Any]] = []
    refetch: list[str] = []
    back: set[str] = (
        set()
    )  # out of the bin: they show what was written before, whether anything stands behind it or not
    for row in all_rows:
        known = current.get(row.external_id)
        if row.is_deleted and known is None:
            counts.unchanged += 1
            continue
        row_hash = DELETED if row.is_deleted else row.source_hash
        verdict = _verdict(row, row_hash, known, fetched_by_id)
        if verdict is Newer.SAME:
            counts.unchanged += 1
            # A page that shows what is current does not answer a doubt: it may have been read before the doubt arose.
            if known is not None and (_stamp_moved(row, known) or (known["needs_fetch"] and fetched_by_id)):
                stamps.append(_stamp(row, known))
        elif verdict is Newer.YES:
            counts.new += 1
            counts.deleted += row.is_deleted
            new.append((row, True))
            if known is not None and known["is_deleted"]:
                back.add(row.external_id)
        elif verdict is Newer.NO:
            counts.older += 1
            new.append((row, False))
        else:
            counts.refetch += 1
            new.append((row, False))
            refetch.append(row.external_id)
    if new:
        _write_versions(conn, connection, stream, new, run_id=run_id, now=now)
    if stamps:
        _move_stamps(conn, connection, stream, stamps)
    for part in chunks(refetch):
        conn.execute(
            update(source_records)
            .where(
                source_records.c.connection == connection,
                source_records.c.stream == stream,
                among(source_records.c.external_id, part),
            )
            .values(needs_fetch=True)
        )
    keep_asking(conn, connection, stream, [row.external_id for row in bad], now)
    counts.drifted = _see_own_fields(conn, connection, stream, module, all_rows, now, back)
    return counts


def hold_records(conn: Connection, connection: str) -> None:
    """Until this transaction ends nobody else writes what a connection's records hold or were seen to hold.

    A page, a record that a webhook had fetched and the receipt of a push come from three processes. Each compares what
    it brings with what is stored and writes what is newer: two that read before either wrote would leave the older one
    standing. SQLite has one writer anyway. Called before any row is locked, so that two never wait for each other.
    """
    if lock_rows(conn):
        conn.execute(_HOLD, {"name": f"records:{connection}"})


def _newest_per_id(rows: Sequence[SourceRow]) -> list[SourceRow]:
    """One row per id: a record that moved while we were paging may come twice on a page; the later stamp wins."""
    out: dict[str, SourceRow] = {}
    for row in rows:
        held = out.get(row.external_id)
        if held is None or (row.version.modified_at or row.version.read_started_at) >= (
            held.version.modified_at or held.version.read_started_at
        ):
            out[row.external_id] = row
    return list(out.values())


def _quarantined(row: BadRow, now: datetime) -> SourceRow:
    body = exact_json.dumps({"$bad": row.reason, "$raw": row.payload[:65536].decode("utf-8", "replace")})
    identity = row.external_id or "unreadable-" + payload_hash(row.payload)
    return SourceRow(identity, SourceVersion(None, None, now), body, payload_hash(body))


def _verdict(row: SourceRow, row_hash: str, known: Mapping[str, Any] | None, fetched_by_id: bool) -> Newer:
    if known is None:
        return Newer.YES
    version = SourceVersion(known["modified_at"], known["counter"], known["read_started_at"])
    if fetched_by_id and row_hash != known["source_hash"] and (row.is_deleted or known["is_deleted"]):
        # The vendor was just asked for this one record: alive or gone now is what counts.
        return Newer.YES if row.version.read_started_at >= version.read_started_at else Newer.NO
    verdict = compare(row.version, row_hash, version, known["source_hash"], fetched_by_id=fetched_by_id)
    if verdict is Newer.REFETCH and row.is_deleted:
        return Newer.YES
    return verdict


def _stamp_moved(row: SourceRow, known: Mapping[str, Any]) -> bool:
    return row.version.modified_at is not None and (
        known["modified_at"] is None or row.version.modified_at > known["modified_at"]
    )


def _stamp(row: SourceRow, known: Mapping[str, Any]) -> dict[str, Any]:
    moved = _stamp_moved(row, known)
    return {
        "b_id": row.external_id,
        "b_modified": row.version.modified_at if moved else known["modified_at"],
        "b_counter": row.version.counter if moved else known["counter"],
        "b_read": max(row.version.read_started_at, known["read_started_at"]),
    }


def _current(conn: Connection, connection: str, stream: str, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    out: dict[str, Mapping[str, Any]] = {}
    for part in chunks(ids):
        found = conn.execute(_CURRENT, {"of": connection, "in_stream": stream, "keys": part}).mappings()
        out.update({row["external_id"]: row for row in found})
    return out


def _write_versions(
    conn: Connection,
    connection: str,
    stream: str,
    new: Sequence[tuple[SourceRow, bool]],
    *,
    run_id: str | None,
    now: datetime,
) -> None:
    bodies: dict[str, dict[str, Any]] = {}
    records: list[dict[str, Any]] = []
    for row, is_current in new:
        key = None
        if not row.is_deleted:
            key = payload_hash(row.payload)
            bodies.setdefault(key, {"hash": key, "body": zlib.compress(row.payload, 1), "size": len(row.payload)})
        records.append(
            {
                "kind": "landed",
                "at": now,
                "run_id": run_id,
                "connection": connection,
                "stream": stream,
                "external_id": row.external_id,
                "modified_at": row.version.modified_at,
                "counter": row.version.counter,
                "read_started_at": row.version.read_started_at,
                "source_hash": DELETED if row.is_deleted else row.source_hash,
                "payload_hash": key,
                "is_deleted": row.is_deleted,
                "is_current": is_current,
            }
        )
    insert_new(conn, payloads, list(bodies.values()))
    seqs = append_inputs(conn, records)
    current = [
        {
            "connection": connection,
            "stream": stream,
            "external_id": record["external_id"],
            "seq": seq,
            "source_hash": record["source_hash"],
            "payload_hash": record["payload_hash"],
            "modified_at": record["modified_at"],
            "counter": record["counter"],
            "read_started_at": record["read_started_at"],
            "is_deleted": record["is_deleted"],
            "missing_since_at": None,
            "needs_fetch": False,
        }
        for record, seq in zip(records, seqs, strict=True)
        if record["is_current"]
    ]
    put_rows(conn, source_records, current)


def append_inputs(conn: Connection, records: Sequence[Mapping[str, Any]]) -> list[int]:
    """Append to the input log and mark as pending; answers the seqs in the order given."""
    if not records:
        return []
    seqs = _take_seqs(conn, len(records))
    insert_rows(conn, inputs, [{"seq": seq, **record} for seq, record in zip(seqs, records, strict=True)])
    fold = [
        {"seq": seq} for seq, record in zip(seqs, records, strict=True) if record["kind"] not in ("receipt", "mark")
    ]
    insert_rows(conn, pending, fold)
    return seqs


def _take_seqs(conn: Connection, count: int) -> list[int]:
    """The next numbers of the input log, ascending.

    SQLite: a writing unit holds the one write lock, and AUTOINCREMENT goes on behind the highest number ever used.
    PostgreSQL: the column's own sequence, so that single inserts and sets never meet.
    """
    if is_sqlite(conn):
        last = conn.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'inputs'").scalar() or 0
        return list(range(int(last) + 1, int(last) + count + 1))
    statement = "SELECT nextval(pg_get_serial_sequence('inputs', 'seq')) FROM generate_series(1, %s)"
    return sorted(int(seq) for (seq,) in conn.exec_driver_sql(statement, (count,)))


def _move_stamps(conn: Connection, connection: str, stream: str, stamps: Sequence[Mapping[str, Any]]) -> None:
    conn.execute(_MOVE_STAMPS, [{"of": connection, "in_stream": stream, **stamp} for stamp in stamps])


def _see_own_fields(
    conn: Connection,
    connection: str,
    stream: str,
    module: str,
    rows: Sequence[SourceRow],
    now: datetime,
    back: Set[str],
) -> int:
    """Record what our own fields hold at the remote; a value somebody else changed is marked for the settle phase.

    So is every record that came `back`.
    """
    showing = {row.external_id: row for row in rows if row.own and not row.is_deleted}
    if not showing:
        return 0
    held: dict[str, Mapping[str, Any]] = {}
    for part in chunks(list(showing)):
        found = conn.execute(_SEEN, {"of": connection, "in_module": module, "keys": part}).mappings()
        held.update({row["remote_id"]: row for row in found})
    writes: list[dict[str, Any]] = []
    drifted: list[str] = []
    filled: list[str] = []  # by somebody else before we ever saw the record: nothing that is decided need touch it
    for remote_id, row in showing.items():
        before = held.get(remote_id)
        stamp = row.version.modified_at
        if before is not None:
            known_at = before["remote_modified_at"]
            if known_at is not None and stamp is not None and stamp < known_at:
                continue  # this page was read before our last write
            if exact_json.canonical(before["fields"]) == exact_json.canonical({**before["fields"], **row.own}):
                continue
            drifted.append(remote_id)
        elif any(value is not None for value in row.own.values()):
            filled.append(remote_id)
        writes.append(
            {
                "connection": connection,
                "module": module,
                "remote_id": remote_id,
                "fields": {**(before["fields"] if before else {}), **row.own},
                "seen_at": now,
                "remote_modified_at": stamp,
                "drifted_at": now if before is not None else None,
            }
        )
    for part in chunks(writes):
        upsert(conn, remote_seen, part)
    # A mark that stands is touched: whoever takes it meanwhile must not read what was seen before this commit.
    wanted = sorted({*drifted, *filled, *(back & showing.keys())})
    marks = [{"kind": "push", "key": f"{connection}/{stream}/{remote_id}"} for remote_id in wanted]
    for part in chunks(marks):
        touch(conn, dirty, part)
    return len(drifted)


def load_payloads(conn: Connection, hashes: Sequence[str]) -> dict[str, bytes]:
    """Raw payloads by content address."""
    out: dict[str, bytes] = {}
    for part in chunks(list(dict.fromkeys(hashes))):
        for key, body in conn.execute(_PAYLOADS, {"keys": part}).all():
            out[key] = zlib.decompress(body)
    return out


def records_needing_fetch(
    conn: Connection, connection: str, stream: str, limit: int = 1000, *, before: datetime | None = None
) -> list[str]:
    """Ids to be fetched again: of versions that a stamp could not tell apart, and of records in quarantine.

    A record in quarantine is asked for once a read: with `before` only if it was last seen before that instant.
    """
    query = _NEEDING_FETCH if before is None else _NEEDING_FETCH_BEFORE
    given = {"of": connection, "in_stream": stream, "before": before, "most": limit}
    return list(conn.execute(query, given).scalars())


def keep_asking(conn: Connection, connection: str, stream: str, ids: Iterable[str], now: datetime) -> int:
    """Records whose answer could not be read are asked for again at each read until it can: it may have been the line.

    Only those that stand in quarantine now: their current version is the unreadable answer itself; answers how many.
    """
    c = source_records.c
    kept = 0
    for part in chunks(sorted(key for key in ids if key)):
        kept += conn.execute(
            update(source_records)
            .where(c.connection == connection, c.stream == stream, among(c.external_id, part))
            .where(c.source_hash == c.payload_hash)
            .values(needs_fetch=True, read_started_at=now)
        ).rowcount
    return kept
