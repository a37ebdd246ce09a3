"""How every subcommand runs: open, call, print, and say by the exit code how it went."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from tieout.cli.options import Service, load_config, service
from tieout.cli.output import FAILED, OK, Out, exit_code, plain_of
from tieout.cli.progress import ProgressView
from tieout.cli.texts import text
from tieout.core.clock import SystemClock
from tieout.core.config import Config
from tieout.core.errors import TieoutError

Show = Callable[[Out, Any], bool]
Call = Callable[[Service, Config, ProgressView], Any]


# What SQLite and PostgreSQL say when nothing more can be written, and what SQLite says of a file that it cannot read
# as its own (sqlite.org/rescode.html: SQLITE_FULL, SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB).
_FULL = ("disk is full", "no space left on device", "disk i/o error")
_DAMAGED = ("database disk image is malformed", "file is not a database", "malformed database schema")


@contextmanager
def reporting(out: Out) -> Iterator[None]:
    """Expected failures become one line and exit code 1; anything else is a defect and shows its traceback."""
    try:
        yield
    except TieoutError as error:
        out.error(error)
        raise typer.Exit(FAILED) from None
    except Exception as error:
        known = outside(error, out.language)
        if known is None:
            raise
        out.error(known)
        raise typer.Exit(FAILED) from None


def outside(error: Exception, language: str = "en") -> TieoutError | None:
    """A database or queue server that cannot be used, as one line; None for anything that is our own defect.

    The classes are named, not imported: a command that needs neither should not load them.
    """
    kind = f"{type(error).__module__}.{type(error).__name__}"
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    first = said[0] if said else type(error).__name__
    if _is_full(error, kind, first):
        return TieoutError(text(language, "disk_full", why=first), hint=text(language, "disk_full_hint"), code="disk")
    if kind.startswith(("sqlalchemy.exc.", "sqlite3.")) and any(words in first for words in _DAMAGED):
        return TieoutError(
            text(language, "damaged", why=first), hint=text(language, "damaged_hint"), code="database_damaged"
        )
    if kind in ("sqlalchemy.exc.OperationalError", "sqlalchemy.exc.ProgrammingError"):
        return TieoutError(
            f"the database cannot be used: {first}.",
            hint="Check TIEOUT_DATABASE_URL; `tieout sync` or `tieout serve` brings a database to this version.",
            code="database",
        )
    if kind in ("redis.exceptions.ConnectionError", "redis.exceptions.TimeoutError"):
        return TieoutError(
            f"the queue server does not answer: {first}",
            hint="Start it, or check TIEOUT_REDIS_URL. `tieout sync` works without it.",
            code="queue",
        )
    return None


def _is_full(error: Exception, kind: str, first: str) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    words = first.lower()
    return kind.startswith(("sqlalchemy.exc.", "sqlite3.")) and any(said in words for said in _FULL)


def run(config_path: Path | None, as_json: bool, call: Call, *, quiet: bool = True, show: Show | None = None) -> None:
    """Call the service, print what it answers, exit with what that means. `quiet` False shows progress.

    `show` prints an answer for people in its own way; it says whether it did.
    """
    out = Out(as_json=as_json)
    with reporting(out):
        config = load_config(config_path)
        out.language = config.language
        with service(config) as opened, ProgressView(out.err, SystemClock(), quiet=quiet) as progress:
            answer = call(opened, config, progress)
        plain = plain_of(answer)
        if as_json or show is None or not show(out, plain):
            out.result(plain)
        code = exit_code(plain)
    if code != OK:
        raise typer.Exit(code)
