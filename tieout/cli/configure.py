"""`init`, `check`, `setup`, `doctor`: from nothing to a connection that works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tieout.cli.options import ConfigOption, JsonOption, command_name, known_connection
from tieout.cli.output import Out
from tieout.cli.running import reporting, run
from tieout.cli.texts import system_language
from tieout.cli.vendors import STARTERS, vendor_settings
from tieout.cli.write_config import Starter, starter_text, write_file
from tieout.core.clock import SystemClock
from tieout.core.config import parse
from tieout.core.dates import business_on, parse_on
from tieout.core.errors import ConfigError


class _AnyVariable(dict[str, str]):
    """An environment in which every variable is set: to check a file whose secrets are not there yet."""

    def __contains__(self, key: object) -> bool:
        return not str(key).startswith("TIEOUT_")

    def __missing__(self, key: str) -> str:
        return "x"


def init(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")] = Path("tieout.toml"),
    name: Annotated[str, typer.Option("--name", help="The legal name of your company.")] = "My Company",
    company: Annotated[str, typer.Option("--company", help="A short name for it.")] = "main",
    currency: Annotated[str, typer.Option("--currency", help="Its functional currency.")] = "CNY",
    timezone: Annotated[str, typer.Option("--timezone", help="Its business time zone.")] = "Asia/Shanghai",
    crm: Annotated[str, typer.Option("--crm", help="The vendor of the CRM.")] = "zoho_crm",
    accounting: Annotated[str, typer.Option("--accounting", help="The vendor of the books of record.")] = "kingdee",
    start_on: Annotated[
        str | None, typer.Option("--start-on", help="The day the books begin: 1 January if left out.")
    ] = None,
    language: Annotated[str | None, typer.Option("--language", help="zh-CN or en.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a configuration to start from; secrets stay in environment variables.

    \b
    Examples:
      tieout init
      tieout init --name "Example Trading Ltd" --currency USD --timezone America/New_York --language en
    """
    out = Out(as_json=as_json, language=language if language in ("zh-CN", "en") else None)
    with reporting(out):
        for vendor in (crm, accounting):
            if vendor not in STARTERS:
                raise ConfigError(f"unknown vendor {vendor!r}.", hint=f"Known vendors: {', '.join(sorted(STARTERS))}.")
        if to.exists() and not force:
            raise ConfigError(f"{to} exists already.", hint="Say --force to replace it.")
        starter = Starter(
            company=company,
            name=name,
            currency=currency,
            timezone=timezone,
            language=language or system_language(),
            crm=(crm.removesuffix("_crm"), crm),
            book_of_record=(accounting, accounting),
            start_on=parse_on(start_on)
            if start_on
            else business_on(SystemClock().now(), "UTC").replace(month=1, day=1),
        )
        text = starter_text(starter, STARTERS)
        parse(text, to.absolute(), environ=_AnyVariable(), vendor_settings=vendor_settings)
        write_file(to.absolute(), text, 0o644)  # it holds references to secrets, never secrets
        if as_json:
            out.result({"path": to})
        out.say("wrote", path=to)
        out.say("next_check", tieout=command_name())


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
