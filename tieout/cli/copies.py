"""`backup`, `restore`, `secrets`: a copy of it all, putting it back, and changing the key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from tieout.cli.options import ConfigOption, JsonOption, actor, load_config, service, visit_home
from tieout.cli.output import Out
from tieout.cli.running import reporting, run
from tieout.core.config import Config
from tieout.core.crypto import new_key

secrets = typer.Typer(help="The key that seals stored tokens.", no_args_is_help=True, rich_markup_mode=None)


def backup(
    to: Annotated[Path, typer.Argument(metavar="PATH", help="The file to write.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a consistent copy of the database while everything runs.

    Keep the secret key (secret.key in the home, or TIEOUT_SECRET_KEY) apart from it.

    \b
    Examples:
      tieout backup tieout-2026-11-30.backup
    """
    run(config, as_json, lambda service, cfg, progress: service.backup(to, actor()))


def restore(
    copy: Annotated[Path, typer.Argument(metavar="FILE", help="What `tieout backup` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Keep the present embedded database under another name.")
    ] = False,
    without_key: Annotated[
        bool, typer.Option("--without-key", help="Make stored tokens anew where this key cannot open them.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a copy in the place of the database; nothing is pushed until you say so.

    Then: `tieout pull --full`, `tieout apply`, `tieout reconcile`, and `tieout push resume`. What was sent after the
    copy was made is found at the remotes and not sent again.

    \b
    Examples:
      tieout restore tieout-2026-11-30.backup --replace
    """
    out = Out(as_json=as_json)
    with reporting(out):
        cfg = load_config(config)
        out.language = cfg.language
        with _alone(cfg):
            from sync.restore import restore as put_back
            from tieout.core.clock import SystemClock

            found = put_back(cfg, SystemClock(), copy, actor=actor(), replace=replace, without_key=without_key)
        out.result(found)
        out.say("after_restore")


@secrets.command("rotate")
def rotate(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Change the secret key: seal every stored token with the newest one.

    The embedded home makes a new key by itself; stop `tieout up` first. Elsewhere set TIEOUT_SECRET_KEY to "new,old"
    for every process, restart them, and run this. After a crash run it again.

    \b
    Examples:
      tieout secrets rotate
      TIEOUT_SECRET_KEY="$NEW,$OLD" tieout secrets rotate
    """
    out = Out(as_json=as_json)
    with reporting(out):
        cfg = load_config(config)
        out.language = cfg.language
        with _alone(cfg):
            run(config, as_json, lambda service, cfg, progress: service.rotate_secrets(actor()))


@secrets.command("forget")
def forget(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Drop every stored token, for when the key that sealed them is lost.

    Access tokens are minted anew from the credentials in the configuration, notification channels are registered anew.
    Amounts, documents, answers and the journal do not depend on the key. Stop `tieout up` first.

    \b
    Examples:
      tieout secrets forget
    """
    out = Out(as_json=as_json)
    with reporting(out):
        cfg = load_config(config)
        out.language = cfg.language
        with _alone(cfg), service(cfg, any_key=True) as opened:
            out.result(opened.forget_secrets(actor()))


@secrets.command("new")
def make_key(as_json: JsonOption = False) -> None:
    """Print a new key, good for TIEOUT_SECRET_KEY; it is stored nowhere.

    \b
    Examples:
      tieout secrets new
    """
    if as_json:
        Out(as_json=True).result({"key": new_key()})
    else:
        typer.echo(new_key())


@contextmanager
def _alone(config: Config) -> Iterator[None]:
    """An embedded home is held for ourselves: `tieout up` on it must be stopped first."""
    visit_home(config)
    if not config.embedded_database:
        yield
        return
    from tieout.runtime.home import Home

    with Home.open(config.home):
        yield


def register(app: typer.Typer) -> None:
    """Add these commands to the tree."""
    app.command()(backup)
    app.command()(restore)
    app.add_typer(secrets, name="secrets")
