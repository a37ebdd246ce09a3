"""`reconcile`, `verify`, `rebuild`, `report`: what the books say and whether they hold."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tieout.cli.options import ConfigOption, JsonOption, at_option, load_config, on_option, service
from tieout.cli.output import USAGE, Out
from tieout.cli.running import reporting, run

AsOf = Annotated[str | None, typer.Option("--as-of", help="The effective date (2026-11-30); today when left out.")]


class Format(StrEnum):
    """What a report can be rendered as."""

    json = "json"
    csv = "csv"
    xlsx = "xlsx"
    html = "html"
    pdf = "pdf"


def reconcile(as_of: AsOf = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Compare the ledger with each source's own totals and explain every difference.

    Exit code 1 when the breaks of a currency do not add up to its whole difference.

    \b
    Examples:
      tieout reconcile
      tieout reconcile --as-of 2026-11-30 --json
    """
    run(config, as_json, lambda service, cfg, progress: service.reconcile(as_of=on_option(as_of)))


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
    name: Annotated[str, typer.Argument(help="reconcile, aging, statement …")],
    as_of: AsOf = None,
    known_at: Annotated[str | None, typer.Option("--known-at", help="As it was known then; now when left out.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to render it.")] = Format.json,
    to: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; else standard output.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Render a report, by effective date and by what was known.

    \b
    Examples:
      tieout report aging --as-of 2026-11-30
      tieout report reconcile --format html --out reconcile.html
    """
    out = Out(as_json=as_json)
    with reporting(out):
        cfg = load_config(config)
        out.language = cfg.language
        with service(cfg) as opened:
            body = opened.report(name, on_option(as_of), at_option(cfg, known_at), form.value)
        if to is None:
            sys.stdout.buffer.write(body)
            return
        part = to.with_name(to.name + ".part")
        part.write_bytes(body)
        part.replace(to)
        out.result({"report": name, "path": to, "bytes": len(body)})


def register(app: typer.Typer) -> None:
    """Add these commands to the tree."""
    for command in (reconcile, verify, rebuild, report):
        app.command()(command)
