"""The outbox: intended effects on remote records, written in the transaction of the decision that wants them (D8, D13).

States: planned (waits for a person), parked (too many at once, waits for an approver), ready (will be sent), claimed (a
sender holds it), uncertain (may have been sent: read back first), done, dead (refused for good or given up, can be
retried), superseded (a newer change or the remote itself made it needless), cancelled.
One open row per record; a newer state may wait behind one that is in flight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, func, insert, select, update

from tieout.core import exact_json
from tieout.core.config import ChangeLimits
from tieout.core.ids import IdMaker
from tieout.store.among import among, among_given, one_of
from tieout.store.landing import chunks
from tieout.store.session import lock_rows
from tieout.store.tables import outbox, remote_seen

Mode = Literal["plan", "auto", "off"]
OPEN = ("planned", "parked", "ready")
IN_FLIGHT = ("claimed", "sent", "uncertain")
_c = outbox.c
_STANDING = (
    select(_c.id, _c.remote_id, _c.fields, _c.riders, _c.state, _c.version, _c.approved_by, _c.attempts)
    .where(
        _c.connection == bindparam("of"),
        _c.module == bindparam("in_module"),
        _c.operation == "update",
        among_given(_c.remote_id, "keys"),
        one_of(_c.state, (*OPEN, *IN_FLIGHT, "dead")),
    )
    .order_by(_c.id)
)
_EVENTS = (
    select(
        _c.id,
        _c.event_key,
        _c.fields,
        _c.state,
        _c.version,
        _c.approved_by,
        _c.attempts,
        _c.parent_module,
        _c.parent_id,
    )
    .where(_c.connection == bindparam("of"), among_given(_c.event_key, "keys"))
    .order_by(_c.id)
)
_COUNTING = select(_c.id).where(_c.is_counting).limit(1)
_SEEN = select(remote_seen.c.remote_id, remote_seen.c.fields).where(
    remote_seen.c.connection == bindparam("of"),
    remote_seen.c.module == bindparam("in_module"),
    among_given(remote_seen.c.remote_id, "keys"),
)


@dataclass(frozen=True, slots=True)
class Intent:
    """The fields one remote record should get: only those that differ from what it was seen to hold.

    No fields = the record already holds what it should; an open change of it is superseded. `riders` names fields that
    only travel along (`AR_As_Of`): alone they are no reason to write.
    """

    connection: str
    module: str
    remote_id: str
    fields: Mapping[str, Any]
    before: Mapping[str, Any]
    reason: Any
    subject: str
    currency: str | None = None
    money_minor: int = 0
    riders: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class EventIntent:
    """A record to be created once for ever: `event_key` is written to `key_field` and found by it again.

    `needs_approval` = parked until a person lets it go, whatever the push mode; `not_before_at` = not sent earlier.
    """

    connection: str
    module: str
    event_key: str
    key_field: str
    parent_module: str
    parent_id: str
    fields: Mapping[str, Any]
    reason: Any
    subject: str
    currency: str | None = None
    money_minor: int = 0
    needs_approval: bool = False
    not_before_at: datetime | None = None


@dataclass
class IntendCounts:
    """What became of intents: rows by state, and those that changed nothing."""

    planned: int = 0
    parked: int = 0
    ready: int = 0
    coalesced: int = 0
    waiting: int = 0  # behind a change in flight
    unchanged: int = 0
    superseded: int = 0
    refused_before: int = 0  # the same fields are a dead letter

    def add(self, other: IntendCounts) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


def same_value(left: Any, right: Any) -> bool:
    """Equal as a remote sees it: 1.10 is 1.1, an empty text is no value, line ends and outer blanks do not count."""
    left, right = _plain(left), _plain(right)
    if left in (None, "") and right in (None, ""):
        return True
    return exact_json.canonical(left) == exact_json.canonical(right)


def _plain(value: Any) -> Any:
    return value.replace("\r\n", "\n").strip() if isinstance(value, str) else value


def same_fields(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Equal names and equal values."""
    return left.keys() == right.keys() and all(same_value(value, right[name]) for name, value in left.items())


