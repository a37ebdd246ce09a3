"""Deletions by absence: an id sweep, a grace period, and a guard by share and by open amount."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from sync.context import Context
from sync.fetching import FETCH, fetch_part
from sync.reading import Held
from sync.slices import Slice
from tieout.core import logging
from tieout.core.errors import SourceError
from tieout.core.money import format_minor
from tieout.core.ports import Connector, SourceRow, StreamInfo
from tieout.core.versions import SourceVersion
from tieout.store import audit
from tieout.store.among import among_given
from tieout.store.landing import LandCounts, chunks, hold_records, land
from tieout.store.session import reading, unit
from tieout.store.tables import documents, source_records, sweep_marks, watermarks
from tieout.store.upsert import upsert

log = logging.get("sweep")

_w, _m, _s = watermarks.c, sweep_marks.c, source_records.c
_SET = update(watermarks).where(_w.connection == bindparam("of"), _w.stream == bindparam("in_stream"))
_STATE = select(_w.state).where(_w.connection == bindparam("of"), _w.stream == bindparam("in_stream"))
_HELD = select(_m.external_id, _m.mark).where(_m.connection == bindparam("of"), _m.stream == bindparam("in_stream"))
_FORGET = delete(sweep_marks).where(_m.connection == bindparam("of"), _m.stream == bindparam("in_stream"))
_OF_STREAM = (_s.connection == bindparam("of"), _s.stream == bindparam("in_stream"))
_KNOWN = select(_s.external_id, _s.is_deleted, _s.missing_since_at, _s.source_hash).where(*_OF_STREAM)
_MISSED = (
    update(source_records)
    .where(*_OF_STREAM, among_given(_s.external_id, "keys"), _s.missing_since_at.is_(None))
    .values(missing_since_at=bindparam("now"))
)
_FOUND_AGAIN = (
    update(source_records).where(*_OF_STREAM, among_given(_s.external_id, "keys")).values(missing_since_at=None)
)

GRACE = timedelta(minutes=10)
MAX_SHARE = 0.05  # more than this share of a stream vanishing at once is a fault until a person says otherwise
ALWAYS_ALLOWED = 5
MAX_OPEN_SHARE = 0.10  # of the open amount of the book, per currency


class StreamSweep:
    """One sweep of one stream, in slices: list the living ids, judge what is missing, fetch what is strange.

    What was listed before a slice ended waits in `sweep_marks`; the leg in the watermark says where to go on.
    """

    def __init__(
        self, ctx: Context, connector: Connector, connection: str, info: StreamInfo, run_id: str, held: Held,
        slice_: Slice, *, accept_deletes: bool, actor: str,
    ) -> None:  # fmt: skip
        self.ctx, self.connector, self.connection, self.info, self.run_id = ctx, connector, connection, info, run_id
        self.held, self.slice, self.accept_deletes, self.actor = held, slice_, accept_deletes, actor
        self.counts, self.blocked = LandCounts(), ""

    def run(self, leg: Mapping[str, Any] | None) -> bool:
        """Sweep on from a stored leg (None = from the beginning); False when the slice is over before the end.

        Records missing twice, a grace period apart, become tombstones. Records unknown here, or with another state
        mark, are fetched by id. The listing must end properly: a failed, empty or cut listing raises and marks
        nothing. Above the thresholds nothing is deleted and the stream says why, until a person accepts the deletions.
        """
        if leg is None or leg.get("at") != "ask":
            marks = self._list(leg["ids"] if leg is not None and leg.get("at") == "ids" else None)
            if marks is None:
                return False
            leg = self._judge(marks)
        return leg is None or self._ask(leg)

    def postpone(self) -> None:
        """Begin with the next slice of this round."""
        with unit(self.ctx.engine, "landing.commit") as conn:
            conn.execute(_SET, {**self._mark(), "leg": self._leg("ids", ids=None)})

    def _leg(self, at: str, **more: Any) -> dict[str, Any]:
        return {"at": at, "run": self.run_id, **more}

    def give_up(self) -> None:
        """Forget a sweep that failed: the next one begins anew."""
        with unit(self.ctx.engine, "landing.commit") as conn:
            self._forget_marks(conn)
            conn.execute(_SET, {**self._mark(), "leg": None})

    def _mark(self) -> dict[str, str]:
        return {"of": self.connection, "in_stream": self.info.name}

    def _forget_marks(self, conn: Connection) -> None:
        conn.execute(_FORGET, self._mark())

    # ------------------------------------------------------------- list
    def _list(self, resume: Mapping[str, Any] | None) -> dict[str, str] | None:
        """All living ids with their state marks; None when the slice ended first."""
        marks: dict[str, str] = {}
        if resume is not None:
            with reading(self.ctx.engine) as conn:
                held = conn.execute(_HELD, self._mark())
                marks = {row.external_id: row.mark for row in held}
        listed: dict[str, str] = {}
        last = resume
        for page in self.slice.through(self.connector.ids(self.info.name, resume)):
            self.held.keep()
            listed.update(page)
            last = page.resume
        if self.slice.is_cut:
            self._keep(listed, last, is_first=resume is None)
            return None
        return marks | listed

    def _keep(self, listed: Mapping[str, str], resume: Mapping[str, Any] | None, *, is_first: bool) -> None:
        rows = [
            {"connection": self.connection, "stream": self.info.name, "external_id": key, "mark": mark}
            for key, mark in sorted(listed.items())
        ]
        parts = list(chunks(rows, 2000)) or [[]]
        for at, part in enumerate(parts):
            with unit(self.ctx.engine, "landing.commit") as conn:
                if is_first and at == 0:
                    self._forget_marks(conn)
                for some in chunks(part):
                    upsert(conn, sweep_marks, some)
                if at == len(parts) - 1:
                    conn.execute(_SET, {**self._mark(), "leg": self._leg("ids", ids=resume)})

    # ------------------------------------------------------------- judge
    def _judge(self, marks: dict[str, str]) -> dict[str, Any] | None:
        """What is left to ask for; None when nothing is and the sweep has ended."""
        ctx, connection, info = self.ctx, self.connection, self.info
        now = ctx.clock.now()
        with reading(ctx.engine) as conn:
            known = {row.external_id: row for row in conn.execute(_KNOWN, self._mark())}
        alive = {key for key, row in known.items() if not row.is_deleted and not key.startswith("unreadable-")}
        missing = alive - marks.keys()
        if alive and not marks:
            raise SourceError(
                f"{connection}/{info.name}: the id listing is empty but {len(alive)} records are known",
                hint="Nothing was deleted. Check permissions and data scope of the API user.",
            )
        strangers = [key for key in marks if key not in known or known[key].is_deleted]
        changed, odd = _changed_marks(ctx, connection, info, marks)
        due = [key for key in missing if known[key].missing_since_at and now - known[key].missing_since_at >= GRACE]
        guarded = _guard(ctx, connection, info, due, len(alive))
        self.blocked = "" if self.accept_deletes else guarded
        ask = sorted({*strangers, *changed})
        leg = self._leg("ask", ask=ask, odd=odd, blocked=self.blocked) if ask else None
        with unit(ctx.engine, "landing.commit") as conn:
            hold_records(conn, connection)
            for part in chunks(sorted(missing)):
                conn.execute(_MISSED, {**self._mark(), "keys": part, "now": now})
            for part in chunks(sorted(key for key in marks if key in known and known[key].missing_since_at)):
                conn.execute(_FOUND_AGAIN, {**self._mark(), "keys": part})
            if due and not self.blocked:
                rows = [SourceRow(key, SourceVersion(None, None, now), b"", "", is_deleted=True) for key in sorted(due)]
                self.counts = land(
                    conn,
                    connection=connection,
                    stream=info.name,
                    module=info.remote,
                    rows=rows,
                    run_id=self.run_id,
                    now=now,
                    fetched_by_id=True,
                )
                if guarded:
                    told = {"records": len(due), "known": len(alive), "why": guarded}
                    audit.append(conn, now, self.actor, "pull.accept_deletes", f"{connection}/{info.name}", told)
            self._forget_marks(conn)
            why = self.blocked or None
            moved = {"swept_at": now, "held_back": why, "error": why, "leg": leg}
            conn.execute(_SET, {**self._mark(), **moved, **(self._odd(conn, odd) if leg is None else {})})
        if self.blocked:
            log.warning("deletions held back", connection=connection, stream=info.name, why=self.blocked)
        return leg

    # ------------------------------------------------------------- ask
    def _ask(self, leg: Mapping[str, Any]) -> bool:
        """Fetch the strange ones; only then are the marks remembered: a kill before must find them changed again."""
        left: list[str] = list(leg["ask"])
        self.blocked = leg["blocked"]
        while left:
            self.held.keep()
            part, left = left[:FETCH], left[FETCH:]
            self.counts.add(fetch_part(self.ctx, self.connector, self.connection, self.info, part, self.run_id))
            if left and self.slice.cut():
                with unit(self.ctx.engine, "landing.commit") as conn:
                    conn.execute(_SET, {**self._mark(), "leg": {**leg, "ask": left}})
                return False
        with unit(self.ctx.engine, "landing.commit") as conn:
            conn.execute(_SET, {**self._mark(), "leg": None, **self._odd(conn, leg["odd"])})
        return True

    def _odd(self, conn: Connection, odd: Mapping[str, str] | None) -> dict[str, Any]:
        """The marks to remember, as a change of the watermark; None = the stream has none."""
        if odd is None:
            return {}
        state = conn.execute(_STATE, self._mark()).scalar()
        return {"state": {**(state or {}), "marks": odd}}


def _changed_marks(
    ctx: Context, connection: str, info: StreamInfo, marks: dict[str, str]
) -> tuple[list[str], dict[str, str] | None]:
    """Ids whose state mark differs from the one remembered at the last sweep (e.g. a settlement undone).

    Also the marks to remember: those that differ from the usual one, which stands under no id (""): what the stream
    calls ordinary, else the commonest, which is another one as soon as most records have moved. None = the stream has
    no marks. What was never listed yet may have moved since it was read: whatever is not as usual is asked for.
    """
    if not any(marks.values()):
        return [], None
    with reading(ctx.engine) as conn:
        state = conn.execute(_STATE, {"of": connection, "in_stream": info.name}).scalar()
    held = dict((state or {}).get("marks") or {})
    default = info.ordinary_mark or _commonest(marks)
    before = held.pop("", default)
    changed = [key for key, mark in marks.items() if held.get(key, before) != mark]
    return changed, {"": default} | {key: mark for key, mark in marks.items() if mark != default}


def _commonest(marks: dict[str, str]) -> str:
    tally: dict[str, int] = {}
    for mark in marks.values():
        tally[mark] = tally.get(mark, 0) + 1
    return max(sorted(tally), key=lambda mark: tally[mark])


def _guard(ctx: Context, connection: str, info: StreamInfo, due: list[str], alive: int) -> str:
    """Why these deletions must not happen by themselves; empty when they may."""
    if not due:
        return ""
    if len(due) > max(ALWAYS_ALLOWED, int(alive * MAX_SHARE)):
        return f"{len(due)} of {alive} records vanished at once: held back, `tieout pull --accept-deletes` lets them go"
    with reading(ctx.engine) as conn:
        d = documents.c
        total = dict(
            conn.execute(
                select(d.currency, func.sum(func.abs(d.open_minor)))
                .where(d.connection == connection, d.state == "posted")
                .group_by(d.currency)
            ).all()
        )
        gone: dict[str, int] = {}
        for part in chunks(due):
            for currency, amount in conn.execute(
                select(d.currency, func.sum(func.abs(d.open_minor)))
                .where(d.connection == connection, d.external_id.in_(part), d.state == "posted")
                .group_by(d.currency)
            ):
                gone[currency] = gone.get(currency, 0) + int(amount)
    for currency, amount in gone.items():
        if len(due) > ALWAYS_ALLOWED and amount > int(total.get(currency) or 0) * MAX_OPEN_SHARE:
            shown = format_minor(amount, currency)
            return f"records with {shown} open vanished at once: held back, `tieout pull --accept-deletes` lets them go"
    return ""
