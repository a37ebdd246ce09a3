"""`report`: aging, statements, cash, credit, dunning and reconciliation as files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tieout.cli.books import AsOf, KnownAt
from tieout.cli.options import ConfigOption, JsonOption, known_option, load_config, on_option, service
from tieout.cli.output import FAILED, Out
from tieout.cli.running import reporting
from tieout.cli.write_config import write_bytes
from tieout.core.errors import ConfigError
from tieout.reports.render import FORMATS

LANGUAGES = ("zh-CN", "en")


def report(
    name: Annotated[str, typer.Argument(help="Which: aging, statement, cash, credit, dunning, reconcile.")],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    form: Annotated[
        str | None,
        typer.Option("--format", help="json, csv, xlsx, html or pdf; else by the file's name."),
    ] = None,
    to: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; else standard output.")] = None,
    customer: Annotated[str, typer.Option(help="One customer (cus_…); a statement needs it.")] = "",
    company: Annotated[str, typer.Option(help="One company of the configuration.")] = "",
    since: Annotated[str | None, typer.Option("--from", help="Where a statement or log begins (2026-10-01).")] = None,
    language: Annotated[str, typer.Option(help="zh-CN or en; else the configuration's.")] = "",
    table: Annotated[str, typer.Option(help="The table of a CSV (its key in the JSON); else the first.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Render a report into a file, whole or not at all.

    The head of a report names the point of knowledge, such as 12.345: asked for again with --known-at 12.345 it comes
    out the same. `reconcile` runs a reconciliation first; all others only read.

    \b
    Examples:
      tieout report aging --out aging.xlsx
      tieout report aging --as-of 2026-10-31 --known-at 2026-11-02 --format pdf --out aging.pdf
      tieout report statement --customer cus_0000000de0000j --from 2026-10-01 --out statement.pdf --language en
      tieout report reconcile --format html --out reconcile.html
    """
    from tieout.reports.made.catalog import known  # not before it is needed: it loads the database library

    out = Out(as_json=as_json)
    with reporting(out):
        cfg = load_config(config)
        out.language = cfg.language
        known(name)
        wanted = form or (to.suffix.lstrip(".").lower() if to is not None and to.suffix else "") or "json"
        if wanted not in FORMATS:
            raise ConfigError(f"there is no format {wanted!r}.", hint=f"There is: {', '.join(FORMATS)}.", code="usage")
        if language and language not in LANGUAGES:
            raise ConfigError(f"there is no language {language!r}.", hint="There is: zh-CN, en.", code="usage")
        if to is None and wanted in ("xlsx", "pdf") and sys.stdout.isatty():
            raise ConfigError(f"a terminal cannot show {wanted}.", hint="Say --out FILE.", code="usage")
        with service(cfg) as opened:
            made = opened.report(
                name,
                as_of=on_option(as_of),
                known_at=known_option(known_at, cfg),
                form=wanted,
                language=language,
                company=company,
                customer=customer,
                since=on_option(since),
                table=table,
                fresh=True,
            )
        if to is None:
            sys.stdout.buffer.write(made.body)
            sys.stdout.buffer.flush()
        else:
            write_bytes(to.absolute(), made.body, 0o644)
            facts = {"as_of": made.as_of, "known_at": made.known, "path": to, "bytes": len(made.body)}
            out.result({"report": name, "format": wanted, **facts})
    if not made.is_valid:
        raise typer.Exit(FAILED)


def register(app: typer.Typer) -> None:
    """Add this command to the tree."""
    app.command()(report)
