"""Backup: a consistent copy of the database while everything runs."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import make_url, text

from sync.context import Context
from sync.people import note
from tieout.core.errors import TieoutError
from tieout.store.session import is_sqlite, reading


def backup(ctx: Context, path: Path, actor: str = "cli") -> dict[str, Any]:
    """A consistent copy while everything runs; the file exists whole or not at all.

    Who asked is noted before: every copy holds its own line of audit, and none is made without one.
    """
    if path.exists():
        raise TieoutError(f"{path} exists already", hint="Name a new file.", code="backup")
    if not path.parent.is_dir():  # SQLite would only say that it cannot open a database
        raise TieoutError(f"{path} cannot be written: there is no folder {path.parent}", code="backup")
    note(ctx, actor, "backup", path.name, {})
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    try:
        with reading(ctx.engine) as conn:
            embedded = is_sqlite(conn)
        if embedded:
            with ctx.engine.connect() as conn:
                conn.execute(text("VACUUM INTO :path"), {"path": str(part)})
                conn.rollback()
            copy = sqlite3.connect(part)
            try:
                found = copy.execute("PRAGMA integrity_check").fetchone()[0]
            finally:
                copy.close()
        else:
            postgres_tool("pg_dump", ["--format=custom", f"--file={part}"], ctx.config.database_url)
            found = "ok"  # pg_dump ends with an error when it could not read everything
        part.chmod(0o600)
        part.replace(path)
    except OSError as error:
        raise TieoutError(f"{path} cannot be written: {error.strerror or error}", code="backup") from None
    finally:
        part.unlink(missing_ok=True)
    return {"path": str(path), "bytes": path.stat().st_size, "integrity": found, "ok": found == "ok"}


def postgres_tool(name: str, options: Sequence[str], database_url: str, *, as_target: bool = False) -> None:
    """Run one of PostgreSQL's client programs; its last word becomes the error."""
    found = shutil.which(name)
    if found is None:
        raise TieoutError(f"{name} was not found", hint="Install PostgreSQL's client programs.", code="backup")
    url = make_url(database_url)
    env = dict(os.environ)
    if url.password:
        env["PGPASSWORD"] = str(url.password)  # not on the command line, where others could read it
    target = url.set(drivername="postgresql", password=None).render_as_string()
    argv = [found, *(["--dbname", target] if as_target else [target]), *options]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, own argv
    if done.returncode:
        words = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise TieoutError(f"{name} failed: {words}", code="backup")
