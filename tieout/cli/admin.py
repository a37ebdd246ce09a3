"""`apikeys`, `users`: who may do what."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from tieout.cli.options import ConfigOption, JsonOption, actor, load_config, service
from tieout.cli.output import Out
from tieout.cli.running import reporting, run
from tieout.core.errors import ConfigError

MIN_PASSWORD = 12


class Role(StrEnum):
    """The roles of the API and the console."""

    viewer = "viewer"
    operator = "operator"
    approver = "approver"
    admin = "admin"
    auditor = "auditor"


RoleOption = Annotated[Role, typer.Option("--role", help="What it may do.")]
keys = typer.Typer(help="Keys for the HTTP API.", no_args_is_help=True, rich_markup_mode=None)
users = typer.Typer(help="People who log in to the console.", no_args_is_help=True, rich_markup_mode=None)


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    role: RoleOption = Role.viewer,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and show it once.

    \b
    Examples:
      tieout apikeys create dashboard --role viewer
    """
    out = Out(as_json=as_json)
    with reporting(out):
        cfg = load_config(config)
        out.language = cfg.language
        with service(cfg) as opened:
            key = opened.create_api_key(name, role.value, actor())
        out.result({"name": name, "role": role.value, "key": key})
        out.say("key_once")


@keys.command("list")
def list_keys(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Every key with its role and last use; the secrets cannot be shown again.

    \b
    Examples:
      tieout apikeys list
    """
    run(config, as_json, lambda service, cfg, progress: service.api_keys())


@keys.command("revoke")
def revoke_key(
    id: Annotated[str, typer.Argument(metavar="ID", help="The key's id.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key useless at once.

    \b
    Examples:
      tieout apikeys revoke tok_01k9x2
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: service.revoke_api_key(id, actor()) or {"id": id, "revoked": True},
    )


@users.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="The login name.")],
    role: RoleOption = Role.viewer,
    stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a person; the password is asked for, never taken from the command line.

    \b
    Examples:
      tieout users add mei --role operator
      tieout users add mei --role operator --password-stdin < password.txt
    """
    out = Out(as_json=as_json)
    with reporting(out):
        cfg = load_config(config)
        out.language = cfg.language
        if stdin:
            password = sys.stdin.readline().rstrip("\n")
        else:
            password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        if len(password) < MIN_PASSWORD:
            raise ConfigError(f"the password is shorter than {MIN_PASSWORD} characters.", code="usage")
        with service(cfg) as opened:
            opened.add_user(name, password, role.value, actor())
        out.result({"name": name, "role": role.value})


@users.command("list")
def list_users(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Everybody who can log in, and those who were shut out.

    \b
    Examples:
      tieout users list
    """
    run(config, as_json, lambda service, cfg, progress: service.users())


def register(app: typer.Typer) -> None:
    """Add these commands to the tree."""
    app.add_typer(keys, name="apikeys")
    app.add_typer(users, name="users")
