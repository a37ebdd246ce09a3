"""`apikeys`, `users`: who may do what."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from tieout.cli.options import ConfigOption, JsonOption, Service, actor, load_config, service
from tieout.cli.output import Out
from tieout.cli.running import reporting, run
from tieout.core.config import Config
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
NameArgument = Annotated[str, typer.Argument(help="The login name.")]
StdinOption = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
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
    stdin: StdinOption = False,
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
        password = _password(stdin)
        with service(cfg) as opened:
            opened.add_user(name, password, role.value, actor())
        out.result({"name": name, "role": role.value})


@users.command("password")
def set_password(
    name: NameArgument,
    stdin: StdinOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a person a new password; their sessions end. Works where an administrator lost theirs.

    \b
    Examples:
      tieout users password mei
      tieout users password mei --password-stdin < password.txt
    """
    out = Out(as_json=as_json)
    with reporting(out):
        cfg = load_config(config)
        out.language = cfg.language
        password = _password(stdin)
        with service(cfg) as opened:
            opened.people.set_password(opened.people.named(name), password, actor())
        out.result({"name": name, "changed": True})


@users.command("role")
def set_role(
    name: NameArgument,
    role: Annotated[Role, typer.Argument(help="What they may do.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a person another role; they sign in again. The last administrator stays one.

    \b
    Examples:
      tieout users role mei approver
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: {
            "name": name,
            **service.people.set_role(service.people.named(name), role.value, actor()),
        },
    )


@users.command("deactivate")
def deactivate(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Shut a person out at once; what they did keeps their name.

    \b
    Examples:
      tieout users deactivate mei
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: {
            "name": name,
            **service.people.deactivate(service.people.named(name), actor()),
        },
    )


@users.command("activate")
def activate(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Let a person in again, with the role and the password they had.

    \b
    Examples:
      tieout users activate mei
    """
    run(
        config,
        as_json,
        lambda service, cfg, progress: {"name": name, **service.people.activate(service.people.named(name), actor())},
    )


@users.command("link")
def make_link(
    name: Annotated[str | None, typer.Argument(help="The login name; the first administrator when left out.")] = None,
    forget: Annotated[
        bool, typer.Option("--forget-password", help="Their old password ends; they choose a new one once they are in.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a one-time way into the console, good for 15 minutes; the way in for whoever lost a password.

    \b
    Examples:
      tieout users link
      tieout users link mei --forget-password
    """

    def made(service: Service, cfg: Config, _: object) -> dict[str, object]:
        person = service.people.first_admin() if name is None else service.people.named(name)
        found = service.people.link(person, actor(), forget_password=forget)
        return {"link": f"{cfg.public_url.rstrip('/')}{found['path']}", "expires_at": found["expires_at"]}

    run(config, as_json, made)


@users.command("list")
def list_users(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Everybody who can log in, and those who were shut out.

    \b
    Examples:
      tieout users list
    """
    run(config, as_json, lambda service, cfg, progress: service.users())


def _password(stdin: bool) -> str:
    """A password that was asked for twice, or the first line of what was piped in; never from the command line."""
    if stdin:
        found = sys.stdin.readline().rstrip("\n")
    else:
        found = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    if len(found) < MIN_PASSWORD:
        raise ConfigError(f"the password is shorter than {MIN_PASSWORD} characters.", code="usage")
    return found


def register(app: typer.Typer) -> None:
    """Add these commands to the tree."""
    app.add_typer(keys, name="apikeys")
    app.add_typer(users, name="users")
