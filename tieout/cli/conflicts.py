"""`conflicts`: what people must decide, by money at stake."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tieout.cli import conflict_rules
from tieout.cli.options import ConfigOption, CursorOption, JsonOption, actor
from tieout.cli.running import run
from tieout.core import exact_json
from tieout.core.errors import BadPayload, ConfigError

app = typer.Typer(help="What people must decide.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(conflict_rules.app)
Id = Annotated[str, typer.Argument(metavar="ID", help="The conflict's id (cfl_…).")]


@app.command("list")
def list_(
    state: Annotated[str, typer.Option("--state", help="open, resolved or all.")] = "open",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many.")] = 50,
    cursor: CursorOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List conflicts, most money at stake first.

    \b
    Examples:
      tieout conflicts list
      tieout conflicts list --state resolved --limit 10 --json
    """
    run(config, as_json, lambda service, cfg, progress: service.conflicts(state=state, limit=limit, cursor=cursor))


@app.command()
def show(id: Id, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show one conflict: evidence from both sides, suggestions with reasons, money at stake.

    \b
    Examples:
      tieout conflicts show cfl_01k9x2
    """
    run(config, as_json, lambda service, cfg, progress: service.conflict(id))


@app.command()
def resolve(
    id: Id,
    pairs: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE…", help="The answer.")] = None,
    answer: Annotated[str | None, typer.Option("--answer", help="The answer as a JSON object.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a conflict; everything it blocked is done again.

    \b
    Examples:
      tieout conflicts resolve cfl_01k9x2 action=link target=cus_01k9w7
      tieout conflicts resolve cfl_01k9x2 --answer '{"action": "separate"}'
    """
    run(config, as_json, lambda service, cfg, progress: service.resolve(id, answer_of(pairs or [], answer), actor()))


@app.command()
def undo(id: Id, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Take an answer back; what it caused is reversed.

    \b
    Examples:
      tieout conflicts undo cfl_01k9x2
    """
    run(config, as_json, lambda service, cfg, progress: service.undo(id, actor()))


def answer_of(pairs: list[str], text: str | None) -> dict[str, Any]:
    """The answer out of KEY=VALUE words or a JSON object; ConfigError when it is neither."""
    if text is not None:
        if pairs:
            raise ConfigError("give the answer either as KEY=VALUE or with --answer, not both.", code="usage")
        try:
            found = exact_json.loads(text)
        except BadPayload as error:
            raise ConfigError(f"--answer: {error}", code="usage") from None
        if not isinstance(found, dict):
            raise ConfigError("--answer must be a JSON object.", code="usage")
        return found
    out: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ConfigError(f"{pair!r} is not KEY=VALUE.", hint="For example: action=link", code="usage")
        out[key] = value
    if not out:
        raise ConfigError("no answer is given.", hint="See the suggestions in `tieout conflicts show`.", code="usage")
    return out
