"""Alerts: what somebody must look at, told once to the targets of [alerts], and once more when it is over.

Conditions are read from what the service stores anyway; nothing is asked of a remote. A condition that comes and goes
within a few minutes is one alert, not many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from sync.alert_words import alert_line, alert_subject, more_lines
from sync.context import Context
from sync.settle.credit_alerts import KIND as CREDIT_ALERT
from sync.verify import run_verify
from tieout.core import exact_json, logging
from tieout.core.dates import iso_utc, parse_at
from tieout.reports.health import connection_lines
from tieout.store import notices
from tieout.store.session import reading, unit
from tieout.store.tables import alerts, customers, decisions, meta, outbox, reconciliations, runs
from tieout.store.upsert import upsert

log = logging.get("alerts")
EVERY = timedelta(minutes=1)
VERIFY_EVERY = timedelta(hours=24)
QUIET_FOR = timedelta(minutes=5)  # so long a condition must be gone before it is over
NEWLY_FAILED = timedelta(days=1)  # how long a notice or report that failed is worth an alert
MOST_LINES = 40  # a message that nobody reads to its end warns nobody
STALE_AT_LEAST = timedelta(minutes=30)  # a stream read every few seconds is not stale after a minute
_CHECKED, _VERIFIED = "alerts:checked_at", "alerts:verified"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is wrong now; the key is the same as long as it is the same thing."""

    kind: str  # auth stream channel dead_letters books reconciliation report notice credit_limit
    subject: str
    detail: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.subject}"


def due(ctx: Context) -> list[str]:
    """The drains of alerting that are due: looking, and verifying the books once a day."""
    if not ctx.config.alerts.to:
        return []
    now = ctx.clock.now()
    with reading(ctx.engine) as conn:
        checked, verified = _instant(conn, _CHECKED), _verified(conn)
    names = []
    if verified is None or parse_at(verified["at"]) <= now - VERIFY_EVERY:
        names.append("verify")
    if checked is None or checked <= now - EVERY:
        names.append("alerts")
    return names


def note_verify(ctx: Context) -> int:
    """Check the books and the chains and keep the outcome for the alerts; answers the number of breaches."""
    found = run_verify(ctx)
    body = {"at": iso_utc(ctx.clock.now()), "breaches": [one.as_dict() for one in found[:20]], "count": len(found)}
    with unit(ctx.engine, "run.commit") as conn:
        _keep(conn, _VERIFIED, exact_json.dumps(body).decode())
    return len(found)


def run_alerts(ctx: Context) -> bool:
    """Look once: open what is new, end what is over, and queue one message about both; True if one was queued."""
    now = ctx.clock.now()
    with reading(ctx.engine) as conn:
        found = {one.key: one for one in conditions(conn, ctx, now)}
    a = alerts.c
    with unit(ctx.engine, "run.commit") as conn:
        held = {row["key"]: row for row in conn.execute(select(alerts).where(a.state == "open")).mappings()}
        new = [one for key, one in sorted(found.items()) if key not in held]
        over = [row for key, row in sorted(held.items()) if key not in found and row["last_seen_at"] <= now - QUIET_FOR]
        upsert(
            conn,
            alerts,
            [_row(one, held[one.key]["since_at"] if one.key in held else now, now) for one in found.values()],
        )
        for row in over:
            conn.execute(update(alerts).where(a.key == row["key"]).values(state="over", over_at=now))
        _keep(conn, _CHECKED, iso_utc(now))
        if new or over:
            _queue(conn, ctx, new, over, now)
    if new or over:
        log.warning("alerts", new=[one.key for one in new], over=[row["key"] for row in over])
    return bool(new or over)


def _row(one: Condition, since: datetime, now: datetime) -> dict[str, Any]:
    return {
        "key": one.key,
        "kind": one.kind,
        "subject": one.subject,
        "detail": one.detail[:1000],
        "state": "open",
        "since_at": since,
        "last_seen_at": now,
        "over_at": None,
    }


