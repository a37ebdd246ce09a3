"""The configuration: `tieout.toml`, `env:` and `file:` references, and the five TIEOUT_* variables.

`load()` is the one way in; everything it returns is frozen and checked, secrets never appear in a `repr`.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tieout.core.config_text import Given, line_of, parse_toml, resolve, unknown_key, validated
from tieout.core.config_values import (
    EVERYBODY,
    ROBOTS,
    CashApplication,
    CronText,
    CurrencyCode,
    Day,
    Formats,
    Frozen,
    Interval,
    LandingKeep,
    Language,
    PushMode,
    ReportName,
    Targets,
    TimeZone,
    Words,
)
from tieout.core.crypto import home_key
from tieout.core.errors import ConfigError
from tieout.core.mail_settings import Mail

VendorSettings = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Checks one vendor's own keys and returns them completed; raises ConfigError for an unknown or missing one."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_SOCKET_PATH_MAX = 100  # sun_path holds 104 bytes on macOS, 108 on Linux
_TABLES = ("tieout", "companies", "connections", "schedules", "alerts", "mail")


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class Company(_Table):
    """One legal entity that sells: the owner of documents, open items and periods (D6)."""

    name: str
    functional_currency: CurrencyCode
    timezone: TimeZone
    calendar: str = ""
    book_of_record: str = ""
    cash_application: CashApplication = "source"


def _limits(value: Any) -> Any:
    return {"rows": value} if type(value) is int else value


class ChangeLimits(_Table):
    """How much one push run may change before it is parked for an approver; 0 = no limit."""

    rows: Annotated[int, Field(ge=0)] = 0
    share_percent: Annotated[int, Field(ge=0, le=100)] = 0


class Connection(_Table):
    """One configured remote; `settings` holds the vendor's own keys (addresses and secrets included)."""

    name: str
    vendor: str
    company: str = ""
    organizations: Annotated[Mapping[str, str], Frozen] = Field(default_factory=dict)
    start_on: Day = None
    interval: Interval = timedelta(minutes=5)
    streams: Words = ()
    profile: str = ""
    push: Words = ()
    push_mode: PushMode = "plan"
    sandbox: bool = False
    max_changes_per_run: Annotated[ChangeLimits, BeforeValidator(_limits)] = ChangeLimits()
    fields: Annotated[Mapping[str, str], Frozen] = Field(default_factory=dict)
    settings: Mapping[str, Any] = Field(default_factory=dict, repr=False)


class Schedule(_Table):
    """A report made at the slots of a cron string, in its company's time zone (or `timezone`)."""

    name: str
    report: ReportName
    cron: CronText
    format: Formats = ("html",)
    to: Targets = ("file",)
    company: str = ""
    customer: str = ""  # of a statement: whose, or EVERYBODY
    timezone: TimeZone | Literal[""] = ""


class Alerts(_Table):
    """Who hears of dead credentials, stale streams, dead letters and audit breaches."""

    to: Targets = ()


class _General(_Table):
    home: str = "var"
    database_url: Annotated[str, Field(repr=False)] = ""
    redis_url: Annotated[str, Field(repr=False)] = ""
    secret_key: Annotated[str, Field(repr=False)] = ""
    language: Language = "zh-CN"
    public_url: str = ""
    landing_keep: LandingKeep = 0


class Config(BaseModel):
    """A whole, checked configuration; made by `load()` only."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    path: Path
    home: Path
    database_url: str = Field(repr=False)
    redis_url: str = Field(repr=False)
    given_secret_key: str = Field(repr=False)
    language: Language
    public_url: str
    companies: Annotated[Mapping[str, Company], Frozen]
    connections: Annotated[Mapping[str, Connection], Frozen]
    schedules: Annotated[Mapping[str, Schedule], Frozen]
    alerts: Alerts
    mail: Mail = Mail()
    embedded_database: bool
    embedded_redis: bool

    @property
    def sandbox(self) -> bool:
        """True when the connections are local vendor servers."""
        return any(connection.sandbox for connection in self.connections.values())

    def secret_keys(self) -> tuple[str, ...]:
        """The keys that seal stored secrets, newest first; the embedded home makes its own on first use.

        Both may hold several, separated by commas, while keys are being changed.
        """
        text = self.given_secret_key or home_key(self.home / "secret.key")
        return tuple(key.strip() for key in text.split(",") if key.strip())

    def company_of(self, connection: str, organization: str = "") -> str:
        """The company id a source organisation of a connection belongs to; ConfigError when none is said."""
        found = self.connections[connection]
        if found.organizations:
            if organization in found.organizations:
                return found.organizations[organization]
            raise ConfigError(
                f"connection {connection!r} knows no company for the organization {organization!r}.",
                hint=f"Add it to organizations in [connections.{connection}].",
            )
        return found.company


def find(explicit: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The configuration file: the one named, TIEOUT_CONFIG, ./tieout.toml, or tieout.toml in the home."""
    env = os.environ if environ is None else environ
    named = explicit or env.get("TIEOUT_CONFIG")
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise ConfigError(f"there is no configuration file {path}.", hint="Check --config or TIEOUT_CONFIG.")
        return path
    for path in (Path("tieout.toml"), Path(env.get("TIEOUT_HOME") or "var") / "tieout.toml"):
        if path.is_file():
            return path
    raise ConfigError(
        "there is no configuration: ./tieout.toml does not exist.",
        hint="Run `tieout init` to write one, or `tieout up --sandbox` to try it with local vendor servers.",
    )


