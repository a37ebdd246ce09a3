"""`notices`: reports and alerts on their way to people, and a test of a target."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.cli.options import ConfigOption, JsonOption
from tieout.cli.running import run

app = typer.Typer(help="Reports and alerts on their way to files and mailboxes.", no_args_is_help=True)


@app.command("list")
def list_notices(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was sent or waits: state, target and the error of each.

    \b
    Examples:
      tieout notices list
      tieout notices list --limit 200 --json
    """
    run(config, as_json, lambda service, cfg, progress: service.notices(limit))


@app.command("test")
def try_target(
    target: Annotated[str, typer.Argument(help="file, mail:name@example.com or chat:CONNECTION.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a test message to one target now; exit code 1 when it was not taken.

    \b
    Examples:
      tieout notices test mail:you@example.com
      tieout notices test file
    """
    run(config, as_json, lambda service, cfg, progress: service.test_notice(target))
