"""`reconcile`, `verify`, `rebuild`, `report`: what the books say and whether they hold."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from tieout.cli.options import ConfigOption, JsonOption, Service, known_option, load_config, on_option, service
from tieout.cli.output import OK, USAGE, Out, exit_code, plain_of
from tieout.cli.progress import ProgressView
from tieout.cli.reconcile_text import show_reconciliation
from tieout.cli.running import reporting, run
from tieout.cli.write_config import write_file
from tieout.core import exact_json
from tieout.core.config import Config
from tieout.core.errors import ConfigError

REPORTS = ("reconcile",)
AsOf = Annotated[str | None, typer.Option("--as-of", help="The effective date (2026-11-30); today when left out.")]

KnownAt = Annotated[
    str | None,
    typer.Option("--known-at", help="What was known then: a commit number, an instant or a day; all of it by default."),
]


class Format(StrEnum):
    """What a report can be rendered as."""

    json = "json"


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


def report(
    name: Annotated[str, typer.Argument(help="Which report: reconcile.")],
    as_of: AsOf = None,
    form: Annotated[Format, typer.Option("--format", help="How to render it.")] = Format.json,
    to: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; else standard output.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Render a report into a file, whole or not at all.

    \b
    Examples:
      tieout report reconcile
      tieout report reconcile --as-of 2026-11-30 --out reconcile.json
    """
    out = Out(as_json=as_json)
    with reporting(out):
        cfg = load_config(config)
        out.language = cfg.language
        if name not in REPORTS:
            raise ConfigError(f"there is no report {name!r}.", hint=f"There is: {', '.join(REPORTS)}.", code="usage")
        with service(cfg) as opened:
            found = plain_of(opened.reconcile(as_of=on_option(as_of)))
        body = msgspec.json.format(exact_json.dumps(found), indent=2) + b"\n"
        if to is None:
            sys.stdout.buffer.write(body)
            sys.stdout.buffer.flush()
        else:
            write_file(to.absolute(), body.decode(), 0o644)
            out.result({"report": name, "format": form.value, "path": to, "bytes": len(body)})
    if exit_code(found) != OK:
        raise typer.Exit(exit_code(found))


def register(app: typer.Typer) -> None:
    """Add these commands to the tree."""
    for command in (reconcile, verify, rebuild, report):
        app.command()(command)
