"""`mapping`: try a profile on landed records before it decides anything."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.cli.options import ConfigOption, JsonOption, known_connection
from tieout.cli.running import run

app = typer.Typer(help="Try mapping profiles on landed records.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection whose records are mapped.")]
Stream = Annotated[str | None, typer.Option("--stream", help="Only this stream.")]


@app.command()
def check(connection: Name, stream: Stream = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Map every landed record without keeping anything: coverage, failures, difference, money effect.

    \b
    Examples:
      tieout mapping check zoho
      tieout mapping check kingdee --stream payments --json
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.mapping_check(known_connection(cfg, connection), stream),
    )


@app.command()
def suggest(connection: Name, stream: Stream = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Suggest entries for values and fields that no profile covers yet.

    \b
    Examples:
      tieout mapping suggest zoho
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.mapping_suggest(known_connection(cfg, connection), stream),
    )
