"""Going on after a restore: what the remotes hold already is settled by read-back instead of being sent again.

What a restored database calls unsent may have been sent after the copy was taken. So pushing is paused until every
stream was read again, and from then on a creation is looked for at the remote before it is sent. Where the remote
cannot be asked (mail, group robots), what may have been sent becomes a dead letter of unknown outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from sync.context import Context
from sync.maybe_sent import may_have_been_sent
from tieout.core.dates import parse_at
from tieout.core.errors import StaleWrite
from tieout.core.ports import RemoteChange
from tieout.store import restored
from tieout.store.landing import chunks
from tieout.store.outbox import same_value
from tieout.store.session import reading, unit
from tieout.store.tables import connections, outbox, watermarks

_UNSENT = ("planned", "parked", "ready")
_READ_BACK = 100
_LONG_AGO = parse_at("2000-01-01T00:00:00Z")  # sent before any vendor's timeout: read back at once


def is_paused_by_restore(row: Mapping[Any, Any]) -> bool:
    """Whether a connection is paused because its home was restored or copied."""
    why = str(row.get("push_paused_why") or "")
    return bool(row.get("push_paused")) and why.startswith((restored.PAUSED_WHY, restored.COPIED_WHY))


def settle_restored(ctx: Context) -> int:
    """Before pushing goes on: rows that the remotes hold already are left to be settled by read-back; answers how many.

    Raises StaleWrite while a stream has not been read since the restore, and what the connector raises when it cannot
    be asked: pushing stays paused then.
    """
    with reading(ctx.engine) as conn:
        at = restored.at(conn)
        paused = {
            row["name"]
            for row in conn.execute(select(connections).where(connections.c.push_paused.is_(True))).mappings()
            if is_paused_by_restore(row)
        }
        read = {
            (row.connection, row.stream): row.completed_at
            for row in conn.execute(select(watermarks.c.connection, watermarks.c.stream, watermarks.c.completed_at))
        }
    if at is None:
        return 0
    count = 0
    for name in sorted(paused & set(ctx.config.connections)):
        for stream in ctx.streams(name):
            done = read.get((name, stream))
            if done is None or done < at:
                raise StaleWrite(
                    f"{name}/{stream} has not been read since the restore",
                    hint="Run `tieout pull --full` and `tieout apply` first, so that what was sent since is seen.",
                    code="not_read_since_restore",
                )
        if ctx.config.connections[name].push:
            count += _leave_to_read_back(ctx, name)
    if paused:
        with unit(ctx.engine, "admin.commit") as conn:
            restored.mark_read(conn)
    return count


def _leave_to_read_back(ctx: Context, name: str) -> int:
    c = outbox.c
    with reading(ctx.engine) as conn:
        query = select(outbox).where(c.connection == name, c.state.in_(_UNSENT)).order_by(c.id)
        rows = [dict(row) for row in conn.execute(query).mappings()]
    if not rows:
        return 0
    held: list[str] = []
    connector = ctx.connector(name, "bulk")
    try:
        for part in chunks(rows, _READ_BACK):
            seen = connector.read_back([_change(row) for row in part])
            unknown = [row["id"] for row, found in zip(part, seen, strict=True) if not found.is_known]
            held += sorted(may_have_been_sent(ctx, unknown)) if unknown else []
            for row, found in zip(part, seen, strict=True):
                same = all(same_value(value, found.fields.get(key)) for key, value in row["fields"].items())
                if found.found and (row["operation"] == "create" or same):
                    held.append(row["id"])
    finally:
        connector.close()
    now = ctx.clock.now()
    with unit(ctx.engine, "admin.commit") as conn:
        for part_ids in chunks(held):
            conn.execute(
                update(outbox)
                .where(c.id.in_(part_ids), c.state.in_(_UNSENT))
                .values(state="uncertain", sent_at=_LONG_AGO, error_code="restored", updated_at=now)
            )
    return len(held)


def _change(row: Mapping[str, Any]) -> RemoteChange:
    return RemoteChange(
        change_id=row["id"],
        module=row["module"],
        operation=row["operation"],
        remote_id=row["remote_id"],
        fields=row["fields"],
        key=row["event_key"],
        key_field=row["key_field"],
        parent_module=row["parent_module"],
        parent_id=row["parent_id"],
        version=row["version"],
    )
