"""`reconcile`, `verify`, `rebuild`: whether the books hold, and where others differ from them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tieout.cli.options import ConfigOption, JsonOption, Service, known_option, on_option
from tieout.cli.output import USAGE
from tieout.cli.progress import ProgressView
from tieout.cli.reconcile_text import show_reconciliation
from tieout.cli.running import run
from tieout.core.config import Config

AsOf = Annotated[str | None, typer.Option("--as-of", help="The effective date (2026-11-30); today when left out.")]

KnownAt = Annotated[
    str | None,
    typer.Option("--known-at", help="What was known then: a commit number, an instant or a day; all of it by default."),
]


def reconcile(
    as_of: AsOf = None, known_at: KnownAt = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Compare the ledger with each source's own totals and explain every difference.

    A past day is compared with what each system can still say of it; those that cannot are named. Exit code 1 when the
    breaks of a currency do not add up to its whole difference.

    \b
    Examples:
      tieout reconcile
      tieout reconcile --as-of 2026-11-30 --json
      tieout reconcile --as-of 2026-11-30 --known-at 2026-12-02
    """

    def call(opened: Service, cfg: Config, progress: ProgressView) -> Any:
        asked: dict[str, Any] = {"as_of": on_option(as_of)}
        if known_at is not None:
            asked["known_at"] = known_option(known_at, cfg)
        return opened.reconcile(**asked)

    run(config, as_json, call, show=show_reconciliation)


def verify(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check the ledger's invariants and the audit chain; exit code 1 on any breach.

    \b
    Examples:
      tieout verify
      tieout verify --json
    """
    run(config, as_json, lambda service, cfg, progress: {"breaches": service.verify()})


def rebuild(
    check: Annotated[bool, typer.Option("--check", help="Compare only; nothing is changed.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fold all inputs again and compare with what is stored; exit code 1 on any difference.

    \b
    Examples:
      tieout rebuild --check
    """
    if not check:
        typer.echo("Say `tieout rebuild --check`: a rebuild compares, it does not overwrite.", err=True)
        raise typer.Exit(USAGE)
    run(config, as_json, lambda service, cfg, progress: service.rebuild_check())


def register(app: typer.Typer) -> None:
    """Add these commands to the tree."""
    for command in (reconcile, verify, rebuild):
        app.command()(command)
