"""The command tree: one small file per group, nothing heavy imported before it is needed."""

from __future__ import annotations

import atexit
import gc
import sys

import typer

from tieout import __version__
from tieout.cli import (
    admin,
    books,
    configure,
    conflicts,
    copies,
    credit,
    dunning,
    flow,
    mapping,
    match,
    notices,
    reports,
    serving,
    who,
    why,
)
from tieout.cli.output import FAILED, Out
from tieout.core import logging
from tieout.core.errors import TieoutError

app = typer.Typer(
    name="tieout",
    help="Keeps CRMs and accounting systems in agreement about money owed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tieout {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Keeps CRMs and accounting systems in agreement about money owed."""


serving.register(app)
configure.register(app)
flow.register(app)
books.register(app)
admin.register(app)
copies.register(app)
match.register(app)
credit.register(app)
dunning.register(app)
reports.register(app)
why.register(app)
app.add_typer(conflicts.app, name="conflicts")
app.add_typer(who.app, name="customers")
app.add_typer(mapping.app, name="mapping")
app.add_typer(notices.app, name="notices")


def main() -> None:
    """Entry point of the `tieout` command; logs go to standard error, standard output is the result's alone."""
    logging.configure(level="WARNING")
    atexit.register(gc.freeze)  # the last collections over all loaded modules took longer than the rest of an end
    try:
        app()
    except TieoutError as error:  # an argument that cannot be read, before a command began
        Out(as_json="--json" in sys.argv).error(error)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output left; nothing more can be said to it
        sys.exit(FAILED)
