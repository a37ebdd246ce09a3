"""Receipts: what became of claimed outbox rows, written once and only while the claim's fence stands (D8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, bindparam, select, update

from tieout.core.clock import Clock
from tieout.core.ids import Ids
from tieout.store.among import among_given, one_of
from tieout.store.landing import append_inputs, chunks, hold_records
from tieout.store.outbox import IN_FLIGHT, OPEN
from tieout.store.session import lock_rows, unit
from tieout.store.tables import outbox, remote_seen
from tieout.store.upsert import upsert

MAX_ATTEMPTS = 8
MAX_LOCKED = 42  # a week of tries, four hours apart
FIRST_BACKOFF = timedelta(seconds=5)
LONGEST_BACKOFF = timedelta(hours=1)
LOCKED_BACKOFF = timedelta(hours=4)

_c, _r = outbox.c, remote_seen.c
_STANDING = select(outbox).where(among_given(_c.id, "ids"), one_of(_c.state, IN_FLIGHT)).order_by(_c.id)
_STANDING_LOCKED = _STANDING.with_for_update()
_NEWER = select(_c.remote_id).where(
    _c.connection == bindparam("of"),
    _c.module == bindparam("in_module"),
    _c.operation == "update",
    among_given(_c.remote_id, "keys"),
    one_of(_c.state, OPEN),
)
_SEEN = select(_r.remote_id, _r.fields, _r.remote_modified_at, _r.drifted_at).where(
    _r.connection == bindparam("of"), _r.module == bindparam("in_module"), among_given(_r.remote_id, "keys")
)

Verdict = Literal[
    "done", "rejected", "locked", "not_found", "version_moved", "uncertain", "retry", "again", "give_back"
]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a claimed row.

    `again`: read back and found not to have happened, or moved: may be sent at once. `give_back`: was not sent, the
    try does not count. `seen`: what the remote was found to hold, for read-backs.
    """

    id: str
    fence: int
    verdict: Verdict
    remote_id: str = ""
    code: str = ""
    message: str = ""
    modified_at: datetime | None = None
    retry_at: datetime | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Any] | None = None


def record(
    engine: Engine,
    connection: str,
    results: Sequence[Result],
    *,
    clock: Clock,
    ids: Ids,
    run_id: str | None = None,
    undecided: Sequence[str] = (),
) -> dict[str, str]:
    """Write what became of claimed rows, each only while its fence stands; answers the state of those written.

    In the same transaction: what the remote is now known to hold, and a receipt in the input log for every row that is
    done or refused for good. A row that would be sent again loses to a newer open row of the same record. `undecided`
    names the customers (`customer|company`) whose messages were given back because the books ask for less by now: they
    go into the input log too, to be decided again now that the messages can be taken back.
    """
    if not results:
        return {}
    now = clock.now()
    by_id = {result.id: result for result in results}
    with unit(engine, "receipt.commit") as conn:
        hold_records(conn, connection)
        rows = _standing(conn, by_id)
        newer = _newer(conn, connection, [row for row in rows if row["operation"] == "update"])
        writes, receipts = [], []
        states: dict[str, str] = {}
        seen: dict[tuple[str, str], tuple[Mapping[str, Any], datetime | None]] = {}
        for row in rows:
            result = by_id[row["id"]]
            values = _outcome(row, result, now, ids)
            if values["state"] in ("ready", "dead") and (row["module"], row["remote_id"]) in newer:
                values |= {"state": "superseded", "error_code": "stale", "done_at": now}
            states[row["id"]] = values["state"]
            writes.append(values)
            if row["operation"] == "update":
                if result.seen is not None:
                    seen[row["module"], row["remote_id"]] = (result.seen, result.modified_at)
                elif result.verdict == "done":
                    seen[row["module"], row["remote_id"]] = (row["fields"], result.modified_at)
            if values["state"] in ("done", "dead"):
                receipts.append(_receipt(connection, row, result, values, now, run_id))
        if writes:
            names = [name for name in writes[0] if name != "id"]
            conn.execute(
                update(outbox)
                .where(outbox.c.id == bindparam("b_id"))
                .values({name: bindparam(f"b_{name}") for name in names} | {"updated_at": now, "lease_owner": None})
                .values(lease_until_at=None),
                [{f"b_{name}": value for name, value in row.items()} for row in writes],
            )
        _see(conn, connection, seen, now)
        append_inputs(conn, receipts)
        append_inputs(conn, [_recheck(undecided, now)] if undecided and states else [])
    return states