def intend(
    conn: Connection,
    intents: Sequence[Intent],
    events: Sequence[EventIntent] = (),
    *,
    modes: Mapping[str, Mode],
    limits: Mapping[str, ChangeLimits],
    now: datetime,
    ids: IdMaker,
) -> IntendCounts:
    """Write intents into the outbox inside the caller's transaction, hundreds of rows a statement.

    `modes` per connection: plan and off -> planned, auto -> ready. Where the connection has `limits`, ready rows wait
    for `judge_run` at the end of the apply run, however many batches, slices and processes it takes.
    """
    limited = frozenset(name for name, limit in limits.items() if limit.rows or limit.share_percent)
    work = _Writer(conn, modes, limited, now, ids)
    latest = {(item.connection, item.module, item.remote_id): item for item in intents}
    for part in chunks(list(latest.values())):
        work.states(part)
    once = {(item.connection, item.event_key): item for item in events}
    for some in chunks(list(once.values())):
        work.events(some)
    work.finish()
    return work.counts


class _Writer:
    """One `intend`: collects inserts and updates, decides on parking, writes them in sets."""

    def __init__(
        self,
        conn: Connection,
        modes: Mapping[str, Mode],
        limited: frozenset[str],
        now: datetime,
        ids: IdMaker,
    ) -> None:
        self.conn, self.modes, self.limited, self.now, self.ids = conn, modes, limited, now, ids
        self.counts = IntendCounts()
        self.inserts: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self.moves: dict[str, tuple[str, bool]] = {}  # same fields, other state; whether it counts
        self.gone: list[str] = []

    # ------------------------------------------------------------- state pushes
    def states(self, intents: Sequence[Intent]) -> None:
        held = self._rows_of(intents)
        seen = self._seen_of([item for item in intents if _in_flight(held.get(_key(item), []))])
        for item in intents:
            rows = held.get(_key(item), [])
            self._state(item, rows, seen.get(_key(item), {}))

    def _rows_of(self, intents: Sequence[Intent]) -> dict[tuple[str, str, str], list[Mapping[str, Any]]]:
        out: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
        query = _STANDING.with_for_update() if lock_rows(self.conn) else _STANDING
        for (connection, module), remote_ids in _grouped(intents).items():
            given = {"of": connection, "in_module": module, "keys": remote_ids}
            for row in self.conn.execute(query, given).mappings():
                out.setdefault((connection, module, row["remote_id"]), []).append(dict(row))
        return out

    def _seen_of(self, intents: Sequence[Intent]) -> dict[tuple[str, str, str], Mapping[str, Any]]:
        out: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        for (connection, module), remote_ids in _grouped(intents).items():
            for remote_id, fields in seen_fields(self.conn, connection, module, remote_ids).items():
                out[connection, module, remote_id] = fields
        return out

    def _state(self, item: Intent, rows: Sequence[Mapping[str, Any]], seen: Mapping[str, Any]) -> None:
        fields = dict(item.fields)
        flying = _in_flight(rows)
        if flying is not None:
            # What is in flight will stand when the new row's turn comes: a field it sets, which should stay as the
            # remote was seen to hold it, must be put back.
            for name, value in flying["fields"].items():
                rides = name in (flying["riders"] or ())
                if name not in fields and not rides and not same_value(value, seen.get(name)):
                    fields[name] = seen.get(name)
        waiting = next((row for row in rows if row["state"] in OPEN), None)
        dead = [row for row in rows if row["state"] == "dead"]
        if not fields.keys() - set(item.riders):
            stale = [row["id"] for row in dead] + ([waiting["id"]] if waiting is not None else [])
            self.gone += stale
            self.counts.superseded += len(stale)
            self.counts.unchanged += not stale
            return
        mode = self.modes.get(item.connection, "plan")
        if waiting is not None:
            self._coalesce(item, fields, waiting, mode)
            return
        if any(same_fields(row["fields"], fields) for row in dead):
            self.counts.refused_before += 1
            return
        self.gone += [row["id"] for row in dead]
        self.counts.waiting += flying is not None
        self._insert(item, fields, mode, operation="update", remote_id=item.remote_id)

    def _coalesce(self, item: Intent | EventIntent, fields: dict[str, Any], row: Mapping[str, Any], mode: Mode) -> None:
        changed = not same_fields(row["fields"], fields)
        if isinstance(item, EventIntent):  # the record that it belongs under may have left the customer
            changed = changed or (item.parent_module, item.parent_id) != (row["parent_module"], row["parent_id"])
        state = str(row["state"])
        if isinstance(item, EventIntent) and item.needs_approval:
            state = "parked"
        elif mode == "auto":
            state = "parked" if state == "parked" else "ready"
        elif changed or state == "cancelled":
            state = "planned"  # what a person approved is not what would be sent now
        if not changed and state == row["state"]:
            self.counts.unchanged += 1
            return
        self.counts.coalesced += 1
        if changed:
            self.updates.append(
                {
                    "id": row["id"],
                    "state": state,
                    "is_counting": self._counts(item.connection, state),
                    "version": row["version"] + 1,
                    **self._what(item, fields),
                }
            )
        else:
            self.moves[row["id"]] = state, self._counts(item.connection, state)
        self._count(state)

    def _counts(self, connection: str, state: str) -> bool:
        return state == "ready" and connection in self.limited

    def _count(self, state: str) -> None:
        setattr(self.counts, state, getattr(self.counts, state) + 1)

    def _what(self, item: Intent | EventIntent, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "fields": dict(fields),
            "riders": list(item.riders) if isinstance(item, Intent) else [],
            "before": dict(item.before) if isinstance(item, Intent) else {},
            "reason": item.reason,
            "subject": item.subject,
            "currency": item.currency,
            "money_minor": item.money_minor,
            "parent_module": item.parent_module if isinstance(item, EventIntent) else "",
            "parent_id": item.parent_id if isinstance(item, EventIntent) else "",
        }

    def _insert(
        self,
        item: Intent | EventIntent,
        fields: Mapping[str, Any],
        mode: Mode,
        *,
        operation: str,
        remote_id: str = "",
        **more: Any,
    ) -> None:
        state = "ready" if mode == "auto" else "planned"
        if isinstance(item, EventIntent) and item.needs_approval:
            state = "parked"
        self.inserts.append(
            {
                "id": self.ids.new("psh"),
                "connection": item.connection,
                "module": item.module,
                "operation": operation,
                "remote_id": remote_id,
                **self._what(item, fields),
                "event_key": None,
                "key_field": "",
                "parent_module": "",
                "parent_id": "",
                "version": 1,
                "state": state,
                "is_counting": self._counts(item.connection, state),
                "attempts": 0,
                "fence": 0,
                "not_before_at": None,
                "created_at": self.now,
                "updated_at": self.now,
                **more,
            }
        )
        self._count(state)

    # ------------------------------------------------------------- events
    def events(self, events: Sequence[EventIntent]) -> None:
        known: dict[tuple[str, str], Mapping[str, Any]] = {}
        by_connection: dict[str, list[str]] = {}
        for item in events:
            by_connection.setdefault(item.connection, []).append(item.event_key)
        query = _EVENTS.with_for_update() if lock_rows(self.conn) else _EVENTS
        for connection, keys in by_connection.items():
            found = self.conn.execute(query, {"of": connection, "keys": keys}).mappings()
            known |= {(connection, row["event_key"]): dict(row) for row in found}
        for item in events:
            row = known.get((item.connection, item.event_key))
            mode = self.modes.get(item.connection, "plan")
            if row is None:
                self._insert(
                    item,
                    item.fields,
                    mode,
                    operation="create",
                    event_key=item.event_key,
                    key_field=item.key_field,
                    parent_module=item.parent_module,
                    parent_id=item.parent_id,
                    not_before_at=item.not_before_at,
                )
            elif row["state"] in (*OPEN, "cancelled") and not row["attempts"]:
                self._coalesce(item, dict(item.fields), row, mode)
            else:
                self.counts.unchanged += 1  # sent, being sent, or refused: an event happens once

    # ------------------------------------------------------------- the end
    def finish(self) -> None:
        supersede(self.conn, self.gone, self.now)
        if self.updates:
            names = [name for name in self.updates[0] if name != "id"]
            self.conn.execute(
                update(outbox)
                .where(outbox.c.id == bindparam("b_id"))
                .values(
                    {name: bindparam(f"b_{name}") for name in names}
                    | {"updated_at": self.now, "approved_by": None, "attempts": 0}
                ),
                [{f"b_{name}": value for name, value in row.items()} for row in self.updates],
            )
        for state, counts in sorted(set(self.moves.values())):
            for part in chunks([row_id for row_id, to in self.moves.items() if to == (state, counts)]):
                self.conn.execute(
                    update(outbox)
                    .where(among(outbox.c.id, part))
                    .values(state=state, is_counting=counts, updated_at=self.now)
                )
        for part in chunks(self.inserts):
            self.conn.execute(insert(outbox), list(part))


