"""I5 and P1: a cursor claims no more than was landed, and nothing is taken for deleted that nobody deleted.

The vendors' own stores say what there was to read; the product's idea of it is never asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, func, select

from tieout.sandbox.kingdee.forms import FORMS
from tieout.store.tables import inputs, source_records, watermarks

if TYPE_CHECKING:
    from tests.sim.world import World

MODULES = {"customers": "Accounts", "deals": "Deals", "invoices": "Invoices"}
FORM_OF = {
    "customers": "BD_Customer",
    "invoices": "AR_receivable",
    "payments": "AR_RECEIVEBILL",
    "allocations": "AR_RECMacthLog",
}
PREFIXED = ("AR_receivable", "AR_RECEIVEBILL")  # ids of these carry the form
GONE = ("delete", "purge")
_w, _s, _i = watermarks.c, source_records.c, inputs.c
_OF, _IN = bindparam("of"), bindparam("in_stream")
_SINCE = select(_w.since_at).where(_w.connection == _OF, _w.stream == _IN)
_LANDED = select(_s.external_id, _s.modified_at, _s.is_deleted, _s.needs_fetch, _s.source_hash, _s.payload_hash).where(
    _s.connection == _OF, _s.stream == _IN
)
_SEEN = select(func.max(_i.modified_at)).where(
    _i.connection == _OF,
    _i.stream == _IN,
    _i.external_id == bindparam("key"),
    _i.is_deleted.is_(False),
    _i.is_current.is_(True),
)


class Landed:
    """Looks at a stream when its cursor has moved, and at every record that was newly taken for deleted."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._cursors: dict[tuple[str, str], Any] = {}
        self._tombstones: set[tuple[str, str, str]] = set()
        self._seen = 0
        self._deleted: dict[tuple[str, str, str], datetime] = {}  # vendor, entity, record: when people deleted it last
        self._restored: set[tuple[str, str, str]] = set()  # and these came back, with whatever stamp they had

    def check(
        self, conn: Connection, marks: list[tuple[Any, ...]], gone: list[tuple[Any, ...]] | None
    ) -> Iterator[str]:
        """`marks`: connection, stream and cursor as they stand; `gone`: what is deleted here, None = as before."""
        self._read_effects()
        for connection, stream, since, *_ in marks:
            if since is not None and self._cursors.get((connection, stream)) != since:
                self._cursors[connection, stream] = since
                yield from self._claimed(conn, connection, stream)
        if gone is not None:
            yield from self._gone(conn, gone)

    def begin_again(self) -> None:
        """A backup was put back."""
        self._cursors.clear()

    def _read_effects(self) -> None:
        effects = self._world.vendors.store.effects
        for one in effects.since(self._seen):
            if one.operation in GONE:
                self._deleted[one.vendor, one.entity, one.record_id] = datetime.fromisoformat(one.at).astimezone(UTC)
            elif one.operation == "undelete":
                self._restored.add((one.vendor, one.entity, one.record_id))
        self._seen = effects.last_seq

    def _claimed(self, conn: Connection, connection: str, stream: str) -> Iterator[str]:
        """Every record that changed before the cursor is landed as it was then, or newer."""
        given = {"of": connection, "in_stream": stream}
        since = conn.execute(_SINCE, given).scalar_one()
        known = {row.external_id: row for row in conn.execute(_LANDED, given)}
        for entity, record, external_id, stamp in self._shown(connection, stream):
            if stamp >= since:
                continue
            row = known.get(external_id)
            if row is None:
                if (connection, entity, record) not in self._restored:
                    yield f"I5 {external_id} of {connection}/{stream} is not here: changed {stamp}, cursor {since}"
            elif row.is_deleted:
                if connection == "zoho" and row.modified_at is not None and row.modified_at < stamp:
                    yield (
                        f"I5 {external_id} of {connection}/{stream} came back and changed {stamp}, the cursor says "
                        f"{since}: landed as deleted at {row.modified_at}"
                    )
            elif row.needs_fetch or row.source_hash == row.payload_hash or row.modified_at is None:
                continue  # asked for again, or could not be read and says so
            elif row.modified_at < stamp:
                yield (
                    f"I5 {external_id} of {connection}/{stream} changed {stamp}, the cursor says {since}: "
                    f"landed as of {row.modified_at}"
                )

    def _shown(self, connection: str, stream: str) -> Iterator[tuple[str, str, str, datetime]]:
        """Entity, record, external id and modified stamp of what the vendor shows of a stream."""
        vendors = self._world.vendors
        if connection == "zoho":
            module = MODULES[stream]
            for record in vendors.store.collection("zoho", module).values():
                stamp = datetime.fromisoformat(str(record["Modified_Time"])).astimezone(UTC)
                yield module, str(record["id"]), str(record["id"]), stamp
            return
        form = FORM_OF.get(stream)
        if form is None:
            return
        zone = ZoneInfo(vendors.kingdee.settings.timezone)
        for doc in vendors.kingdee.library.ordered(FORMS[form]):
            texts = [str(doc[name]) for name in ("FModifyDate", "FAPPROVEDATE") if doc.get(name)]
            if texts:
                stamp = max(datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC) for text in texts)
                key = str(doc[FORMS[form].pk])
                yield form, key, f"{form}:{key}" if form in PREFIXED else key, stamp

    def _gone(self, conn: Connection, rows: list[tuple[Any, ...]]) -> Iterator[str]:
        now = {(str(connection), str(stream), str(external_id)) for connection, stream, external_id in rows}
        for connection, stream, external_id in sorted(now - self._tombstones):
            entity = MODULES[stream] if connection == "zoho" else FORM_OF.get(stream, "")
            deleted_at = self._deleted.get((connection, entity, external_id.rpartition(":")[2]))
            if external_id.startswith("unreadable-"):
                continue
            if deleted_at is None:
                yield f"P1 {connection}/{stream} {external_id} was taken for deleted, nobody deleted it"
            elif "skew" not in self._world.struck:  # else two processes may not agree which of two looks was later
                yield from self._seen_since(conn, connection, stream, external_id, deleted_at)
        self._tombstones = now

    def _seen_since(
        self, conn: Connection, connection: str, stream: str, external_id: str, deleted_at: datetime
    ) -> Iterator[str]:
        """Whoever has read a record as it was after its deletion knows that it lives: an older word is no news (D4)."""
        seen = conn.execute(_SEEN, {"of": connection, "in_stream": stream, "key": external_id}).scalar()
        if seen is not None and seen > deleted_at:
            yield (
                f"P1 {connection}/{stream} {external_id} was taken for deleted: that was {deleted_at}, "
                f"as of {seen} it was read again"
            )


def living(world: World, conn: Connection) -> list[str]:
    """E4: at the end exactly what lives at the vendors lives here."""
    s = source_records.c
    rows = conn.execute(select(s.connection, s.stream, s.external_id, s.is_deleted)).all()
    here = {(row.connection, row.stream, row.external_id) for row in rows if not row.is_deleted}
    look = Landed(world)
    there = {
        (connection, stream, external_id)
        for connection, streams in (("zoho", MODULES), ("kingdee", FORM_OF))
        for stream in streams
        for _, _, external_id, _ in look._shown(connection, stream)
    }
    read = {stream for connection, stream, _ in here if connection == "kingdee"}
    lost = sorted(one for one in there - here)[:3]
    left = sorted(one for one in here - there if not one[2].startswith("unreadable-") and one[1] in (*MODULES, *read))
    left = [one for one in left if one[0] == "zoho" or one[1] in FORM_OF][:3]
    return [f"E4 {'/'.join(one)} lives at the vendor and not here" for one in lost] + [
        f"E4 {'/'.join(one)} lives here and not at the vendor" for one in left
    ]