def _standing(conn: Connection, by_id: Mapping[str, Result]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for part in chunks(sorted(by_id)):
        query = _STANDING_LOCKED if lock_rows(conn) else _STANDING
        found = conn.execute(query, {"ids": part}).mappings()
        out += [dict(row) for row in found if row["fence"] == by_id[row["id"]].fence]
    return out


def _newer(conn: Connection, connection: str, rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    by_module: dict[str, list[str]] = {}
    for row in rows:
        by_module.setdefault(row["module"], []).append(row["remote_id"])
    out: set[tuple[str, str]] = set()
    for module, remote_ids in by_module.items():
        for part in chunks(remote_ids):
            found = conn.execute(_NEWER, {"of": connection, "in_module": module, "keys": part})
            out |= {(module, remote_id) for remote_id in found.scalars()}
    return out


def _outcome(row: Mapping[str, Any], result: Result, now: datetime, ids: Ids) -> dict[str, Any]:
    """The columns a result sets on its row; every outcome names the same ones."""
    values: dict[str, Any] = {
        "id": row["id"],
        "state": "ready",
        "attempts": row["attempts"],
        "not_before_at": None,
        "remote_id": row["remote_id"],
        "error_code": result.code or result.verdict,
        "error": result.message[:2000] or None,
        "sent_at": row["sent_at"],
        "done_at": None,
        "receipt": {"verdict": result.verdict, "code": result.code, "message": result.message[:500], **result.detail},
    }
    verdict = result.verdict
    if verdict == "done":
        values |= {"state": "done", "done_at": now, "error": None, "error_code": None}
        values["remote_id"] = result.remote_id or row["remote_id"]
    elif verdict in ("rejected", "not_found"):
        values |= {"state": "dead", "done_at": now}
    elif verdict == "uncertain":
        values |= {"state": "uncertain", "sent_at": now if row["state"] != "uncertain" else row["sent_at"]}
        if row["state"] == "uncertain":  # the read-back itself failed
            values["not_before_at"] = result.retry_at or now + FIRST_BACKOFF
    elif verdict == "give_back":
        values |= {"attempts": max(0, row["attempts"] - 1), "not_before_at": result.retry_at}
    elif row["attempts"] >= (MAX_LOCKED if verdict == "locked" else MAX_ATTEMPTS):
        values |= {"state": "dead", "done_at": now}
    elif verdict == "locked":
        values["not_before_at"] = result.retry_at or now + LOCKED_BACKOFF * (0.75 + ids.jitter() / 2)
    elif verdict == "retry":
        values["not_before_at"] = result.retry_at or now + backoff(row["attempts"], ids)
    return values


def backoff(attempts: int, ids: Ids) -> timedelta:
    """How long to wait after the n-th failed attempt: doubling from 5 s to 1 h, with jitter of a half."""
    seconds = min(LONGEST_BACKOFF.total_seconds(), FIRST_BACKOFF.total_seconds() * 2.0 ** min(attempts - 1, 12))
    return timedelta(seconds=seconds * (0.5 + ids.jitter()))


def _recheck(subjects: Sequence[str], now: datetime) -> dict[str, Any]:
    return {
        "kind": "recheck",
        "at": now,
        "body": {"subjects": list(subjects)},
        "is_deleted": False,
        "is_current": False,
    }


def _receipt(
    connection: str,
    row: Mapping[str, Any],
    result: Result,
    values: Mapping[str, Any],
    now: datetime,
    run_id: str | None,
) -> dict[str, Any]:
    return {
        "kind": "receipt",
        "at": now,
        "run_id": run_id,
        "connection": connection,
        "external_id": values["remote_id"],
        "modified_at": result.modified_at,
        "body": {
            "outbox": row["id"],
            "module": row["module"],
            "operation": row["operation"],
            "event_key": row["event_key"],
            "subject": row["subject"],
            "fields": row["fields"],
            "version": row["version"],
            "outcome": values["state"],
            "code": result.code,
            "read_back": result.seen is not None,
        },
    }


def _see(
    conn: Connection,
    connection: str,
    seen: Mapping[tuple[str, str], tuple[Mapping[str, Any], datetime | None]],
    now: datetime,
) -> None:
    by_module: dict[str, list[str]] = {}
    for module, remote_id in seen:
        by_module.setdefault(module, []).append(remote_id)
    rows: list[dict[str, Any]] = []
    for module, remote_ids in by_module.items():
        held: dict[str, Any] = {}
        for part in chunks(remote_ids):
            found = conn.execute(_SEEN, {"of": connection, "in_module": module, "keys": part})
            held |= {row.remote_id: row for row in found}
        for remote_id in remote_ids:
            fields, modified_at = seen[module, remote_id]
            before = held.get(remote_id)
            known_at = before.remote_modified_at if before is not None else None
            if known_at is not None and modified_at is not None and modified_at < known_at:
                continue  # a page read later already showed what came after
            rows.append(
                {
                    "connection": connection,
                    "module": module,
                    "remote_id": remote_id,
                    "fields": {**(before.fields if before is not None else {}), **fields},
                    "seen_at": now,
                    "remote_modified_at": max(filter(None, (known_at, modified_at)), default=None),
                    "drifted_at": before.drifted_at if before is not None else None,  # when, if ever: kept
                }
            )
    for part in chunks(rows):
        upsert(conn, remote_seen, part)
