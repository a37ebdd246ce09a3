"""Plan: every field that would change in every remote, from what to what and why; then push exactly that (D13)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from mapping.outbound import FieldNames, own_fields
from mapping.outbound_fields import AMOUNT_FIELDS
from sync.apply import unread
from sync.context import Context
from sync.plan_about import About, about
from sync.push import PushSummary, run_push
from tieout.core.ports import RemoteChange, Seen
from tieout.store import plans, pushes
from tieout.store.landing import chunks
from tieout.store.outbox import same_value
from tieout.store.queries.debts import at_stake
from tieout.store.session import reading
from tieout.store.tables import outbox, remote_seen

_READ_BACK = 100
HELD = "already_there"  # the remote held every field already when the row was claimed


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one remote record: what it holds, what it would hold; `currency` "" = it is no amount."""

    field: str
    before: Any
    after: Any
    currency: str = ""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One remote record that would be changed or created.

    `label` is its name as the remote shows it (where it is new, of the record it hangs on), `number` that of the bill
    it shows, `customer` ours, `decided_in` the currency of the amounts in `why`, `seen_at` when `before` was last seen.
    """

    id: str
    version: int
    connection: str
    module: str
    operation: str
    remote_id: str
    label: str
    subject: str
    state: str
    changes: Sequence[FieldChange]
    why: Any
    currency: str | None
    money_minor: int
    seen_at: datetime | None
    number: str = ""
    customer: str = ""
    decided_in: str = ""


@dataclass(frozen=True, slots=True)
class ModuleTotal:
    """What a plan does to one module; `totals` counts each debt once in it, minor units by currency."""

    connection: str
    module: str
    records: int
    created: int
    fields: int
    totals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PlanView:
    """The pending outbox as a person reads it; `digest` names exactly these rows in these versions."""

    digest: str
    rows: Sequence[PlanRow]
    totals: Mapping[str, int]  # currency -> minor units at stake, each debt once however many records show it
    modules: Sequence[ModuleTotal]
    made_at: datetime
    is_fresh: bool
    unread: Sequence[str] = ()  # connections not read to their end yet: nothing is decided before

    def pairs(self) -> list[tuple[str, int]]:
        """(row, version) of every row."""
        return [(row.id, row.version) for row in self.rows]

    def as_dict(self) -> dict[str, Any]:
        return {
            "digest": self.digest,
            "made_at": self.made_at,
            "fresh": self.is_fresh,
            "unread": list(self.unread),
            "records": len(self.rows),
            "fields": sum(len(row.changes) for row in self.rows),
            "totals": _listed(self.totals),
            "modules": [{**asdict(one), "totals": _listed(one.totals)} for one in self.modules],
            "rows": [asdict(row) for row in self.rows],
        }


@dataclass
class PlanPush:
    """What pushing a plan did: rows sent now or before, and rows that moved on since it was made (exit code 3)."""

    digest: str
    planned: int = 0
    sent: int = 0
    already_sent: int = 0  # done before this push let the plan go
    moved_on: list[dict[str, Any]] = field(default_factory=list)
    unsent: list[dict[str, Any]] = field(default_factory=list)  # stood, but could not be sent (yet)
    pushes: list[PushSummary] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        if self.moved_on:
            return 3
        return 1 if self.unsent else 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "digest": self.digest,
            "planned": self.planned,
            "sent": self.sent,
            "already_sent": self.already_sent,
            "moved_on": self.moved_on,
            "unsent": self.unsent,
            "exit_code": self.exit_code,
            "connections": [summary.as_dict() for summary in self.pushes],
        }


def plan(ctx: Context, fresh: bool = False, *, connection: str = "") -> PlanView:
    """The plan as it stands; writes nothing anywhere. `fresh` reads the remote values again before comparing."""
    rows = plans.pending(ctx.engine, connection)
    held = _seen(ctx, rows)
    if fresh:
        held |= _read_again(ctx, rows)
    known = about(ctx, rows)
    made = [_row(ctx, row, known[row["id"]], *held.get(row["id"], (row["before"], None))) for row in rows]
    return PlanView(
        digest=plans.digest_of([(row["id"], row["version"]) for row in rows]),
        rows=made,
        totals=at_stake(one.debts for one in known.values()),
        modules=_modules(made, known),
        made_at=ctx.clock.now(),
        is_fresh=fresh,
        unread=unread(ctx) if not made else (),
    )


def save_plan(ctx: Context, view: PlanView) -> str:
    """Store a plan that was shown, so that what still stands of it can be pushed after a part has moved on."""
    return plans.save(ctx.engine, view.pairs(), ctx.clock.now())


def push_plan(ctx: Context, digest: str, actor: str) -> PlanPush:
    """Send exactly the rows of a plan whose version still stands; the rest are reported as moved on.

    Gone if the digest names neither a stored plan nor the present one.
    """
    rows = plans.plan_rows(ctx.engine, digest)
    standing = set(plans.let_go(ctx.engine, digest, rows, actor, ctx.clock, money_of(ctx, rows)))
    made = [
        run_push(ctx, connection, limit_seconds=None, plan_digest=digest)
        for connection in standing_connections(ctx, standing)
    ]
    return plan_result(ctx, digest, rows, standing, made)


def money_of(ctx: Context, pairs: Sequence[tuple[str, int]]) -> Mapping[str, int]:
    """Minor units at stake per currency behind the rows of a plan that still stand, each debt once."""
    wanted = dict(pairs)
    with reading(ctx.engine) as conn:
        held = [
            dict(row)
            for part in chunks(sorted(wanted))
            for row in conn.execute(select(outbox).where(outbox.c.id.in_(part))).mappings()
        ]
    rows = [row for row in held if row["version"] == wanted[row["id"]]]
    return at_stake(one.debts for one in about(ctx, rows).values())


def standing_connections(ctx: Context, standing: Collection[str]) -> list[str]:
    """The connections that the standing rows of a plan belong to."""
    return sorted({row["connection"] for row in _rows(ctx, sorted(standing))})


def plan_result(
    ctx: Context, digest: str, rows: Sequence[tuple[str, int]], standing: Collection[str], made: Sequence[PushSummary]
) -> PlanPush:
    """What has become of the rows of a plan so far; `standing` = those whose version stood when it was let go."""
    result = PlanPush(digest, planned=len(rows), pushes=list(made))
    after = {row["id"]: row for row in _rows(ctx, [row_id for row_id, _ in rows])}
    for row_id, version in rows:
        row = after.get(row_id)
        if row is not None and row["version"] == version and (row["state"] == "done" or row["error_code"] == HELD):
            if row_id in standing:
                result.sent += 1
            else:
                result.already_sent += 1
        elif row is None or row_id not in standing or row["state"] == "superseded" or row["version"] != version:
            result.moved_on.append(_moved(row_id, version, row))
        else:
            result.unsent.append({"id": row_id, "state": row["state"], "why": row["error"] or row["error_code"] or ""})
    return result


def approve_parked(ctx: Context, connection: str, actor: str, *, row_ids: Sequence[str] | None = None) -> int:
    """Let a parked batch go; answers how many rows are ready now."""
    from sync.queue import ring

    count = pushes.approve(ctx.engine, connection, actor, ctx.clock, row_ids=row_ids)
    if count:
        ring(ctx, f"push:{connection}")
    return count


def _moved(row_id: str, version: int, row: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "id": row_id,
        "planned_version": version,
        "version": row["version"] if row else None,
        "state": row["state"] if row else "gone",
    }


def _rows(ctx: Context, row_ids: Sequence[str]) -> list[Mapping[str, Any]]:
    out: list[Mapping[str, Any]] = []
    o = outbox.c
    with reading(ctx.engine) as conn:
        for part in chunks(list(row_ids)):
            query = select(o.id, o.connection, o.state, o.version, o.error, o.error_code).where(o.id.in_(part))
            out += [dict(row) for row in conn.execute(query).mappings()]
    return out


def _row(
    ctx: Context, row: Mapping[str, Any], known: About, held: Mapping[str, Any], seen_at: datetime | None
) -> PlanRow:
    reason = row["reason"] if isinstance(row["reason"], Mapping) else {"why": row["reason"]}
    order, amounts = _own(ctx, row["connection"], row["module"])
    changes = [
        FieldChange(name, held.get(name), value, known.currency if name in amounts else "")
        for name, value in sorted(row["fields"].items(), key=lambda item: (order.get(item[0], len(order)), item[0]))
        if row["operation"] == "create" or not same_value(value, held.get(name))
    ]
    return PlanRow(
        id=row["id"],
        version=row["version"],
        connection=row["connection"],
        module=row["module"],
        operation=row["operation"],
        remote_id=row["remote_id"] or row["parent_id"],
        label=str(reason.get("label") or known.name or row["remote_id"] or row["event_key"]),
        subject=row["subject"],
        state=row["state"],
        changes=changes,
        why=reason,
        currency=row["currency"],
        money_minor=row["money_minor"],
        seen_at=seen_at,
        number=known.number,
        customer=known.customer,
        decided_in=known.decided_in,
    )


def _own(ctx: Context, connection: str, module: str) -> tuple[Mapping[str, int], Collection[str]]:
    """Places of our fields in a module, status first, and those that are amounts; by remote name."""
    settings = ctx.config.connections.get(connection)
    if settings is None:
        return {}, ()
    names = FieldNames.of(settings.fields, settings.vendor)
    mine = own_fields(settings.vendor, names).get(module, ())
    return {name: place for place, name in enumerate(mine)}, {names.name(field) for field in AMOUNT_FIELDS}


def _modules(rows: Sequence[PlanRow], known: Mapping[str, About]) -> list[ModuleTotal]:
    groups: dict[tuple[str, str], list[PlanRow]] = {}
    for row in rows:
        groups.setdefault((row.connection, row.module), []).append(row)
    return [
        ModuleTotal(
            connection=connection,
            module=module,
            records=len(mine),
            created=sum(row.operation == "create" for row in mine),
            fields=sum(len(row.changes) for row in mine),
            totals=at_stake(known[row.id].debts for row in mine),
        )
        for (connection, module), mine in sorted(groups.items())
    ]


def _listed(totals: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"currency": code, "money_minor": amount} for code, amount in sorted(totals.items())]


def _seen(ctx: Context, rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Mapping[str, Any], datetime | None]]:
    by_module: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        if row["operation"] == "update":
            by_module.setdefault((row["connection"], row["module"]), {})[row["remote_id"]] = row["id"]
    out: dict[str, tuple[Mapping[str, Any], datetime | None]] = {}
    c = remote_seen.c
    with reading(ctx.engine) as conn:
        for (connection, module), ids in by_module.items():
            for part in chunks(sorted(ids)):
                query = select(c.remote_id, c.fields, c.seen_at).where(
                    c.connection == connection, c.module == module, c.remote_id.in_(part)
                )
                out |= {ids[found.remote_id]: (found.fields, found.seen_at) for found in conn.execute(query)}
    return out


def _read_again(
    ctx: Context, rows: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[Mapping[str, Any], datetime | None]]:
    """What the remotes hold at this moment; read only, nothing is stored."""
    by_connection: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["operation"] == "update":
            by_connection.setdefault(row["connection"], []).append(row)
    out: dict[str, tuple[Mapping[str, Any], datetime | None]] = {}
    for connection, some in by_connection.items():
        connector = ctx.connector(connection, "fast")
        try:
            for part in chunks(some, _READ_BACK):
                changes = [
                    RemoteChange(row["id"], row["module"], "update", row["remote_id"], row["fields"]) for row in part
                ]
                found: list[Seen] = connector.read_back(changes)
                now = ctx.clock.now()
                out |= {change.change_id: (seen.fields, now) for change, seen in zip(changes, found, strict=True)}
        finally:
            connector.close()
    return out
