"""Operations: checks, write-back fields, readiness, and plain listings for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from mapping.outbound import writable_fields
from mapping.outbound_fields import MODULES
from sync.channels import ensure_channel
from sync.context import Context
from sync.opening_findings import start_findings
from sync.queue import ring, waiting
from sync.verify import run_verify
from tieout.core import logging
from tieout.core.errors import Gone, SourceError
from tieout.core.money import format_minor
from tieout.core.ports import Finding
from tieout.store import channels, pushes, restored
from tieout.store import connections as connection_store
from tieout.store.migrate import current, head
from tieout.store.session import reading, unit
from tieout.store.tables import conflicts, meta, outbox, watermarks

log = logging.get("operations")
STALE = timedelta(hours=1)
HINTS = {
    "auth": "Correct the credentials, then run `tieout check`.",
    "transient": "Is its address right, and does this machine reach it? Then run `tieout check` again.",
    "stale": "Is `tieout up` (or the scheduler and a bulk worker) running? `tieout sync` reads now.",
    "redis": "`tieout up` starts one; else set redis_url. `tieout sync` works without.",
}
NO_FIELD = ("no_field", "no_key_field")  # refusals that `setup` cures


def prepare_sandboxes(ctx: Context) -> None:
    """Create the write-back fields of sandbox connections once; a failure is said, not raised."""
    for name, connection in ctx.config.connections.items():
        if not connection.sandbox or connection.vendor not in MODULES or not connection.push:
            continue
        key = f"setup:{name}"
        with reading(ctx.engine) as conn:
            if conn.execute(select(meta.c.value).where(meta.c.key == key)).first() is not None:
                continue
        findings = setup(ctx, name)["findings"]
        if any(finding["level"] == "error" for finding in findings):
            log.warning("fields are missing in the sandbox", connection=name, findings=findings)
            continue
        with unit(ctx.engine, "admin.commit") as conn:
            conn.execute(insert(meta).values(key=key, value=ctx.clock.now().isoformat()))


def note_connections(ctx: Context) -> None:
    """The configured connections get their rows; in a copied home nothing is sent until a person says so."""
    connection_store.ensure(ctx.engine, {name: one.vendor for name, one in ctx.config.connections.items()})
    if ctx.config.embedded_database:
        pause_on_copied_home(ctx)


def pause_on_copied_home(ctx: Context) -> None:
    """A home that stands elsewhere than it last did may be a copy: nothing is sent until a person says so (D13)."""
    here = str(ctx.config.home.resolve())
    with reading(ctx.engine) as conn:
        known = conn.execute(select(meta.c.value).where(meta.c.key == "home")).scalar()
    if known == here:
        return
    with unit(ctx.engine, "admin.commit") as conn:
        conn.execute(delete(meta).where(meta.c.key == "home"))
        conn.execute(insert(meta).values(key="home", value=here))
    if known is not None:
        why = f"{restored.COPIED_WHY} (it was at {known})"
        with unit(ctx.engine, "admin.commit") as conn:
            restored.mark(conn, ctx.clock.now())  # it may be an old copy: what it calls unsent may have been sent
        connection_store.pause_push(ctx.engine, list(ctx.config.connections), why)
        log.warning("pushing is paused", why=why, hint="Run `tieout push resume` if this is the one that should send.")


def setup(ctx: Context, name: str, *, dry_run: bool = False) -> dict[str, Any]:
    """Create the write-back fields of one connection, or say what would be created."""
    connection = ctx.config.connections[name]
    if connection.vendor not in MODULES:
        finding = Finding("ok", "read_only", f"{connection.vendor} is only read: nothing to create.")
        return {"connection": name, "ok": True, "dry_run": dry_run, "findings": [asdict(finding)]}
    connector = ctx.connector(name)
    try:
        found = connector.setup(writable_fields(connection.vendor, connection.fields), dry_run=dry_run)
    finally:
        connector.close()
    if getattr(connector, "hooks_by_hand", False):
        found = [*found, *_webhook_address(ctx, name, dry_run)]
    ok = not any(finding.level == "error" for finding in found)
    revived = pushes.revive(ctx.engine, name, NO_FIELD, "setup", ctx.clock) if ok and not dry_run else 0
    if revived:
        found = [*found, Finding("ok", "revived", f"{revived} changes that lacked these fields will be sent again")]
        ring(ctx, f"push:{name}")
    return {"connection": name, "ok": ok, "dry_run": dry_run, "findings": [asdict(finding) for finding in found]}


def _webhook_address(ctx: Context, name: str, dry_run: bool) -> list[Finding]:
    """The address that a person enters at a vendor that has no call for it."""
    if not ctx.config.public_url:
        text = "without public_url there is no address that the vendor could call: changes are pulled by interval"
        return [Finding("ok", "no_webhook", text, "Set public_url to get it.")]
    if not dry_run:
        ensure_channel(ctx, name)
    held = channels.load(ctx.engine, ctx.sealer, name)
    if held is None:
        return [Finding("ok", "no_webhook", "the webhook's address is made when this runs without --dry-run")]
    return [Finding("ok", "webhook_address", f"enter as the webhook's address: {held.notify_url}")]


def check(ctx: Context, name: str | None) -> dict[str, Any]:
    """What each connection says of itself; one that cannot be reached is an error finding, not an exception."""
    out: list[dict[str, Any]] = []
    for key in [name] if name else list(ctx.config.connections):
        try:
            connector = ctx.connector(key)
            try:
                found = connector.check()
            finally:
                connector.close()
            if not any(finding.level == "error" for finding in found):
                connection_store.set_auth_ok(ctx.engine, key)
        except SourceError as error:
            found = [Finding("error", error.code, error.message, error.hint)]
        found = [*(_with_hint(one) for one in found), *start_findings(ctx, key)]
        out.append(
            {
                "connection": key,
                "ok": not any(finding.level == "error" for finding in found),
                "findings": [asdict(finding) for finding in found],
            }
        )
    return {"ok": all(row["ok"] for row in out), "connections": out}


def _with_hint(found: Finding) -> Finding:
    """An error says what to do, also where the vendor's answer did not."""
    return replace(found, hint=found.hint or HINTS.get(found.code, "")) if found.level == "error" else found