def _queue(conn: Connection, ctx: Context, new: Sequence[Condition], over: Sequence[Any], now: datetime) -> None:
    language = ctx.config.language
    lines = [alert_line(one.kind, one.subject, one.detail, None, language) for one in new]
    lines += [alert_line(row["kind"], row["subject"], row["detail"], row["since_at"], language) for row in over]
    notices.queue(
        conn,
        ctx.ids,
        occasion=f"alert:{iso_utc(now)}",
        kind="alert",
        targets=ctx.config.alerts.to,
        body={
            "subject": alert_subject(len(new), len(over), language),
            "text": "\n".join([*lines[:MOST_LINES], *more_lines(len(lines) - MOST_LINES, language)]),
            "at": now.isoformat(),
        },
        now=now,
    )


def conditions(conn: Connection, ctx: Context, now: datetime) -> list[Condition]:
    """Everything that is wrong at an instant."""
    out: list[Condition] = []
    for line in connection_lines(conn, ctx.config, now):
        name = line["name"]
        if line["auth_state"] == "dead":
            out.append(Condition("auth", name, line["error"] or ""))
        for stream in line["streams"]:
            late = stream["state"] == "late" and (stream["lag_seconds"] or 0) >= STALE_AT_LEAST.total_seconds()
            if late or stream["state"] == "failed":
                out.append(Condition("stream", f"{name}/{stream['stream']}", stream["error"] or ""))
        lapses = line["channel_expires_at"]
        if lapses is not None and lapses <= now:
            out.append(Condition("channel", name, iso_utc(lapses)))
    o = outbox.c
    for row in conn.execute(
        select(o.connection, func.count()).where(o.state == "dead").group_by(o.connection).order_by(o.connection)
    ):
        out.append(Condition("dead_letters", row[0], str(row[1])))
    verified = _verified(conn)
    if verified is not None and verified["count"]:
        first = verified["breaches"][0]
        out.append(Condition("books", "ledger", f"{verified['count']}: {first['invariant']} {first['subject']}"))
    c = reconciliations.c
    found = conn.execute(select(c.id, c.is_valid, c.body).order_by(c.run_at.desc()).limit(1)).first()
    is_empty = found is not None and found.body.get("sections") == []  # there was nothing to compare
    if found is not None and not found.is_valid and not is_empty:
        out.append(Condition("reconciliation", "latest", found.id))
    out += _failed_reports(conn, now)
    out += _breached_limits(conn)
    for notice in notices.troubled(conn, now - NEWLY_FAILED):
        if notice["kind"] == "report":  # an alert that cannot be sent would only make more of them
            out.append(Condition("notice", f"{notice['occasion']} {notice['target']}", notice["error"] or ""))
    return out


def _failed_reports(conn: Connection, now: datetime) -> list[Condition]:
    """Schedules whose last run failed."""
    r = runs.c
    query = select(r.stream, r.state, r.error).where(r.kind == "report", r.started_at >= now - NEWLY_FAILED)
    last: dict[str, Any] = {}
    for row in conn.execute(query.order_by(r.started_at, r.id)):
        last[row.stream] = row
    return [Condition("report", name, row.error or "") for name, row in sorted(last.items()) if row.state == "failed"]


def _breached_limits(conn: Connection) -> list[Condition]:
    """Customers over their credit limit: the stored `credit_alert` decisions that stand."""
    d = decisions.c
    query = (
        select(d.subject, d.body, customers.c.name)
        .select_from(decisions.outerjoin(customers, d.subject.startswith(customers.c.id + "|")))
        .where(d.kind == CREDIT_ALERT, d.value == "breach", d.is_current.is_(True))
        .order_by(d.subject)
    )
    out = []
    for row in conn.execute(query):
        customer, _, company = row.subject.partition("|")
        out.append(Condition("credit_limit", row.subject, f"{row.name or customer} ({company}, {row.body['key']})"))
    return out


def _keep(conn: Connection, key: str, value: str) -> None:
    upsert(conn, meta, [{"key": key, "value": value}])


def _instant(conn: Connection, key: str) -> datetime | None:
    value = conn.execute(select(meta.c.value).where(meta.c.key == key)).scalar()
    return None if value is None else parse_at(value)


def _verified(conn: Connection) -> Any:
    value = conn.execute(select(meta.c.value).where(meta.c.key == _VERIFIED)).scalar()
    return None if value is None else exact_json.loads(value)
