"""`sync`, `pull`, `apply`, `plan`, `push`: the flow, at once or step by step."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.cli.options import ConfigOption, JsonOption, actor, at_option, known_connection
from tieout.cli.plan_text import SHOWN, show_plan
from tieout.cli.running import run
from tieout.core.config import Config

Connections = Annotated[list[str] | None, typer.Argument(help="Only these connections; all when none is named.")]
Full = Annotated[bool, typer.Option("--full", help="Read everything again, not only what changed.")]
Since = Annotated[str | None, typer.Option("--since", help="Read from this date or instant on (2026-11-01).")]


def _named(config: Config, names: list[str] | None) -> list[str] | None:
    return [known_connection(config, name) for name in names] if names else None


def sync(
    connections: Connections = None,
    full: Full = False,
    since: Since = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pull, apply, and plan or push, here in the foreground; needs no Redis.

    \b
    Examples:
      tieout sync
      tieout sync zoho --since 2026-11-01
      tieout sync --full --json
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.sync(
            connections=_named(cfg, connections),
            full=full,
            since=at_option(cfg, since),
            progress=progress,
            actor=actor(),
        ),
        quiet=False,
    )


def pull(
    connections: Connections = None,
    full: Full = False,
    since: Since = None,
    accept_deletes: Annotated[
        bool, typer.Option("--accept-deletes", help="List all ids and let a mass deletion through that was held back.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Land what changed at the sources, and nothing more.

    \b
    Examples:
      tieout pull
      tieout pull kingdee --full
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.pull(
            connections=_named(cfg, connections),
            full=full,
            since=at_option(cfg, since),
            progress=progress,
            accept_deletes=accept_deletes,
            actor=actor(),
        ),
        quiet=False,
    )


def apply(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Map, bind, post and decide what was landed.

    \b
    Examples:
      tieout apply
      tieout apply --json
    """
    run(config, as_json, lambda service, cfg, progress: service.apply(progress=progress), quiet=False)


def plan(
    fresh: Annotated[bool, typer.Option("--fresh", help="Read the remote values again first.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="How many records to show, the most money first; 0 for all.")
    ] = SHOWN,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show each field that would change in each remote system, and the digest to push it by. Writes nothing.

    \b
    Examples:
      tieout plan
      tieout plan --limit 0
      tieout plan --fresh --json
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.plan(fresh=fresh),
        show=lambda out, view: show_plan(out, view, limit),
    )


push_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@push_app.callback()
def push(
    context: typer.Context,
    digest: Annotated[str | None, typer.Option("--plan", help="Send exactly the plan with this digest.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send what is due; with --plan exactly what was planned. Exit code 3: some rows moved on since the plan.

    \b
    Examples:
      tieout push
      tieout push --plan 4f1d2c
      tieout push resume
    """
    if context.invoked_subcommand is None:
        run(
            config,
            as_json,
            lambda service, cfg, progress: service.push(plan_digest=digest, progress=progress, actor=actor()),
            quiet=False,
        )


@push_app.command()
def resume(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Allow pushing again after a restore or on a copied home.

    \b
    Examples:
      tieout push resume
    """
    run(config, as_json, lambda service, cfg, progress: service.push_resume(actor()))


@push_app.command()
def pause(
    why: Annotated[str, typer.Option("--why", help="Shown wherever the pause is shown.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send nothing anywhere until `tieout push resume`; decisions go on and wait in the plan.

    \b
    Examples:
      tieout push pause --why "month end freeze"
    """
    run(config, as_json, lambda service, cfg, progress: service.push_pause(actor(), why))


@push_app.command()
def dead(
    connection: Annotated[str | None, typer.Argument(help="Only this connection.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many to list.")] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List changes that were refused for good or given up, with why.

    \b
    Examples:
      tieout push dead
      tieout push dead zoho --limit 10 --json
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.dead_letters(
            known_connection(cfg, connection) if connection else None, limit
        ),
    )


@push_app.command()
def retry(
    what: Annotated[str, typer.Argument(metavar="ID|CONNECTION", help="One push, or a connection with --code.")],
    code: Annotated[str, typer.Option("--code", help="All dead letters with this refusal code.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a dead letter again, or all of a connection that were refused for one reason.

    \b
    Examples:
      tieout push retry psh_01k9x2
      tieout push retry zoho --code no_field
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: (
            service.revive(known_connection(cfg, what), code, actor()) if code else service.retry_push(what, actor())
        ),
    )


def register(app: typer.Typer) -> None:
    """Add these commands to the tree."""
    for command in (sync, pull, apply, plan):
        app.command()(command)
    app.add_typer(push_app, name="push")
