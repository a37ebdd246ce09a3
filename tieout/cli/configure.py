"""`init`, `check`, `setup`, `doctor`: from nothing to a connection that works."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from tieout.cli.init_answers import FOLDER, Answers, as_tables, check_draft, gather
from tieout.cli.init_words import say
from tieout.cli.options import ConfigOption, JsonOption, command_name, known_connection
from tieout.cli.output import Out
from tieout.cli.running import reporting, run
from tieout.cli.texts import system_language
from tieout.cli.write_config import toml, write_file
from tieout.core.clock import SystemClock
from tieout.core.dates import business_on
from tieout.core.errors import ConfigError
from tieout.runtime.home import unusable


def init(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")] = Path("tieout.toml"),
    name: Annotated[str | None, typer.Option("--name", help="The legal name of your company.")] = None,
    company: Annotated[str | None, typer.Option("--company", help="A short name for it; main if left out.")] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", help="Its functional currency; CNY if left out.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="Its business time zone; Asia/Shanghai if left out.")
    ] = None,
    crm: Annotated[str | None, typer.Option("--crm", help="The vendor of the CRM; zoho_crm if left out.")] = None,
    accounting: Annotated[
        str | None, typer.Option("--accounting", help="The vendor of the accounting system; kingdee if left out.")
    ] = None,
    book: Annotated[str | None, typer.Option("--book-of-record", help="The connection whose documents post.")] = None,
    start_on: Annotated[
        str | None, typer.Option("--start-on", help="The day the books begin: 1 January if left out.")
    ] = None,
    language: Annotated[str | None, typer.Option("--language", help="zh-CN or en.")] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A vendor's own key: zoho.client_id=env:MY_ID, kingdee.base_url=https://…; repeatable."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take what is given, and defaults.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a configuration to start from. At a terminal it asks for what no option says.

    Secrets never stand in it: they are read from variables, or go into files of their own that only you can read.

    \b
    Examples:
      tieout init
      tieout init --yes --name "Example Trading Ltd" --currency USD --timezone America/New_York --language en
      tieout init --yes --crm fxiaoke --set fxiaoke.app_id=env:FX_APP --set kingdee.base_url=https://erp.example.com/k3cloud
    """
    out = Out(as_json=as_json, language=language if language in ("zh-CN", "en") else None)
    with reporting(out):
        if to.exists() and not force:
            raise ConfigError(f"{to} exists already.", hint="Say --force to replace it.")
        given = {
            "language": language, "name": name, "company": company, "currency": currency, "timezone": timezone,
            "crm": crm, "accounting": accounting, "book_of_record": book, "start_on": start_on,
        }  # fmt: skip
        defaults = {
            "language": system_language(), "name": "My Company", "company": "main", "currency": "CNY",
            "timezone": "Asia/Shanghai", "crm": "zoho_crm", "accounting": "kingdee",
            "start_on": business_on(SystemClock().now(), "UTC").replace(month=1, day=1).isoformat(),
        }  # fmt: skip
        ask = sys.stdin.isatty() and not yes and not as_json
        try:
            answers = gather(given, pairs or [], defaults=defaults, ask=ask)
            # Checked with every secret in a variable: the files of those that were typed are not there yet.
            checked = {name: _unwritten(keys, answers) for name, keys in answers.settings.items()}
            check_draft(answers, checked, to.absolute())
            if ask:
                files = say(answers.language, "files", n=len(answers.secrets), folder=to.parent / FOLDER)
                where = files if answers.secrets else ""
                typer.confirm(say(answers.language, "confirm", path=to, files=where), default=True, abort=True)
        except typer.Abort:
            out.line("\n" + say(language or system_language(), "nothing"))
            raise typer.Exit(130) from None
        _write(to.absolute(), answers)
        if as_json:
            out.result({"path": to})
        out.say("wrote", path=to)
        missing = sorted(
            value.removeprefix("env:")
            for keys in answers.settings.values()
            for value in keys.values()
            if value.startswith("env:") and value.removeprefix("env:") not in os.environ
        )
        if missing:
            out.line(say(answers.language, "variables", names=" ".join(missing)))
        _say_next(out, answers)


def _say_next(out: Out, answers: Answers) -> None:
    """What to run now, a line each."""
    crm = answers.crm.removesuffix("_crm")
    steps = {"check": "check", "setup": f"setup {crm} --dry-run", "sync": "sync", "plan": "plan", "up": "up"}
    width = max(len(step) for step in steps.values())
    out.line(say(answers.language, "next"))
    for name, step in steps.items():
        out.line(f"  {command_name()} {step:<{width}}  {say(answers.language, f'next_{name}')}")


def _unwritten(keys: Mapping[str, str], answers: Answers) -> dict[str, str]:
    return {key: "env:X" if value.removeprefix("file:") in answers.secrets else value for key, value in keys.items()}


def _write(to: Path, answers: Answers) -> None:
    """First the secrets, each readable by its owner only, then the file that names them."""
    if answers.secrets:
        try:
            (to.parent / FOLDER).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise unusable(to.parent, error) from None
        for file, secret in sorted(answers.secrets.items()):
            write_file(to.parent / file, secret + "\n")
    write_file(to, toml(as_tables(answers, answers.settings)), 0o644)  # it holds references to secrets, never secrets


def check(
    connection: Annotated[str | None, typer.Argument(help="Only this connection.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Test credentials, scopes, clock and fields of the configured connections.

    \b
    Examples:
      tieout check
      tieout check zoho --json
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.check(known_connection(cfg, connection) if connection else None),
    )


def setup(
    connection: Annotated[str, typer.Argument(help="The connection to prepare.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be created; create nothing.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create the write-back fields in a CRM, or say what to create by hand.

    \b
    Examples:
      tieout setup zoho --dry-run
      tieout setup zoho
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.setup(known_connection(cfg, connection), dry_run=dry_run),
    )


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Find what is wrong: database, queue, credentials, stale streams, dead letters.

    \b
    Examples:
      tieout doctor
      tieout doctor --json
    """
    run(config, as_json, lambda service, cfg, progress: service.doctor())


def support(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="The ZIP file to write.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what somebody else needs to find a fault: versions, masked configuration, health, counts, runs, log lines.

    Secrets, tokens, mail addresses, phone numbers and customers' names are taken out. Look at it before you send it.

    \b
    Examples:
      tieout support tieout-support.zip
    """
    run(config, as_json, lambda service, cfg, progress: service.support(to))


def register(app: typer.Typer) -> None:
    """Add these commands to the tree."""
    for command in (init, check, setup, doctor, support):
        app.command()(command)
