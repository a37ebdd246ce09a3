"""I6 and D8 by the vendor's own record: what counts as done or seen was there at some time; fences only rise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, select, text

from tests.sim.look import Rows
from tests.sim.process import nobody
from tieout.core import exact_json
from tieout.store.tables import outbox

if TYPE_CHECKING:
    from tests.sim.world import World


class Sent:
    """Holds each row that became done against the effects and the records of the vendor."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen = 0
        self._made: list[str] = []  # what creations of ours set, as text
        self._values: dict[tuple[str, str], dict[str, list[Any]]] = {}  # record -> field -> every value it ever had
        self._shown: dict[tuple[Any, ...], Any] = {}  # record -> its fields as we believe to have seen them

    def check(self, conn: Connection, fresh: list[str], shown: Rows | None) -> Iterator[str]:
        """`fresh`: rows that were not done at the last look; `shown`: what counts as seen there, None = as before."""
        self._read_effects()
        for row in shown or ():
            if self._shown.get(row[:2]) != row[2]:
                self._shown[row[:2]] = row[2]
                yield from self._was_there(*row[:2], row[2])
        for part in (fresh[at : at + 500] for at in range(0, len(fresh), 500)):
            o = outbox.c
            query = select(o.id, o.operation, o.module, o.remote_id, o.event_key, o.fields).where(o.id.in_(part))
            for row in conn.execute(query):
                if row.operation == "create":
                    if not any(str(row.event_key) in made for made in self._made):
                        yield f"I6 the message {row.id} counts as sent, the vendor was never told of {row.event_key}"
                else:
                    yield from self._written(row)

    def _written(self, row: Any) -> Iterator[str]:
        record = self._world.vendors.store.collection("zoho", row.module).get(str(row.remote_id)) or {}
        known = self._values.get((row.module, str(row.remote_id)), {})
        for name, value in row.fields.items():
            held = [*known.get(name, ()), record.get(name)]
            if not any(_plain(value) == _plain(one) for one in held):
                yield f"I6 {row.id} counts as written, {row.module} {row.remote_id} never held {name} = {value}"

    def _was_there(self, module: str, remote_id: str, text_or_fields: Any) -> Iterator[str]:
        """What we believe to have seen the vendor held at some time: else nobody would write it again."""
        fields = exact_json.loads(text_or_fields) if isinstance(text_or_fields, str) else text_or_fields
        record = self._world.vendors.store.collection("zoho", module).get(remote_id) or {}
        known = self._values.get((module, remote_id), {})
        for name, value in fields.items():
            held = [*known.get(name, ()), record.get(name)]
            if _plain(value) and not any(_plain(value) == _plain(one) for one in held):
                yield f"I6 {module} {remote_id} counts as showing {name} = {value}, it never did"

    def _read_effects(self) -> None:
        effects = self._world.vendors.store.effects
        for one in effects.since(self._seen):
            if one.vendor != "zoho":
                continue
            if one.operation == "insert" and one.actor == "api":
                self._made.append(exact_json.canonical(one.changes).decode())
            fields = self._values.setdefault((one.entity, one.record_id), {})
            for name, change in one.changes.items():
                fields.setdefault(name, []).extend(change)
        self._seen = effects.last_seq


class Fences:
    """The numbers of leases, looked at whenever one is taken, renewed or given back: they only rise (D8)."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}
        self._holders: dict[str, str] = {}  # lease -> the process that took it last
        self.taken = ""  # by the save that was looked at last

    def check(self, held: Connection, process: str) -> list[str]:
        """After `process` has saved a lease and committed on a connection that it still holds."""
        out = []
        rows = held.connection.cursor().execute(_FENCES).fetchall()
        self.taken = ""
        for name, fence in rows:
            if fence > self._held.get(name, 0):
                self._holders[name], self.taken = process, name
            if fence < self._held.get(name, 0):
                out.append(f"D8 the fence of {name} went back from {self._held[name]} to {fence}")
            self._held[name] = fence
        return out

    def intruder(self, lease: str, process: str) -> list[str]:
        """After `process` has committed what only the holder of a lease may: whether another one had taken it."""
        holder = self._holders.get(lease, process)
        return [] if holder == process else [f"D8 {process} wrote although {holder} has taken the lease {lease}"]

    def begin_again(self) -> None:
        """A backup was put back."""
        self._held.clear()
        self._holders.clear()


_FENCES = "SELECT name, fence FROM leases"
_CLAIMED = text("SELECT event_key FROM outbox WHERE operation = 'create' AND state = 'claimed'")


def under_way(engine: Engine) -> set[str]:
    """Keys of the records that senders are about to create."""
    with nobody(), engine.connect() as conn:
        found = {str(row[0]) for row in conn.execute(_CLAIMED)}
        conn.rollback()
    return found


def _plain(value: Any) -> str:
    """1.10 is 1.1, no text is no value, blanks at the ends do not count."""
    if value in (None, ""):
        return ""
    return exact_json.canonical(value.replace("\r\n", "\n").strip() if isinstance(value, str) else value).decode()
