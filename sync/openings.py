"""The key `start_on` becomes an input: when the books of a connection begin, begin elsewhere, or no longer do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, delete, insert, select

from sync.context import Context
from sync.fold.batch import Batch, business_dates, open_batch
from sync.fold.parties import books_of
from sync.fold.run import fold
from tieout.store import leases
from tieout.store.inputs import append_input
from tieout.store.leases import Lease
from tieout.store.queries import openings
from tieout.store.queries.openings import OPENING
from tieout.store.session import reading, unit
from tieout.store.tables import documents, meta, pending, watermarks

HOLD = "opening_hold:"


@dataclass
class Openings:
    """What the apply lane knows of openings; nothing is asked for while no connection has one or wants one.

    `holds` are books that are read for the first time: their documents from before that day wait without entry.
    """

    wanted: dict[str, date | None] = field(default_factory=dict)  # of every book of record
    standing: dict[str, date | None] = field(default_factory=dict)
    holds: dict[str, date] = field(default_factory=dict)
    is_unfinished: bool = False

    @property
    def is_idle(self) -> bool:
        """True when no book has a beginning, had one, or wants one."""
        return not (self.standing or self.holds or any(self.wanted.values()))

    @property
    def mark(self) -> dict[str, dict[str, str]]:
        """What the mark of a fold says of holds: nothing where there are none."""
        return {"holds": {name: day.isoformat() for name, day in sorted(self.holds.items())}} if self.holds else {}

    def due(self) -> list[str]:
        """Connections whose beginning in the configuration is not the one in force, in order."""
        return [
            name for name, day in sorted(self.wanted.items()) if name in self.holds or day != self.standing.get(name)
        ]


def look(ctx: Context) -> Openings:
    """What is configured, what is in force and what is held; books that are still empty begin to be held here.

    A beginning that has not come yet has no effect until its day: the one in force stays.
    """
    out = Openings(wanted={name: start_on(ctx, name) for name in ctx.config.connections if is_book(ctx, name)})
    with reading(ctx.engine) as conn:
        out.standing = {name: row["start_on"] for name, row in openings.current(conn).items()}
        rows = conn.execute(select(meta.c.key, meta.c.value).where(meta.c.key.like(f"{HOLD}%"))).all()
        out.holds = {row.key.removeprefix(HOLD): date.fromisoformat(row.value) for row in rows}
        if out.is_idle:
            return out
        out.is_unfinished = openings.is_unfinished(conn)
        empty = [name for name in out.due() if name not in {*out.holds, *out.standing} and _is_empty(conn, name)]
    today = business_dates(ctx.config, ctx.clock.now())
    for name, day in out.wanted.items():
        if day is not None and day > min(today[company] for company in books_of(ctx.config, name)):
            out.wanted[name] = out.standing.get(name)
    fresh = {name: day for name in empty if (day := out.wanted[name]) is not None}
    if fresh:
        with unit(ctx.engine, "apply.commit") as conn:
            rows_ = [{"key": f"{HOLD}{name}", "value": day.isoformat()} for name, day in sorted(fresh.items())]
            conn.execute(insert(meta), rows_)
        out.holds.update(fresh)
    return out


def is_book(ctx: Context, name: str) -> bool:
    """Is this connection the book of record of a company? Only then a beginning means anything: claims do not post."""
    return bool(books_of(ctx.config, name))


def start_on(ctx: Context, name: str) -> date | None:
    """The configured beginning of a connection."""
    return ctx.config.connections[name].start_on


def _is_empty(conn: Connection, name: str) -> bool:
    return conn.execute(select(documents.c.id).where(documents.c.connection == name).limit(1)).first() is None


def is_read(ctx: Context, name: str) -> bool:
    """True once every stream of the connection has been read to its end."""
    w = watermarks.c
    with reading(ctx.engine) as conn:
        ended = select(w.stream).where(w.connection == name, w.first_completed_at.is_not(None))
        return set(ctx.streams(name)) <= set(conn.execute(ended).scalars())


def begin_books(ctx: Context, lease: Lease, known: Openings) -> Batch | None:
    """Put the next opening that is due into the input log and fold it; None when none is.

    One transaction, so that its totals are those of the books it is folded into. Called when nothing waits to be
    folded.
    """
    name = next((name for name in known.due() if is_read(ctx, name)), None)
    if name is None:
        return None
    to, before = known.wanted[name], known.holds.get(name, known.standing.get(name))
    with reading(ctx.engine) as conn:  # only this lane changes documents
        totals = openings.open_before(conn, name, to) if to is not None else {}
    now = ctx.clock.now()
    with unit(ctx.engine, "opening.commit") as conn:
        leases.guard(conn, lease)
        if conn.execute(select(pending.c.seq).limit(1)).first() is not None:
            return None  # something landed meanwhile: it may belong to the first reads
        body = {
            "connection": name,
            "companies": books_of(ctx.config, name),
            "start_on": to.isoformat() if to is not None else None,
            "before_on": before.isoformat() if before is not None else None,
            "reason": _reason(name in known.holds, before, to),
            "totals": totals,
        }
        seq = append_input(conn, OPENING, now, body, connection=name)
        mark = {"phase": "fold", "seqs": [[seq, seq]]}
        batch = open_batch(conn, ctx.config, {}, body=mark, now=now)
        fold(batch, [seq])
        conn.execute(delete(pending).where(pending.c.seq == seq))
        conn.execute(delete(meta).where(meta.c.key == f"{HOLD}{name}"))
        batch.flush()
    known.holds.pop(name, None)
    known.standing[name] = to
    known.is_unfinished = True
    return batch


def _reason(was_held: bool, before: date | None, to: date | None) -> str:
    if to is None:
        return "removed"
    if was_held:
        return "first"
    return "added" if before is None else "changed"
