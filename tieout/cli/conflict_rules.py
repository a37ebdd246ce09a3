"""`conflicts rules`: one answer for every conflict of a shape; shown first, made as shown, ended with undo."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tieout.cli.options import ConfigOption, CursorOption, JsonOption, LimitOption, actor
from tieout.cli.running import run

app = typer.Typer(
    help="One answer for every conflict of a shape.", no_args_is_help=True, rich_markup_mode=None, name="rules"
)
Conflict = Annotated[str, typer.Argument(metavar="CONFLICT", help="An open conflict of the shape (cfl_…).")]
Means = Annotated[str, typer.Option("--means", help="What an unmapped value means, in our words; else: leave.")]
Note = Annotated[str, typer.Option("--note", help="Kept with it.")]


def _wish(conflict: str, means: str) -> dict[str, Any]:
    return {"conflict": conflict, "action": "map" if means else "leave", "target": means}


@app.command("list")
def list_(
    ended: Annotated[bool, typer.Option("--ended", help="Those that were switched off.")] = False,
    limit: LimitOption = 50,
    cursor: CursorOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List rules with author, time and what they answered, newest first.

    \b
    Examples:
      tieout conflicts rules list
      tieout conflicts rules list --ended --json
    """
    state = "ended" if ended else "active"
    run(config, as_json, lambda service, cfg, progress: service.rules.rules(state, limit, cursor))


@app.command()
def preview(conflict: Conflict, means: Means = "", config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show which open conflicts a rule would answer now, the money in them, and the digest to make it with.

    \b
    Examples:
      tieout conflicts rules preview cfl_01k9x2 --means created
      tieout conflicts rules preview cfl_01k9x2
    """
    run(config, as_json, lambda service, cfg, progress: service.rules.preview(_wish(conflict, means)))


@app.command()
def make(
    conflict: Conflict,
    digest: Annotated[str, typer.Option("--digest", help="The digest of its preview.")],
    means: Means = "",
    note: Note = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a rule exactly as its preview showed it.

    \b
    Examples:
      tieout conflicts rules make cfl_01k9x2 --means created --digest 7ebb3c7c2a87b1a2 --note "our word for it"
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.rules.make(_wish(conflict, means), digest, note, actor()),
    )


@app.command()
def end(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule's id (rul_…).")],
    note: Note = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Switch a rule off: what it answered is open again, what people answered by hand stays.

    \b
    Examples:
      tieout conflicts rules end rul_01k9x2
    """
    run(config, as_json, lambda service, cfg, progress: service.rules.end(rule, note, actor()))