def doctor(ctx: Context) -> dict[str, Any]:
    """Everything `check` says, plus schema, invariants, stuck work and stale streams."""
    findings: list[Finding] = []
    have, want = current(ctx.engine), head()
    if have != want:
        findings.append(
            Finding("error", "schema", f"schema version {have}, this version needs {want}", "Run `tieout up`.")
        )
    else:
        breaches = run_verify(ctx)
        findings.append(
            Finding("error", "books", f"{len(breaches)} invariants do not hold", "Run `tieout verify`.")
            if breaches
            else Finding("ok", "books", "the books balance and the hash chains are unbroken")
        )
        findings.extend(_first_steps(ctx))
        findings.extend(
            Finding("warning", row["code"], row["message"], HINTS.get(row["code"], ""))
            for row in ready(ctx)
            if row["code"] != "never_read"
        )
        with reading(ctx.engine) as conn:
            dead = conn.execute(select(outbox.c.id).where(outbox.c.state == "dead")).all()
            held = conn.execute(select(watermarks).where(watermarks.c.held_back.is_not(None))).mappings().all()
        findings.extend(
            Finding("warning", "held_back", f"{row['connection']}/{row['stream']}: {row['held_back']}") for row in held
        )
        if dead:
            findings.append(
                Finding("warning", "dead_letters", f"{len(dead)} changes were refused", "See `tieout push dead`.")
            )
    checked = check(ctx, None)
    return {
        "ok": checked["ok"] and not any(finding.level == "error" for finding in findings),
        "findings": [asdict(finding) for finding in findings],
        "connections": checked["connections"],
    }


def _first_steps(ctx: Context) -> list[Finding]:
    """What is to be done before there are any figures: a line a connection, not one a stream."""
    if not ctx.config.connections:
        hint = (
            "Run `tieout init` to write a configuration, or `tieout up --sandbox` to try it with an invented company."
        )
        return [Finding("warning", "no_connections", "no systems are connected yet", hint)]
    unread: dict[str, list[str]] = {}
    for row in ready(ctx):
        if row["code"] == "never_read":
            name, _, rest = row["message"].partition("/")
            unread.setdefault(name, []).append(rest.split(" ", 1)[0])
    return [
        Finding(
            "warning",
            "never_read",
            f"{name} has not been read to its end yet: {', '.join(streams)}",
            f"Run `tieout check {name}`, then `tieout sync`; with `tieout up` it happens by itself.",
        )
        for name, streams in unread.items()
    ]


