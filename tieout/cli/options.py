"""Options that every subcommand has, and what they open: the configuration and the service."""

from __future__ import annotations

import getpass
import importlib
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, cast

import typer

from tieout.core.config import Config, load
from tieout.core.config_text import nearest
from tieout.core.dates import DateError, parse_at, parse_on, zone
from tieout.core.errors import ConfigError

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="The configuration file (else TIEOUT_CONFIG, ./tieout.toml).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for machines.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=200, help="How many.")]
CursorOption = Annotated[str | None, typer.Option("--cursor", help="Go on after an earlier page.")]


class Service(Protocol):
    """What the command line asks of `sync.service`; results are dataclasses with `as_dict()`."""

    @property
    def credit(self) -> Any: ...

    @property
    def dunning(self) -> Any: ...

    @property
    def rules(self) -> Any: ...

    @property
    def people(self) -> Any: ...

    def migrate(self, only_empty: bool = False) -> None: ...
    def prepare(self) -> None: ...
    def progress(self, since: datetime | None = None) -> list[dict[str, Any]]: ...
    def start_sync(self, connection: str, actor: str) -> str: ...
    def login_link(self) -> str: ...
    def sync(
        self,
        connections: Sequence[str] | None = None,
        full: bool = False,
        since: datetime | None = None,
        progress: Any = None,
        actor: str = "",
    ) -> Any: ...
    def pull(
        self,
        connections: Sequence[str] | None = None,
        full: bool = False,
        since: datetime | None = None,
        progress: Any = None,
        accept_deletes: bool = False,
        actor: str = "cli",
    ) -> Any: ...
    def apply(self, progress: Any = None) -> Any: ...
    def plan(self, fresh: bool = False) -> Any: ...
    def push(self, plan_digest: str | None = None, progress: Any = None, actor: str = "cli") -> Any: ...
    def push_resume(self, actor: str) -> Any: ...
    def push_pause(self, actor: str, why: str) -> Any: ...
    def dead_letters(self, connection: str | None = None, limit: int = 50) -> Any: ...
    def revive(self, connection: str, code: str, actor: str) -> Any: ...
    def retry_push(self, push_id: str, actor: str) -> Any: ...
    def check(self, connection: str | None = None) -> Any: ...
    def setup(self, connection: str, dry_run: bool = False) -> Any: ...
    def doctor(self) -> Any: ...
    def support(self, path: Path) -> Any: ...
    def conflicts(self, state: str = "open", limit: int = 50, cursor: str | None = None) -> Any: ...
    def conflict(self, id: str) -> Any: ...
    def resolve(self, id: str, answer: dict[str, Any], actor: str) -> Any: ...
    def undo(self, id: str, actor: str) -> Any: ...
    def merge(self, customer: str, other: str, actor: str, reason: str = "", overrule: bool = False) -> Any: ...
    def unmerge(self, customer: str, members: list[str], actor: str, reason: str = "") -> Any: ...
    def relink(
        self, customer: str, members: list[str], actor: str, reason: str = "", overrule: bool = False
    ) -> Any: ...
    @property
    def answers(self) -> Any: ...
    def why(self, left: str, right: str) -> Any: ...
    def mapping_check(self, connection: str, stream: str | None = None) -> Any: ...
    def mapping_suggest(self, connection: str, stream: str | None = None) -> Any: ...
    def reconcile(self, as_of: date | None = None, known_at: str | int | datetime | None = None) -> Any: ...
    def report(self, name: str, **wish: Any) -> Any: ...
    def notices(self, limit: int = 50) -> Any: ...
    def test_notice(self, target: str) -> Any: ...
    def verify(self) -> Any: ...
    def rebuild_check(self) -> Any: ...
    def backup(self, path: Path, actor: str) -> Any: ...
    def create_api_key(self, name: str, role: str, actor: str) -> str: ...
    def revoke_api_key(self, id: str, actor: str) -> Any: ...
    def api_keys(self) -> Any: ...
    def users(self) -> Any: ...
    def check_key(self) -> None: ...
    def forget_secrets(self, actor: str) -> Any: ...
    def rotate_secrets(self, actor: str) -> Any: ...
    def add_user(self, name: str, password: str, role: str, actor: str) -> Any: ...


def load_config(path: Path | None) -> Config:
    """The configuration, with each vendor's own keys checked."""
    from tieout.cli.vendors import vendor_settings

    return load(path, vendor_settings=vendor_settings)


@contextmanager
def service(config: Config, *, any_key: bool = False) -> Iterator[Service]:
    """The opened service of a configuration; an embedded or empty database is brought to this version.

    `any_key`: also where stored secrets cannot be opened with the configured key, to mend just that.
    """
    visit_home(config)
    opened = importlib.import_module("sync.service").open_service(config)
    with opened as ready:
        # Nobody else runs another version on an embedded one; a shared one is upgraded by `serve` and `sync`.
        ready.migrate(only_empty=not config.embedded_database)
        if not any_key:
            ready.check_key()
        yield cast(Service, ready)


def visit_home(config: Config) -> None:
    """Refuse a home of another version or kind; an embedded database's home is made where there is none."""
    from tieout.runtime.home import Home

    Home.visit(config.home, home_kind(config), make=config.embedded_database)


def home_kind(config: Config) -> Literal["sandbox", "real"] | None:
    """What a home holds by this configuration; None while it has no connections."""
    return ("sandbox" if config.sandbox else "real") if config.connections else None


def actor() -> str:
    """Who is at the keyboard, as the audit trail names them."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def known_connection(config: Config, name: str) -> str:
    """The name if it is a configured connection; ConfigError with the nearest one otherwise."""
    if name in config.connections:
        return name
    close = nearest(name, config.connections)
    raise ConfigError(
        f"there is no connection {name!r}.",
        hint=f'Did you mean "{close}"?' if close else f"Configured: {', '.join(sorted(config.connections)) or 'none'}.",
    )


def on_option(text: str | None) -> date | None:
    """A `--as-of` date."""
    return None if text is None else parse_on(text)


def at_option(config: Config, text: str | None) -> datetime | None:
    """A `--since`: an instant with offset, or a date in the first company's time zone."""
    if text is None:
        return None
    try:
        return parse_at(text)
    except DateError:
        day = parse_on(text)
    names = [company.timezone for company in config.companies.values()]
    return datetime.combine(day, time(), tzinfo=zone(names[0] if names else "UTC"))


def known_option(text: str | None, config: Config) -> str | datetime | None:
    """A `--known-at`: a point (12 or 12.345), an instant with offset, or a day (its end in the company's zone)."""
    if text is None or re.fullmatch(r"\d+(\.\d+)?", text):
        return text
    try:
        return parse_at(text)
    except DateError:
        day = parse_on(text)
    names = [company.timezone for company in config.companies.values()]
    return datetime.combine(day, time.max, tzinfo=zone(names[0] if names else "UTC"))


def near(path: Path) -> Path:
    """The path relative to the working folder where it lies inside."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def command_name() -> str:
    """How a person starts this very command in another terminal."""
    own = Path(sys.executable).parent / "tieout"
    found = shutil.which("tieout")
    return "tieout" if found and Path(found) == own else str(near(own))