def load(
    path: str | Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    vendor_settings: VendorSettings | None = None,
) -> Config:
    """Read and check a configuration file; ConfigError says in one line which key is wrong and where.

    `vendor_settings(vendor, settings)` checks the keys that belong to a vendor (the core knows none of them).
    """
    env = os.environ if environ is None else environ
    file = find(path, env).absolute()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read {file}: {reason}.") from None
    return parse(text, file, environ=env, vendor_settings=vendor_settings)


def parse(
    text: str, file: Path, *, environ: Mapping[str, str], vendor_settings: VendorSettings | None = None
) -> Config:
    """The configuration of a TOML text that stands (or would stand) at `file`."""
    raw = parse_toml(text, str(file))
    for key in raw:
        if key not in _TABLES:
            raise unknown_key(key, "the top level", _TABLES, line=line_of(text, "", key))
    data = resolve(raw, "", base=file.parent, environ=environ)
    general = _general(validated(_General, data.get("tieout", {}), "tieout", text=text), environ)
    companies = {
        name: validated(Company, table, f"companies.{name}", text=text) for name, table in _tables(data, "companies")
    }
    connections = {
        name: _connection(name, table, text, companies, vendor_settings) for name, table in _tables(data, "connections")
    }
    schedules = {
        name: validated(Schedule, {**_no_name(table), "name": name}, f"schedules.{name}", text=text)
        for name, table in _tables(data, "schedules")
    }
    home = (file.parent / Path(general.home).expanduser()).resolve()
    if environ.get("TIEOUT_HOME"):
        home = Path(environ["TIEOUT_HOME"]).expanduser().resolve()
    config = Config(
        path=file,
        home=home,
        database_url=general.database_url or f"sqlite:///{home / 'tieout.db'}",
        redis_url=general.redis_url or f"unix://{quote(str(_socket(home)))}",
        given_secret_key=general.secret_key,
        language=general.language,
        public_url=general.public_url,
        companies=companies,
        connections=connections,
        schedules=schedules,
        alerts=validated(Alerts, data.get("alerts", {}), "alerts", text=text),
        mail=validated(Mail, data.get("mail", {}), "mail", text=text),
        embedded_database=not general.database_url,
        embedded_redis=not general.redis_url,
    )
    _cross_check(config)
    return config


def _socket(home: Path) -> Path:
    """The embedded server's socket; a short path in the temporary folder where the home's is too long for one."""
    path = home / "valkey" / "valkey.sock"
    if len(os.fsencode(path)) <= _SOCKET_PATH_MAX:
        return path
    mark = hashlib.blake2b(os.fsencode(home), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir()) / f"tieout-{os.getuid()}-{mark}" / "valkey.sock"