def ready(ctx: Context) -> list[dict[str, str]]:
    """Reasons not to trust this service now."""
    problems: list[dict[str, str]] = []
    try:
        have = current(ctx.engine)
    except Exception as error:  # noqa: BLE001 - whatever the driver raises, the answer is "not ready"
        return [{"code": "database", "message": f"the database does not answer: {type(error).__name__}"}]
    if have != head():
        return [{"code": "migrations", "message": f"schema version {have}, this version needs {head()}"}]
    now = ctx.clock.now()
    with reading(ctx.engine) as conn:
        rows = {(row["connection"], row["stream"]): row for row in conn.execute(select(watermarks)).mappings()}
        states = connection_store.all_rows(ctx.engine)
    for name, connection in ctx.config.connections.items():
        if states.get(name, {}).get("auth_state") == "dead":
            problems.append({"code": "auth", "message": f"{name}: credentials are refused"})
        for stream in ctx.streams(name):
            row = rows.get((name, stream))
            done = row["completed_at"] if row is not None else None
            if done is None:
                problems.append({"code": "never_read", "message": f"{name}/{stream} has not been read to its end yet"})
            elif now - done > max(STALE, connection.interval * 3):
                problems.append({"code": "stale", "message": f"{name}/{stream} was last read {done.isoformat()}"})
    if not waiting(ctx.config.redis_url):
        problems.append({"code": "redis", "message": "the queue server does not answer: work waits for the sweep"})
    return problems


def list_conflicts(ctx: Context, state: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """Conflicts for the terminal: most money first; `cursor` is the id of the last one seen."""
    c = conflicts.c
    query = select(conflicts).order_by(c.money_minor.desc(), c.id)
    if state != "all":
        query = query.where(c.state == state)
    with reading(ctx.engine) as conn:
        rows = conn.execute(query).mappings().all()
    start = next((at + 1 for at, row in enumerate(rows) if row["id"] == cursor), 0) if cursor else 0
    page = rows[start : start + limit]
    more = len(rows) > start + limit
    return {
        "conflicts": [
            {
                "id": row["id"],
                "kind": row["kind"],
                "state": row["state"],
                "title": row["title"],
                "at_stake": _money(row),
                "suggestions": len(row["suggestions"]),
                "opened_at": row["opened_at"].isoformat(),
            }
            for row in page
        ],
        "next": page[-1]["id"] if more and page else None,
        "count": len(rows),
    }


def show_conflict(ctx: Context, conflict_id: str) -> dict[str, Any]:
    """One conflict, whole."""
    with reading(ctx.engine) as conn:
        row = conn.execute(select(conflicts).where(conflicts.c.id == conflict_id)).mappings().first()
    if row is None:
        raise Gone(f"there is no conflict {conflict_id}", code="no_conflict")
    out = dict(row)
    out["at_stake"] = _money(row)
    for name in ("opened_at", "closed_at"):
        out[name] = out[name].isoformat() if out[name] else None
    return out


def _money(row: Mapping[Any, Any]) -> str:
    return format_minor(row["money_minor"], row["currency"]) if row["currency"] else ""


def push_row(conn: Connection, push_id: str) -> Mapping[Any, Any] | None:
    """One outbox row."""
    return conn.execute(select(outbox).where(outbox.c.id == push_id)).mappings().first()


def dead_letters(ctx: Context, connection: str | None, limit: int) -> dict[str, Any]:
    """Changes that were refused for good or given up, grouped by why, newest first."""
    o = outbox.c
    query = select(outbox).where(o.state == "dead").order_by(o.updated_at.desc(), o.id)
    if connection:
        query = query.where(o.connection == connection)
    with reading(ctx.engine) as conn:
        rows = conn.execute(query).mappings().all()
    causes: dict[tuple[str, str, str], int] = {}
    for row in rows:
        cause = (row["connection"], row["module"], row["error_code"] or "")
        causes[cause] = causes.get(cause, 0) + 1
    return {
        "count": len(rows),
        "causes": [
            {"connection": key[0], "module": key[1], "code": key[2], "count": count}
            for key, count in sorted(causes.items())
        ],
        "dead": [
            {
                "id": row["id"],
                "connection": row["connection"],
                "module": row["module"],
                "remote_id": row["remote_id"],
                "code": row["error_code"],
                "why": row["error"],
                "attempts": row["attempts"],
            }
            for row in rows[:limit]
        ],
    }