def is_counting(conn: Connection) -> bool:
    """Whether rows wait for the end of an apply run."""
    return conn.execute(_COUNTING).first() is not None


def judge_run(conn: Connection, limits: Mapping[str, ChangeLimits], now: datetime) -> dict[str, int]:
    """The end of an apply run: what it made ready may be sent, or all of it is parked for an approver (D13).

    Parked where a connection's rows are more than its limit: a number, or a share of the records that show our
    fields. Answers how many were parked, by connection.
    """
    c = outbox.c
    counted = select(c.connection, func.count()).where(c.is_counting, c.state == "ready").group_by(c.connection)
    parked: dict[str, int] = {}
    for connection, made in conn.execute(counted).all():
        limit = limits.get(connection, ChangeLimits())
        too_many = bool(limit.rows) and made > limit.rows
        share = limit.share_percent
        if too_many or (share and made * 100 > share * bound_records(conn, connection)):
            parked[connection] = int(made)
            conn.execute(
                update(outbox)
                .where(c.connection == connection, c.is_counting, c.state == "ready")
                .values(state="parked", updated_at=now)
            )
    conn.execute(update(outbox).where(c.is_counting).values(is_counting=False))
    return parked


def supersede(conn: Connection, row_ids: Sequence[str], now: datetime, code: str = "superseded") -> None:
    """Close rows that a newer change, or the remote itself, made needless."""
    for part in chunks(list(row_ids)):
        conn.execute(
            update(outbox)
            .where(among(outbox.c.id, part))
            .values(state="superseded", error_code=code, updated_at=now, done_at=now)
        )


def seen_fields(
    conn: Connection, connection: str, module: str, remote_ids: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    """Our own fields as the remote last showed or confirmed them, by record."""
    out: dict[str, Mapping[str, Any]] = {}
    for part in chunks(list(remote_ids)):
        found = conn.execute(_SEEN, {"of": connection, "in_module": module, "keys": part})
        out.update({row.remote_id: row.fields for row in found})
    return out


def bound_records(conn: Connection, connection: str) -> int:
    """How many records of a remote show our fields: what a share of changes is a share of."""
    query = select(func.count()).select_from(remote_seen).where(remote_seen.c.connection == connection)
    return int(conn.execute(query).scalar_one())


def _in_flight(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((row for row in rows if row["state"] in IN_FLIGHT), None)


def _key(item: Intent) -> tuple[str, str, str]:
    return item.connection, item.module, item.remote_id


def _grouped(intents: Iterable[Intent]) -> dict[tuple[str, str], list[str]]:
    out: dict[tuple[str, str], list[str]] = {}
    for item in intents:
        out.setdefault((item.connection, item.module), []).append(item.remote_id)
    return out
