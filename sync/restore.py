"""Restore: a copy in the place of the database: checked, fenced, and with pushing paused."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, make_url, select, update

from sync.backup import postgres_tool
from tieout.core.clock import Clock
from tieout.core.config import Config
from tieout.core.crypto import Sealer
from tieout.core.errors import ConfigError, TieoutError
from tieout.store import audit, migrate, restored, sealed
from tieout.store.session import make_engine, reading, unit
from tieout.store.tables import connections, inputs, leases

_SQLITE, _POSTGRES = b"SQLite format 3\x00", b"PGDMP"


def restore(
    config: Config, clock: Clock, path: Path, *, actor: str, replace: bool = False, without_key: bool = False
) -> dict[str, Any]:
    """Put a copy in the place of the configured database; pushing is paused until `tieout push resume`.

    `replace`: an embedded database that holds data is kept beside as `….before-restore-N`; an external one must be
    empty. `without_key`: stored tokens that this key cannot open are dropped and made anew.
    """
    kind = _kind(path)
    url = make_url(config.database_url)
    if (kind == "sqlite") != (url.get_backend_name() == "sqlite"):
        raise TieoutError(
            f"{path} is a copy of {'an embedded' if kind == 'sqlite' else 'a PostgreSQL'} database, "
            "and the configured database is of the other kind",
            hint="Set TIEOUT_DATABASE_URL (or leave it empty) as it was when the copy was made.",
            code="restore",
        )
    if kind == "sqlite":
        target = Path(str(url.database))
        kept = _restore_sqlite(target, path, replace, lambda it: _make_safe(it, config, clock, actor, without_key))
    else:
        kept = None
        engine = make_engine(config.database_url)
        try:
            if migrate.current(engine) is not None:
                raise TieoutError(
                    "the configured database is not empty",
                    hint="Create an empty one and name it in TIEOUT_DATABASE_URL.",
                    code="restore",
                )
            options = ["--exit-on-error", "--single-transaction", "--no-owner", str(path)]
            postgres_tool("pg_restore", options, config.database_url, as_target=True)
            _make_safe(engine, config, clock, actor, without_key)
        finally:
            engine.dispose()
    engine = make_engine(config.database_url)
    try:
        with reading(engine) as conn:
            seq = conn.execute(select(inputs.c.seq).order_by(inputs.c.seq.desc()).limit(1)).scalar()
            latest = conn.execute(select(inputs.c.at).order_by(inputs.c.seq.desc()).limit(1)).scalar()
    finally:
        engine.dispose()
    return {
        "path": str(path),
        "inputs": seq or 0,
        "last_input_at": latest,
        "kept": kept,
        "pushing": "paused",
        "ok": True,
    }


def _kind(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise TieoutError(f"{path} cannot be read: {error.strerror or error}", code="restore") from None
    if start == _SQLITE:
        return "sqlite"
    if start.startswith(_POSTGRES):
        return "postgres"
    raise TieoutError(
        f"{path} is not a backup of Tieout", hint="Name a file that `tieout backup` wrote.", code="restore"
    )


def _restore_sqlite(target: Path, source: Path, replace: bool, make_safe: Callable[[Engine], None]) -> str | None:
    """Copy, check and make safe beside the target, then rename: a crash leaves the old database or the new one."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_name(target.name + ".restoring")
    try:
        shutil.copyfile(source, part)
        part.chmod(0o600)
        db = sqlite3.connect(part)
        try:
            found = db.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.DatabaseError as error:
            found = str(error)
        finally:
            db.close()
        if found != "ok":
            raise TieoutError(f"{source} is damaged: {found}", hint="Take another copy.", code="restore")
        engine = make_engine(f"sqlite:///{part}")
        try:
            make_safe(engine)
            with engine.connect() as conn:  # everything into the one file that is renamed
                conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                conn.rollback()
        finally:
            engine.dispose()
        kept = _set_aside(target, replace)
        os.replace(part, target)
        return kept
    except OSError as error:
        raise TieoutError(f"the copy cannot be written: {error.strerror or error}", code="restore") from None
    finally:
        for suffix in ("", "-wal", "-shm"):
            part.with_name(part.name + suffix).unlink(missing_ok=True)


def _set_aside(target: Path, replace: bool) -> str | None:
    if not target.exists():
        return None
    if not replace:
        raise TieoutError(
            f"{target} exists already",
            hint="Add --replace: the present database is kept beside it under another name.",
            code="restore",
        )
    number = 1
    while (kept := target.with_name(f"{target.name}.before-restore-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):  # they belong to the old file and must go with it
        beside = target.with_name(target.name + suffix)
        if beside.exists():
            os.replace(beside, kept.with_name(kept.name + suffix))
    os.replace(target, kept)
    return str(kept)


def _make_safe(engine: Engine, config: Config, clock: Clock, actor: str, without_key: bool) -> None:
    """Pause pushing, fence every holder of the copied leases, and see that stored secrets can be opened."""
    have = migrate.current(engine)
    if have is None:
        raise TieoutError("this copy holds no Tieout database", code="restore")
    migrate.migrate(engine)  # refuses a copy of a newer version
    dropped = _check_secrets(engine, Sealer(config.secret_keys()), without_key)
    now = clock.now()
    with unit(engine, "admin.commit") as conn:
        if dropped:
            sealed.drop(conn)
        known = set(conn.execute(select(connections.c.name)).scalars())
        for name in sorted(set(config.connections) - known):
            conn.execute(
                connections.insert().values(name=name, vendor=config.connections[name].vendor, auth_state="ok")
            )
        conn.execute(update(connections).values(push_paused=True, push_paused_why=restored.PAUSED_WHY))
        conn.execute(update(leases).values(owner="", fence=leases.c.fence + 1000, until_at=now))
        restored.mark(conn, now)
        audit.append(conn, now, actor, "restore", "database", {"secrets_dropped": dropped})


def _check_secrets(engine: Engine, sealer: Sealer, without_key: bool) -> int:
    bad = sealed.unopenable(engine, sealer)
    if bad and not without_key:
        raise ConfigError(
            f"{len(bad)} stored secrets of this copy cannot be opened with this key",
            hint="Put the secret.key of that time into the home (or set TIEOUT_SECRET_KEY); with --without-key access "
            "tokens and notification channels are made anew instead.",
            code="restore",
        )
    return len(bad)