def _tables(data: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    tables = data.get(key, {})
    if not isinstance(tables, Mapping):
        raise ConfigError(f"[{key}] must hold tables such as [{key}.name].")
    for name, table in tables.items():
        if not _NAME.fullmatch(name):
            shown = name if name.isprintable() else repr(name)
            raise ConfigError(f"[{key}.{shown}]: a name is made of small letters, digits, - and _ (at most 40).")
        if not isinstance(table, Mapping):
            raise ConfigError(f"{key}.{name} must be a table: write [{key}.{name}].")
    return list(tables.items())


def _no_name(table: Mapping[str, Any]) -> Mapping[str, Any]:
    if "name" in table:
        raise ConfigError('the key "name" is not needed: the name stands in the table header.')
    return table


def _general(general: _General, environ: Mapping[str, str]) -> _General:
    given = {
        "database_url": environ.get("TIEOUT_DATABASE_URL"),
        "redis_url": environ.get("TIEOUT_REDIS_URL"),
        "secret_key": environ.get("TIEOUT_SECRET_KEY"),
        "public_url": environ.get("TIEOUT_PUBLIC_URL"),
    }
    return general.model_copy(update={key: value for key, value in given.items() if value})


def _connection(
    name: str,
    table: Mapping[str, Any],
    text: str,
    companies: Mapping[str, Company],
    vendor_settings: VendorSettings | None,
) -> Connection:
    place = f"connections.{name}"
    common = set(Connection.model_fields) - {"name", "settings"}
    own = {key: value for key, value in _no_name(table).items() if key in common}
    settings = {key: _plain(value) for key, value in table.items() if key not in common}
    if not own.get("company") and not own.get("organizations") and len(companies) == 1:
        own["company"] = next(iter(companies))
    connection = validated(Connection, {**own, "name": name}, place, text=text)
    if "push_mode" not in own and connection.sandbox:
        connection = connection.model_copy(update={"push_mode": "auto"})
    _check_addresses(connection, settings)
    if vendor_settings is not None:
        try:
            settings = vendor_settings(connection.vendor, settings)
        except ConfigError as error:
            raise ConfigError(f"[{place}]: {error.message}", hint=error.hint) from None
    return connection.model_copy(update={"settings": MappingProxyType(settings)})


def _plain(value: Any) -> Any:
    if isinstance(value, Given):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _check_addresses(connection: Connection, settings: Mapping[str, Any]) -> None:
    """Sandbox connections speak to loopback only; real ones speak TLS to every other host."""
    for key, value in settings.items():
        if not key.endswith("url") or not isinstance(value, str) or not value:
            continue
        place, parts = f"connections.{connection.name}.{key}", urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{place}: {value!r} is not an http address.")
        if connection.sandbox and parts.hostname not in LOOPBACK:
            raise ConfigError(f"{place}: a sandbox connection may only speak to this machine, not {parts.hostname}.")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ConfigError(f"{place}: {parts.hostname} must be spoken to over https.")


def _cross_check(config: Config) -> None:
    for name, connection in config.connections.items():
        place = f"connections.{name}"
        for company in (connection.company, *connection.organizations.values()):
            if company and company not in config.companies:
                raise ConfigError(f"{place}: there is no company {company!r}.", hint=f"Add [companies.{company}].")
        if not connection.company and not connection.organizations:
            raise ConfigError(f"{place}.company is missing.", hint="Name the company, or map organizations to them.")
    for name, company_table in config.companies.items():
        book = company_table.book_of_record
        if book and book not in config.connections:
            raise ConfigError(
                f"companies.{name}.book_of_record: there is no connection {book!r}.", hint=f"Add [connections.{book}]."
            )
        if not book and config.connections:
            raise ConfigError(
                f"companies.{name}.book_of_record is missing.",
                hint="Name the connection whose documents post to the ledger.",
            )
    for name, schedule in config.schedules.items():
        if schedule.company and schedule.company not in config.companies:
            raise ConfigError(f"schedules.{name}.company: there is no company {schedule.company!r}.")
        if schedule.report == "statement" and not schedule.customer:
            raise ConfigError(
                f"schedules.{name}.customer is missing: a statement is of one customer.",
                hint=f'Say customer = "cus_…", or customer = "{EVERYBODY}" for one of each that has a balance.',
            )
        if schedule.customer == EVERYBODY and schedule.report != "statement":
            raise ConfigError(
                f"schedules.{name}.customer: only statements are made of every customer.", hint="Leave it out."
            )
        if not schedule.format:
            raise ConfigError(f"schedules.{name}.format names no format.", hint='Write format = ["html"].')
    targets = {f"schedules.{name}.to": schedule.to for name, schedule in config.schedules.items()}
    targets["alerts.to"] = config.alerts.to
    for place, wanted in targets.items():
        for target in wanted:
            robot = config.connections.get(target.removeprefix("chat:"))
            if target.startswith("chat:") and (robot is None or robot.vendor not in ROBOTS):
                raise ConfigError(
                    f"{place}: {target!r} names no connection to a group.",
                    hint=f"Add [connections.{target.removeprefix('chat:')}] with vendor {', '.join(ROBOTS)}.",
                )
    if problem := config.mail.problem(LOOPBACK):
        for place, wanted in targets.items():
            if any(target.startswith("mail:") for target in wanted) or config.mail.host:
                raise ConfigError(
                    problem if config.mail.host else f"{place} sends mail, and {problem}",
                    hint='Say [mail] host = "smtp.example.com" and sender = "Tieout <ar@example.com>".',
                )
    real = sorted(name for name, connection in config.connections.items() if not connection.sandbox)
    if config.sandbox and real:
        raise ConfigError(
            f"sandbox and real connections are mixed: {', '.join(real)} is not marked sandbox.",
            hint="Use one home and one configuration for the sandbox, another for real systems.",
        )
    if not config.embedded_database and not config.given_secret_key:
        raise ConfigError(
            "an external database needs a secret key, and none is given.",
            hint="Set TIEOUT_SECRET_KEY to a long random text and keep it safe.",
        )
