"""Deletions by absence: an id sweep, a grace period, and a guard by share and by open amount."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select, update

from sync.context import Context
from tieout.core import logging
from tieout.core.errors import SourceError
from tieout.core.money import format_minor
from tieout.core.ports import Connector, SourceRow, StreamInfo
from tieout.core.versions import SourceVersion
from tieout.store.landing import LandCounts, chunks, land
from tieout.store.session import reading, unit
from tieout.store.tables import documents, source_records, watermarks

log = logging.get("sweep")

GRACE = timedelta(minutes=10)
MAX_SHARE = 0.05  # more than this share of a stream vanishing at once is a fault until a person says otherwise
ALWAYS_ALLOWED = 5
MAX_OPEN_SHARE = 0.10  # of the open amount of the book, per currency


def sweep_stream(
    ctx: Context,
    connector: Connector,
    connection: str,
    info: StreamInfo,
    run_id: str,
    *,
    accept_deletes: bool = False,
) -> tuple[LandCounts, str]:
    """List all living ids; records missing twice, a grace period apart, become tombstones.

    Records unknown here, or with another state mark, are fetched by id. The listing must end properly: a failed, empty
    or cut listing raises and marks nothing. Above the thresholds nothing is deleted and the stream says why, until a
    person accepts the deletions.
    """
    marks: dict[str, str] = {}
    for page in connector.ids(info.name):
        marks.update(page)
    now = ctx.clock.now()
    c = source_records.c
    with reading(ctx.engine) as conn:
        known = {
            row.external_id: row
            for row in conn.execute(
                select(c.external_id, c.is_deleted, c.missing_since_at, c.source_hash).where(
                    c.connection == connection, c.stream == info.name
                )
            )
        }
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
    counts = LandCounts()
    blocked = "" if accept_deletes else _guard(ctx, connection, info, due, len(alive))
    with unit(ctx.engine, "landing.commit") as conn:
        for part in chunks(sorted(missing)):
            conn.execute(
                update(source_records)
                .where(
                    c.connection == connection,
                    c.stream == info.name,
                    c.external_id.in_(part),
                    c.missing_since_at.is_(None),
                )
                .values(missing_since_at=now)
            )
        for part in chunks(sorted(key for key in marks if key in known and known[key].missing_since_at)):
            conn.execute(
                update(source_records)
                .where(c.connection == connection, c.stream == info.name, c.external_id.in_(part))
                .values(missing_since_at=None)
            )
        if due and not blocked:
            rows = [SourceRow(key, SourceVersion(None, None, now), b"", "", is_deleted=True) for key in sorted(due)]
            counts = land(
                conn,
                connection=connection,
                stream=info.name,
                module=info.remote,
                rows=rows,
                run_id=run_id,
                now=now,
                fetched_by_id=True,
            )
        conn.execute(
            update(watermarks)
            .where(watermarks.c.connection == connection, watermarks.c.stream == info.name)
            .values(swept_at=now, error=blocked or None)
        )
    if blocked:
        log.warning("deletions held back", connection=connection, stream=info.name, why=blocked)
    ask = sorted({*strangers, *changed})
    if ask:
        from sync.pull import fetch_and_land

        counts.add(fetch_and_land(ctx, connection, info.name, ask, trigger="sweep", connector=connector))
    if odd is not None:
        _remember_marks(ctx, connection, info, odd)  # only now: a kill before must find them changed again
    return counts, blocked


def _changed_marks(
    ctx: Context, connection: str, info: StreamInfo, marks: dict[str, str]
) -> tuple[list[str], dict[str, str] | None]:
    """Ids whose state mark differs from the one remembered at the last sweep (e.g. a settlement undone).

    Also the marks to remember: only those that differ from the commonest one. None = the stream has no marks.
    """
    if not any(marks.values()):
        return [], None
    with reading(ctx.engine) as conn:
        state = conn.execute(
            select(watermarks.c.state).where(watermarks.c.connection == connection, watermarks.c.stream == info.name)
        ).scalar()
    held = dict((state or {}).get("marks") or {})
    default = _commonest(marks)
    odd = {key: mark for key, mark in marks.items() if mark != default}
    changed = [key for key, mark in odd.items() if held.get(key, default) != mark]
    changed += [key for key in held if key in marks and key not in odd]
    return changed, odd


def _remember_marks(ctx: Context, connection: str, info: StreamInfo, odd: dict[str, str]) -> None:
    w = watermarks.c
    where = (w.connection == connection, w.stream == info.name)
    with unit(ctx.engine, "landing.commit") as conn:
        state = conn.execute(select(w.state).where(*where)).scalar()
        conn.execute(update(watermarks).where(*where).values(state={**(state or {}), "marks": odd}))


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
